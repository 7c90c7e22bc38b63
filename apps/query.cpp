#include "apps/query.h"

#include <chrono>

#include "apps/terminal.h"

namespace blindsight::apps {

using protocol::fail;
using protocol::Result;

namespace {

/// Setting up opens every layer's weight mask once; more than this is a broken deployment.
constexpr auto set_up_patience = std::chrono::minutes(2);

}  // namespace

Result<Answer> classify(actors::Client& client, const protocol::Protocol& protocol, const model::Plan& plan,
                        const model::Image& image, bool timeline) {
  const auto encoded = model::encode_input(plan, image.values);
  if (!encoded) return tl::unexpected(encoded.error());
  auto shares = protocol.share_input(plan.network, *encoded);
  if (!shares) return tl::unexpected(shares.error());
  auto prediction = client.predict(plan, std::move(*shares), timeline);
  if (!prediction) return tl::unexpected(prediction.error());
  const auto output = protocol.reveal_output(plan.network, prediction->output_shares);
  if (!output) return tl::unexpected(output.error());
  return Answer{model::decode_output(plan, *output), std::move(prediction->report)};
}

Result<void> check_protocol(actors::Client& client, const protocol::Protocol& protocol) {
  for (const auto role : {config::Role::server0, config::Role::server1}) {
    const auto status = client.status(role);
    if (!status) return tl::unexpected(status.error());
    if (status->protocol != protocol.name)
      return fail(std::string(config::name(role)) + " computes by '" + status->protocol + "', this command by '" +
                  std::string(protocol.name) + "': add --protocol " + status->protocol +
                  " if that is what you want, or change the key `protocol` at all three parties");
  }
  return {};
}

Result<void> deploy(actors::Client& client, const protocol::Protocol& protocol, const model::Plan& plan,
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
