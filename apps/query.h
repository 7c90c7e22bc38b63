#pragma once

#include <functional>
#include <string>

#include "apps/protocols.h"
#include "client/client.h"
#include "model/plan/plan.h"
#include "protocol/core/choice.h"

namespace blindsight::apps {

/// Asks both servers how they compute. A Failure when they differ, when it is not as the caller has named it, and when
/// it is by a protocol that hides nothing and the caller has named none: a server that says so would be shown the
/// image.
protocol::Choice agree(client::Client& client, const Named& named);

/// Brings plan and freshly shared weights to the parties under `name` (empty: as the plan calls it), with a progress
/// bar, and waits until they serve them, or until `give_up()`, asked every second, says so.
protocol::Result<void> deploy(client::Client& client, const protocol::Clients& clients, const model::Plan& plan,
                              const model::Weights& weights, const std::string& name,
                              const std::function<bool()>& give_up = {});

}  // namespace blindsight::apps
