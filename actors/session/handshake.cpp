#include "actors/session/handshake.h"

#include <sodium.h>

#include <stdexcept>
#include <vector>

#include "protocol/core/text.h"
#include "wire/envelope.h"

namespace blindsight::actors {

using protocol::PartyId;

using protocol::Key;
using protocol::KeySet;

SessionSecrets::SessionSecrets(PartyId self, const wire::SessionId& session, const KeySet& pairs)
    : self_(self), session_(session), by_number_(pairs, 32) {}

protocol::Result<std::unique_ptr<protocol::KeyRing>> SessionSecrets::serve(protocol::ModelNumber number,
                                                                           const wire::DeploymentId& deployment) {
  auto secrets = by_number_.take(number);
  if (!secrets) return tl::unexpected(protocol::within("a model to serve: ", secrets.error()));
  std::vector<std::uint8_t> salt(session_.begin(), session_.end());
  salt.insert(salt.end(), deployment.begin(), deployment.end());
  for (unsigned i = 0; i < sizeof number; ++i) salt.push_back(static_cast<std::uint8_t>(number >> (8 * i)));
  const auto root = [&](std::size_t i) {
    return protocol::derive_key((*secrets)[i].bytes(), "blindsight served model", salt);
  };
  return std::make_unique<protocol::KeyRing>(self_, KeySet{root(0), root(1), root(2)});
}

SessionKeyPair::SessionKeyPair() : secret_(protocol::secret_memory(crypto_scalarmult_SCALARBYTES)) {
  protocol::random_bytes({secret_.get(), crypto_scalarmult_SCALARBYTES});
  crypto_scalarmult_base(public_.data(), secret_.get());
}

protocol::Result<SessionSecrets> SessionKeyPair::agree(PartyId self, const std::array<wire::PublicKey, 3>& public_keys,
                                                       const wire::SessionId& session) {
  const protocol::SecretMemory secret = std::move(secret_);
  if (!secret) throw std::logic_error("a key pair agrees once");
  KeySet pairs{protocol::random_key(), protocol::random_key(), protocol::random_key()};  // its own stays
  const protocol::SecretMemory shared = protocol::secret_memory(crypto_scalarmult_BYTES);
  for (std::size_t peer = 0; peer < pairs.size(); ++peer) {
    if (static_cast<PartyId>(peer) == self) continue;
    if (crypto_scalarmult(shared.get(), secret.get(), public_keys[peer].data()) != 0)
      return protocol::fail(protocol::Fault::violation, protocol::party_name(static_cast<PartyId>(peer)) +
                                                            ": the peer's public key gives no secret");
    pairs[peer] = protocol::derive_key({shared.get(), crypto_scalarmult_BYTES}, "blindsight pairwise key", session);
  }
  return SessionSecrets(self, session, pairs);
}

wire::SessionId session_id(const std::array<wire::PublicKey, 3>& public_keys) {
  if (sodium_init() < 0) throw std::runtime_error("libsodium cannot be initialized");
  static constexpr char purpose[] = "blindsight session";
  const std::array<std::uint8_t, 4> version{wire::version & 0xff, wire::version >> 8 & 0xff, wire::version >> 16 & 0xff,
                                            wire::version >> 24 & 0xff};
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, 32);
  crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(purpose), sizeof purpose);
  crypto_generichash_update(&state, version.data(), version.size());
  for (const auto& key : public_keys) crypto_generichash_update(&state, key.data(), key.size());
  wire::SessionId id;
  crypto_generichash_final(&state, id.data(), id.size());
  return id;
}

std::uint64_t short_session_id(const wire::SessionId& id) {
  std::uint64_t v = 0;
  for (int i = 0; i < 8; ++i) v |= std::uint64_t{id[static_cast<std::size_t>(i)]} << (8 * i);
  return v;
}

std::string mismatch(const wire::Hello& own, const wire::Hello& peer, std::optional<PartyId> expected) {
  if (own.wire_version != peer.wire_version)
    return protocol::party_name(peer.role) + " speaks version " + std::to_string(peer.wire_version) +
           " of the wire format (software " + peer.software_version + "), " + protocol::party_name(own.role) +
           " speaks version " + std::to_string(own.wire_version) + " (software " + own.software_version +
           "); install the same release on both";
  if (peer.role == PartyId::client && !expected) return {};
  if (peer.role == own.role)
    return "both ends say that they are " + protocol::party_name(own.role) +
           "; check the key `role` in their configurations";
  if (expected && peer.role != *expected)
    return "the address of " + protocol::party_name(*expected) + " was answered by " + protocol::party_name(peer.role) +
           "; check the addresses under `peers` and the key `role` there";
  if (own.choice != peer.choice)
    return protocol::party_name(own.role) + " runs protocol " + own.choice + ", " + protocol::party_name(peer.role) +
           " runs " + peer.choice + "; set the keys `protocol`, `triples` and `randomness` to the same at all three";
  return {};
}

std::string deployment_mismatch(const std::array<std::optional<wire::DeploymentName>, 3>& deployments) {
  const auto who = [](std::size_t i) { return protocol::party_name(static_cast<PartyId>(i)); };
  std::string missing;
  std::size_t have = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    if (deployments[i])
      ++have;
    else
      missing += (missing.empty() ? "" : " and ") + who(i);
  }
  if (have == 0) return "no model is deployed; the model owner must run `blindsight model deploy`";
  if (have < 3)
    return missing + " has no model while the others have; the model owner must run `blindsight model deploy` again";
  if (deployments[0] == deployments[1] && deployments[1] == deployments[2]) return {};
  std::string text = "the parties hold different deployments (";
  for (std::size_t i = 0; i < 3; ++i)
    text += (i == 0 ? "" : ", ") + who(i) + ": plan " + protocol::to_hex(deployments[i]->plan).substr(0, 12) +
            " deployment " + protocol::to_hex(deployments[i]->id).substr(0, 8);
  return text + "); the model owner must run `blindsight model deploy` again";
}

}  // namespace blindsight::actors
