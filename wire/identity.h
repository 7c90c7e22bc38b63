#pragma once

#include <string>

#include "config/pin.h"
#include "protocol/core/party.h"

namespace blindsight::wire {

using config::Fingerprint;

/// Who is at the other end of a link, settled by the key that it has proved to hold before a message is read.
struct Identity {
  protocol::PartyId party = protocol::PartyId::client;
  std::string name;  ///< of a client, as our own configuration calls it; of a party, its role
  Fingerprint key{};

  bool operator==(const Identity&) const = default;
};

}  // namespace blindsight::wire
