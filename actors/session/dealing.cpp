#include "actors/session/dealing.h"

namespace blindsight::actors {

using protocol::Dealing;

Dealing dealing_of(std::string_view triples, std::string_view randomness) {
  return {triples == "fresh" ? Dealing::Triples::fresh : Dealing::Triples::reused,
          randomness == "sent" ? Dealing::Randomness::sent : Dealing::Randomness::seeded};
}

std::string dealing_refusal(const protocol::Protocol& protocol, std::string_view triples, std::string_view randomness) {
  const auto chosen = dealing_of(triples, randomness);
  if (protocol.dealing_choices || chosen == Dealing{}) return {};
  std::string keys;
  if (chosen.triples != Dealing{}.triples) keys = "`triples` = \"" + std::string(triples) + "\"";
  if (chosen.randomness != Dealing{}.randomness)
    keys += (keys.empty() ? "" : " and ") + ("`randomness` = \"" + std::string(randomness) + "\"");
  std::string choosers;
  for (const auto name : protocol::protocol_names())
    if (protocol::find_protocol(name)->dealing_choices) choosers += (choosers.empty() ? "" : ", ") + std::string(name);
  return "protocol " + std::string(protocol.name) + " has no such choice: " + keys + "; leave that out" +
         (choosers.empty() ? "" : ", or use a protocol that has the choice: " + choosers);
}

protocol::NetworkSpec dealt_as(protocol::NetworkSpec network, const Dealing& dealing) {
  network.dealing = dealing;
  return network;
}

}  // namespace blindsight::actors
