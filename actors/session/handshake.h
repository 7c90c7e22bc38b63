#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "protocol/prg/pack_keys.h"
#include "wire/control.h"

namespace blindsight::actors {

/// What three parties know two by two in one session, each party's own secret beside it: what the keys of all that they
/// serve in it are derived from. Numbers rise and none comes again, so no two models ever have the same masks, not even
/// one deployment whose weights are sent twice; and what is held opens nothing that was served before.
class SessionSecrets {
 public:
  SessionSecrets(protocol::PartyId self, const wire::SessionId& session, const protocol::KeySet& pairs);

  /// The keys of a deployment that is served under this number: equal at all three parties for an equal number and
  /// deployment. The error: the number is not above all that were served before.
  protocol::Result<std::unique_ptr<protocol::KeyRing>> serve(protocol::ModelNumber number,
                                                             const wire::DeploymentId& deployment);

 private:
  protocol::PartyId self_;
  wire::SessionId session_;
  protocol::KeyTree by_number_;
};

/// An X25519 key pair for one attempt at a session. The secret half never leaves, and is wiped when the parties have
/// agreed or the pair goes.
class SessionKeyPair {
 public:
  /// Fresh from the operating system.
  SessionKeyPair();

  const wire::PublicKey& public_key() const { return public_; }
  /// What this party (whose own key is among them) and the owners of the other public keys know, by PartyId, for one
  /// session. Once: the secret half is wiped, whatever comes of it; std::logic_error if it is gone. The error: a peer's
  /// key is not a point that gives a secret.
  protocol::Result<SessionSecrets> agree(protocol::PartyId self, const std::array<wire::PublicKey, 3>& public_keys,
                                         const wire::SessionId& session);

 private:
  wire::PublicKey public_{};
  protocol::SecretMemory secret_;
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
