#include "tests/fuzz/use_plan.h"

#include <cmath>

#include "model/plan/report.h"
#include "protocol/core/program.h"
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
      model::Plan plan = given;
      auto& network = plan.network;
      network.dealing.triples = static_cast<protocol::Dealing::Triples>(choice % 2);
      network.dealing.randomness = static_cast<protocol::Dealing::Randomness>(choice / 2);
      if (auto ok = protocol.check(network); !ok) {
        refusal_is_readable(ok.error().what);
        continue;
      }
      const auto report = model::report(plan, protocol);
      property(report.layers.size() == network.layers.size(), "a report has every layer");
      for (const auto& layer : report.layers)
        property(!std::isnan(layer.free_headroom_bits) && !layer.kind.empty(), "a report holds numbers");
      for (const auto party : {protocol::PartyId::server0, protocol::PartyId::server1, protocol::PartyId::producer})
        static_cast<void>(protocol.memory(network, party));
      for (std::size_t i = 0; i < network.layers.size(); ++i) {
        const double error = protocol.stated_error(network.layers[i]);
        property(std::isfinite(error) && error >= 0, "a layer's stated error is a number");
        static_cast<void>(protocol.weight_share_bytes(network, i));
      }
      static_cast<void>(protocol.input_share_bytes(network));
    }
  }
}

}  // namespace blindsight::fuzz
