#include "protocol/core/dealing.h"

namespace blindsight::protocol {

Dealing dealing_of(std::string_view triples, std::string_view randomness) {
  return {triples == "fresh" ? Dealing::Triples::fresh : Dealing::Triples::reused,
          randomness == "sent" ? Dealing::Randomness::sent : Dealing::Randomness::seeded};
}

std::string dealing_refusal(const Protocol& protocol, std::string_view triples, std::string_view randomness) {
  const auto chosen = dealing_of(triples, randomness);
  if (protocol.dealing_choices || chosen == Dealing{}) return {};
  std::string keys;
  if (chosen.triples != Dealing{}.triples) keys = "`triples` = \"" + std::string(triples) + "\"";
  if (chosen.randomness != Dealing{}.randomness)
    keys += (keys.empty() ? "" : " and ") + ("`randomness` = \"" + std::string(randomness) + "\"");
  std::string choosers;
  for (const auto name : protocol_names())
    if (find_protocol(name)->dealing_choices) choosers += (choosers.empty() ? "" : ", ") + std::string(name);
  return "protocol " + std::string(protocol.name) + " has no such choice: " + keys + "; leave that out" +
         (choosers.empty() ? "" : ", or use a protocol that has the choice: " + choosers);
}

NetworkSpec dealt_as(NetworkSpec network, const Dealing& dealing) {
  network.dealing = dealing;
  return network;
}

}  // namespace blindsight::protocol
