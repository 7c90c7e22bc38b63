#include "apps/query.h"

#include <chrono>

#include "apps/failure.h"
#include "apps/terminal.h"
#include "protocol/core/text.h"

namespace blindsight::apps {

using protocol::in_quotes;
using protocol::Result;

namespace {

/// Setting up opens every layer's weight mask once; more than this is a broken deployment.
constexpr auto set_up_patience = std::chrono::minutes(2);

}  // namespace

protocol::Choice agree(client::Client& client, const Named& named) {
  const auto first = value_of(client.status(config::Role::server0)),
             second = value_of(client.status(config::Role::server1));
  constexpr auto keys = "keys `protocol`, `triples` and `randomness`";
  if (first.choice != second.choice)
    throw Failure(Exit::usage, "server0 and server1 do not compute alike: by " + in_quotes(first.choice) + " and " +
                                   in_quotes(second.choice) + "; set the " + keys +
                                   " to the same at all three parties");
  const auto choice = protocol::choice_of(first.choice);
  if (named.protocol != nullptr && !(choice && named.names(*choice)))
    throw Failure(Exit::usage, "server0 computes by " + in_quotes(first.choice) + ", this command by " +
                                   in_quotes(protocol::spelling(named.choice())) +
                                   ": leave --protocol out or name theirs if that is what you want, or change the " +
                                   keys + " at all three parties");
  if (!choice)
    throw Failure(Exit::failed, "server0 computes by " + in_quotes(first.choice) +
                                    ", which this program does not know (" + choice.error().what +
                                    "): install the same release as the servers'");
  if (named.protocol == nullptr && !choice->protocol->hides)
    throw Failure(Exit::usage, "server0 computes by " + in_quotes(first.choice) +
                                   ", which hides nothing from the servers: add --protocol " + first.choice +
                                   " if that is what you want, or change the key `protocol` at all three parties");
  return *choice;
}

Result<void> deploy(client::Client& client, const protocol::Clients& clients, const model::Plan& plan,
                    const model::Weights& weights, const std::string& name, const std::function<bool()>& give_up) {
  {
    ProgressBar bar("layers shared and sent");
    const auto shares = [&](std::size_t layer) {
      return clients.share_weights(static_cast<protocol::LayerId>(layer), weights.layers.at(layer));
    };
    if (auto sent = client.deploy(plan, shares, {.name = name, .progress = bar.callback()}); !sent) return sent;
  }
  const auto deadline = std::chrono::steady_clock::now() + set_up_patience;
  for (;;) {
    auto serving = client.wait_until_serving(plan, std::chrono::seconds(1));
    if (serving || std::chrono::steady_clock::now() > deadline || (give_up && give_up())) return serving;
  }
}

}  // namespace blindsight::apps
