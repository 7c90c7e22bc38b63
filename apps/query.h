#pragma once

#include <functional>
#include <vector>

#include "actors/client/client.h"
#include "model/image/image.h"
#include "model/plan/plan.h"
#include "protocol/core/program.h"

namespace blindsight::apps {

/// What the data owner has in hand after one encrypted prediction.
struct Answer {
  std::vector<double> logits;
  actors::QueryReport report;
};

/// The one way from an image to an encrypted prediction: encode, share, ask, reveal. With `timeline`, the
/// report has actors::StageReport::intervals.
protocol::Result<Answer> classify(actors::Client& client, const protocol::Protocol& protocol, const model::Plan& plan,
                                  const model::Image& image, bool timeline = false);

/// Asks both servers whether they compute by `protocol`: shares of another protocol would be nonsense to them.
protocol::Result<void> check_protocol(actors::Client& client, const protocol::Protocol& protocol);

/// Brings plan and freshly shared weights to the parties, with a progress bar, and waits until they serve them, or
/// until `give_up()`, asked every second, says so.
protocol::Result<void> deploy(actors::Client& client, const protocol::Protocol& protocol, const model::Plan& plan,
                              const model::Weights& weights, const std::function<bool()>& give_up = {});

}  // namespace blindsight::apps
