#pragma once

#include <array>
#include <optional>
#include <string>

#include "protocol/prg/prg.h"
#include "wire/control.h"

namespace blindsight::actors {

/// An X25519 key pair for one attempt at a session. The secret half is wiped when it goes and never leaves.
class SessionKeyPair {
 public:
  /// Fresh from the operating system.
  SessionKeyPair();
  ~SessionKeyPair();
  SessionKeyPair(const SessionKeyPair&) = delete;
  SessionKeyPair& operator=(const SessionKeyPair&) = delete;

  const wire::PublicKey& public_key() const { return public_; }
  /// The key that this party and the owner of `peer` know, for one session and one deployment. The error: the peer's
  /// key is not a point that gives a secret.
  protocol::Result<protocol::Key> key_with(const wire::PublicKey& peer, const wire::SessionId& session,
                                           const wire::DeploymentId& deployment) const;

 private:
  wire::PublicKey public_{};
  std::array<std::uint8_t, 32> secret_{};
};

/// BLAKE2b-256 of the wire version and the fresh public keys of server 0, server 1 and the crypto producer: no session
/// has the id of another, as long as one of the three has made a new key.
wire::SessionId session_id(const std::array<wire::PublicKey, 3>& public_keys);
/// The short form in every envelope: guards against mixing up, not against attack.
std::uint64_t short_session_id(const wire::SessionId& id);

/// Why two parties cannot work together, for both to read; empty when they can. `expected`: whom the dialer wanted to
/// reach.
std::string mismatch(const wire::Hello& own, const wire::Hello& peer, std::optional<protocol::PartyId> expected);

/// What keeps the three from serving although they are connected: which party has no deployment, or another one. Empty
/// when all have the same. Indexed by PartyId.
std::string deployment_mismatch(const std::array<std::optional<wire::DeploymentName>, 3>& deployments);

}  // namespace blindsight::actors
