#include "apps/query.h"

#include <chrono>

#include "apps/failure.h"
#include "apps/protocols.h"
#include "apps/terminal.h"
#include "protocol/core/dealing.h"
#include "protocol/core/text.h"

namespace blindsight::apps {

using protocol::in_quotes;
using protocol::Result;

namespace {

/// Setting up opens every layer's weight mask once; more than this is a broken deployment.
constexpr auto set_up_patience = std::chrono::minutes(2);

}  // namespace

Agreed agree(client::Client& client, const std::string& named) {
  if (!named.empty()) (void)protocol_named(named);
  const auto first = value_of(client.status(config::Role::server0)),
             second = value_of(client.status(config::Role::server1));
  const auto same = [](const char* key, const std::string& a, const std::string& b) {
    if (a != b)
      throw Failure(Exit::usage, std::string("server0 and server1 do not compute alike: key `") + key + "` is " +
                                     in_quotes(a) + " and " + in_quotes(b) +
                                     "; set it to the same at all three parties");
  };
  same("protocol", first.protocol, second.protocol);
  same("triples", first.triples, second.triples);
  same("randomness", first.randomness, second.randomness);
  if (!named.empty() && first.protocol != named)
    throw Failure(Exit::usage, "server0 computes by " + in_quotes(first.protocol) + ", this command by " +
                                   in_quotes(named) +
                                   ": leave --protocol out or name theirs if that is what you want, or change the key "
                                   "`protocol` at all three parties");
  const auto* protocol = protocol::find_protocol(first.protocol);
  if (protocol == nullptr)
    throw Failure(Exit::failed, "server0 computes by " + in_quotes(first.protocol) +
                                    ", which this program does not know: install the same release as the servers'");
  if (named.empty() && !protocol->hides)
    throw Failure(Exit::usage, "server0 computes by " + in_quotes(first.protocol) +
                                   ", which hides nothing from the servers: add --protocol " + first.protocol +
                                   " if that is what you want, or change the key `protocol` at all three parties");
  return {*protocol, protocol::dealing_of(first.triples, first.randomness)};
}

Result<void> deploy(client::Client& client, const protocol::Protocol& protocol, const model::Plan& plan,
                    const model::Weights& weights, const std::function<bool()>& give_up) {
  {
    ProgressBar bar("layers shared and sent");
    const auto shares = [&](std::size_t layer) {
      return protocol.share_weights(plan.network, layer, weights.layers.at(layer));
    };
    if (auto sent = client.deploy(plan, shares, bar.callback()); !sent) return sent;
  }
  const auto deadline = std::chrono::steady_clock::now() + set_up_patience;
  for (;;) {
    auto serving = client.wait_until_serving(plan, std::chrono::seconds(1));
    if (serving || std::chrono::steady_clock::now() > deadline || (give_up && give_up())) return serving;
  }
}

}  // namespace blindsight::apps
