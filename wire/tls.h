#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "wire/credentials.h"
#include "wire/transport.h"

struct ssl_ctx_st;

namespace blindsight::wire {

/// Whom a link may be with.
struct Admission {
  std::vector<protocol::PartyId> parties;
  std::string place;  ///< where the link ends, for a person: "the parties' listener of server0"
};

/// Everybody whose key is known, with who it is. A party may have two keys: today's and the next.
using Directory = std::map<Fingerprint, Identity>;

/// What all links of one process share: its own key and whom it knows. Never changed: a new one is made when the
/// directory changes, and links that stand keep theirs.
///
/// TLS 1.3 alone, both ends with a certificate, pinned by the SHA-256 of its public key: no authority, no host names,
/// no tickets, no early data (RFC 8446; ALPN blindsight/2, RFC 7301).
class TlsContext : public std::enable_shared_from_this<TlsContext> {
 public:
  static std::shared_ptr<const TlsContext> make(Credentials own, Directory known);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext();

  /// The end that was dialed, and the end that dials. `rekey_bytes`: so many plain bytes are sealed with one key at
  /// most (AES-GCM's own limit is 389 GB, RFC 8446 section 5.5; OpenSSL does not change keys by itself).
  std::unique_ptr<Transport> accept(Admission admission, std::uint64_t rekey_bytes = default_rekey_bytes) const;
  std::unique_ptr<Transport> connect(Admission admission, std::uint64_t rekey_bytes = default_rekey_bytes) const;

  const Credentials& own() const { return own_; }
  const Directory& known() const { return known_; }
  ssl_ctx_st* handle() const { return handle_; }

  static constexpr std::uint64_t default_rekey_bytes = std::uint64_t{64} << 30;

 private:
  TlsContext(Credentials own, Directory known);

  const Credentials own_;
  const Directory known_;
  ssl_ctx_st* handle_ = nullptr;
};

}  // namespace blindsight::wire
