#include "net/identities.h"

#include "net/key_file.h"
#include "protocol/core/text.h"

namespace blindsight::net {
namespace {

using protocol::Fault;
using protocol::PartyId;
using protocol::Result;
using Context = std::shared_ptr<const wire::TlsContext>;

constexpr config::Role all_roles[] = {config::Role::server0, config::Role::server1, config::Role::crypto_producer};

Result<wire::Credentials> usable_key(const std::filesystem::path& file) {
  auto own = load_key(file);
  if (!own) return own;
  const auto now = std::chrono::system_clock::now();
  const auto place = "the certificate in the key file " + protocol::in_quotes(file.string());
  if (now >= own->not_after())
    return protocol::fail(Fault::usage, place + " expired on " + wire::date_text(own->not_after()) +
                                            ": make a new key with `blindsight key new`, and let the others write its "
                                            "pin beside the old one");
  if (now < own->not_before())
    return protocol::fail(Fault::usage, place + " is not valid before " + wire::date_text(own->not_before()) +
                                            ": this machine's clock is wrong");
  return own;
}

void add_roles(const config::RolePins& pins, wire::Directory& known) {
  for (const auto role : all_roles)
    for (const auto& pin : pins.of(role))
      known[pin] = {static_cast<PartyId>(role), protocol::party_name(static_cast<PartyId>(role)), pin};
}

}  // namespace

Result<Context> tls_context(const config::PartyConfig& config) {
  if (config.insecure_plaintext_links) return nullptr;
  auto own = usable_key(config.key);
  if (!own) return tl::unexpected(own.error());
  wire::Directory known;
  add_roles(config.pins, known);
  for (const auto& client : config.clients)
    for (const auto& pin : client.pins) known[pin] = {PartyId::client, client.name, pin};
  const auto key = own->fingerprint();
  if (const auto other = known.find(key); other != known.end())
    return protocol::fail(Fault::usage, "the key file " + protocol::in_quotes(config.key.string()) +
                                            " holds the key that is pinned for " + other->second.name +
                                            ": each party and client has a key of its own");
  // Whoever has the party's own key is its operator.
  known[key] = {PartyId::client, std::string(config::operator_name), key};
  return wire::TlsContext::make(std::move(*own), std::move(known));
}

Result<Context> tls_context(const config::ClientConfig& config) {
  if (config.insecure_plaintext_links) return nullptr;
  auto own = usable_key(config.key);
  if (!own) return tl::unexpected(own.error());
  wire::Directory known;
  add_roles(config.pins, known);
  return wire::TlsContext::make(std::move(*own), std::move(known));
}

}  // namespace blindsight::net
