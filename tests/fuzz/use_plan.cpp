#include "tests/fuzz/use_plan.h"

#include <cmath>

#include "model/plan/report.h"
#include "tests/fuzz/property.h"

namespace blindsight::fuzz {

void use_plan(const model::Plan& given) {
  const auto bytes = model::to_bytes(given);
  const auto again = model::plan_from_bytes(bytes);
  property(again.has_value(), "what was accepted is accepted again", again ? "" : again.error().what);
  property(model::to_bytes(*again) == bytes, "a plan survives writing and reading");
  for (const auto name : protocol::protocol_names()) {
    const protocol::Protocol& protocol = *protocol::find_protocol(name);
    for (unsigned choice = 0; choice < (protocol.dealing_choices ? 4U : 1U); ++choice) {
      const auto& network = given.network;
      const auto bound = protocol.bind(network, {static_cast<protocol::Dealing::Triples>(choice % 2),
                                                 static_cast<protocol::Dealing::Randomness>(choice / 2)});
      if (!bound) {
        refusal_is_readable(bound.error().what);
        continue;
      }
      const auto report = model::report(given, *bound);
      property(report.layers.size() == network.layers.size(), "a report has every layer");
      for (const auto& layer : report.layers)
        property(!std::isnan(layer.free_headroom_bits) && !layer.kind.empty(), "a report holds numbers");
      for (const auto party : {protocol::PartyId::server0, protocol::PartyId::server1, protocol::PartyId::producer})
        static_cast<void>(bound->costs->memory(party));
      for (protocol::LayerId i = 0; i < network.layers.size(); ++i) {
        const double error = bound->costs->stated_error(i);
        property(std::isfinite(error) && error >= 0, "a layer's stated error is a number");
        static_cast<void>(bound->clients->weight_share_bytes(i));
      }
      static_cast<void>(bound->clients->input_share_bytes());
    }
  }
}

}  // namespace blindsight::fuzz
