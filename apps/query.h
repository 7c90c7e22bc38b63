#pragma once

#include <functional>
#include <string>

#include "client/client.h"
#include "model/plan/plan.h"
#include "protocol/core/program.h"

namespace blindsight::apps {

/// How the servers compute.
struct Agreed {
  const protocol::Protocol& protocol;
  protocol::Dealing dealing;
};

/// Asks both servers how they compute. A Failure when they differ, when it is not by the protocol that the caller has
/// named, and when it is by one that hides nothing and the caller has not named it (`named` is empty): a server that
/// says so would be shown the image.
Agreed agree(client::Client& client, const std::string& named);

/// Brings plan and freshly shared weights to the parties, with a progress bar, and waits until they serve them, or
/// until `give_up()`, asked every second, says so.
protocol::Result<void> deploy(client::Client& client, const protocol::Protocol& protocol, const model::Plan& plan,
                              const model::Weights& weights, const std::function<bool()>& give_up = {});

}  // namespace blindsight::apps
