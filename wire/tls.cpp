#include "wire/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>

#include "wire/openssl.h"

namespace blindsight::wire {
namespace {

using protocol::Error;
using protocol::Fault;
using protocol::Result;

constexpr std::string_view application_protocol =
    "\x0c"
    "blindsight/2";  // its length, then the name
/// A handshake takes some 2 kB each way.
constexpr std::size_t longest_handshake_bytes = 32 * 1024;
constexpr std::size_t read_bytes = 128 * 1024;
constexpr std::size_t record_bytes = 16 * 1024;

/// "run `blindsight key show` there": what the owner of a key does about it.
std::string key_text(const Fingerprint& key) {
  return "key " + config::pin_text(key);
}

class TlsTransport;
TlsTransport& transport_of(const SSL* ssl);

class TlsTransport final : public Transport {
 public:
  TlsTransport(std::shared_ptr<const TlsContext> context, Admission admission, bool dials, std::uint64_t rekey_bytes);
  ~TlsTransport() override { SSL_free(ssl_); }

  Result<void> begin(std::vector<char>& out) override {
    return dials_ ? with(out, {}, [this] { return shake_hands(); }) : Result<void>{};
  }
  Result<std::span<const char>> feed(std::span<const char> bytes, std::vector<char>& out) override;
  std::vector<char>& to_seal(std::vector<char>&) override { return unsealed_; }
  Result<void> seal(std::vector<char>& out) override;
  bool established() const override { return identity_.has_value(); }
  const std::optional<Identity>& identity() const override { return identity_; }
  Wanted wanted(std::size_t) const override { return {read_bytes, false}; }

  // What OpenSSL asks for.

  /// X509_V_OK, or which of its errors tells the other end best.
  int verify(const X509& certificate);
  bool speaks_our_protocol(std::string_view offered);
  std::size_t take(char* to, std::size_t size);
  void give(const char* from, std::size_t size) { out_->insert(out_->end(), from, from + size); }

 private:
  template <class Work>
  Result<void> with(std::vector<char>& out, std::span<const char> in, Work work);
  Result<void> shake_hands();
  Result<void> read();
  /// After a call of OpenSSL's that returned `result`: nothing when it only waits for more bytes.
  Result<void> outcome(int result);
  Error failure() const;
  Error alerted(int alert) const;

  std::shared_ptr<const TlsContext> context_;
  Admission admission_;
  const bool dials_;
  const std::uint64_t rekey_bytes_;
  SSL* ssl_;
  std::span<const char> in_;
  std::vector<char>* out_ = nullptr;
  std::vector<char> plain_, unsealed_;
  std::size_t plain_bytes_ = 0;  ///< of plain_, which only grows
  std::uint64_t sealed_bytes_ = 0, handshake_bytes_ = 0;
  std::optional<Identity> verified_;  ///< its certificate is right; it has not proved yet that it has the key
  std::optional<Identity> identity_;
  std::optional<Error> refusal_;  ///< why this end refused the other
  std::optional<Error> ended_;    ///< the first error: there is nothing behind it
};

/// A source and sink of OpenSSL's over the spans of a transport. It never says that writing must wait: what may be in
/// flight is decided before anything is sealed.
const BIO_METHOD* span_method() {
  static BIO_METHOD* const method = [] {
    auto* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "blindsight spans");
    if (m == nullptr) throw std::bad_alloc();
    BIO_meth_set_write_ex(m, [](BIO* bio, const char* from, std::size_t size, std::size_t* written) {
      static_cast<TlsTransport*>(BIO_get_data(bio))->give(from, size);
      *written = size;
      return 1;
    });
    BIO_meth_set_read_ex(m, [](BIO* bio, char* to, std::size_t size, std::size_t* read) {
      BIO_clear_retry_flags(bio);
      *read = static_cast<TlsTransport*>(BIO_get_data(bio))->take(to, size);
      if (*read > 0) return 1;
      BIO_set_retry_read(bio);
      return 0;
    });
    BIO_meth_set_ctrl(m, [](BIO*, int command, long, void*) -> long { return command == BIO_CTRL_FLUSH ? 1 : 0; });
    return m;
  }();
  return method;
}

TlsTransport& transport_of(const SSL* ssl) {
  return *static_cast<TlsTransport*>(SSL_get_app_data(ssl));
}

int verify_certificate(X509_STORE_CTX* store, void*) {
  const auto* ssl = static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const X509* certificate = X509_STORE_CTX_get0_cert(store);
  const int wrong = certificate == nullptr ? X509_V_ERR_UNSPECIFIED : transport_of(ssl).verify(*certificate);
  X509_STORE_CTX_set_error(store, wrong);
  return wrong == X509_V_OK ? 1 : 0;
}

int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned in_size, void*) {
  if (!transport_of(ssl).speaks_our_protocol({reinterpret_cast<const char*>(in), in_size}))
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = reinterpret_cast<const unsigned char*>(application_protocol.data()) + 1;
  *out_size = static_cast<unsigned char>(application_protocol.size() - 1);
  return SSL_TLSEXT_ERR_OK;
}

TlsTransport::TlsTransport(std::shared_ptr<const TlsContext> context, Admission admission, bool dials,
                           std::uint64_t rekey_bytes)
    : context_(std::move(context)),
      admission_(std::move(admission)),
      dials_(dials),
      rekey_bytes_(rekey_bytes),
      ssl_(SSL_new(context_->handle())) {
  BIO* bio = ssl_ == nullptr ? nullptr : BIO_new(span_method());
  if (bio == nullptr) {
    SSL_free(ssl_);
    throw std::bad_alloc();
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_app_data(ssl_, this);
  if (dials_)
    SSL_set_connect_state(ssl_);
  else
    SSL_set_accept_state(ssl_);
}

int TlsTransport::verify(const X509& certificate) {
  const auto key = fingerprint_of(certificate);
  const auto refuse = [this](int error, Fault fault, std::string what) {
    refusal_ = {fault, std::move(what)};
    return error;
  };
  const auto known = context_->known().find(key);
  if (known == context_->known().end())
    return refuse(X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, Fault::refused,
                  "it shows " + key_text(key) + ", which is none of those pinned here for " + admission_.place +
                      "; if it is the right one, its owner's `blindsight key show` prints the line for this "
                      "configuration");
  const auto& who = known->second;
  if (std::ranges::find(admission_.parties, who.party) == admission_.parties.end())
    return refuse(X509_V_ERR_CERT_REJECTED, Fault::refused,
                  "it shows the key of " + who.name + ", which is not for " + admission_.place +
                      "; check the addresses, and which key file stands in whose configuration");
  if (X509_cmp_current_time(X509_get0_notBefore(&certificate)) >= 0)
    // OpenSSL tells the other end of this error what it tells of a certificate for another place. Revoked ones, which
    // there are none of, have an alert of their own.
    return refuse(X509_V_ERR_CERT_REVOKED, Fault::refused,
                  "the certificate of " + who.name + " is valid from " +
                      date_text(time_of(X509_get0_notBefore(&certificate))) +
                      " only: the clocks of the two machines differ");
  if (X509_cmp_current_time(X509_get0_notAfter(&certificate)) <= 0)
    return refuse(X509_V_ERR_CERT_HAS_EXPIRED, Fault::refused,
                  "the certificate of " + who.name + " has expired on " +
                      date_text(time_of(X509_get0_notAfter(&certificate))) +
                      ": its owner makes a new key with `blindsight key new`, and its new pin goes into "
                      "this configuration");
  verified_ = who;
  verified_->key = key;
  return X509_V_OK;
}

bool TlsTransport::speaks_our_protocol(std::string_view offered) {
  for (std::size_t at = 0; at < offered.size(); at += 1 + static_cast<unsigned char>(offered[at]))
    if (offered.substr(at).starts_with(application_protocol)) return true;
  refusal_ = {Fault::violation, "it speaks TLS, but not to a party of Blindsight: another program, or another release"};
  return false;
}

std::size_t TlsTransport::take(char* to, std::size_t size) {
  const auto n = std::min(size, in_.size());
  if (n > 0) std::memcpy(to, in_.data(), n);
  in_ = in_.subspan(n);
  return n;
}

/// OpenSSL's queue of errors belongs to the thread, and a call that fails looks at it: what another link left there
/// must not be taken for this one's.
template <class Work>
Result<void> TlsTransport::with(std::vector<char>& out, std::span<const char> in, Work work) {
  if (ended_) return tl::unexpected(*ended_);
  ERR_clear_error();
  out_ = &out;
  in_ = in;
  auto result = work();
  if (!result) ended_ = result.error();
  out_ = nullptr;
  in_ = {};
  ERR_clear_error();
  return result;
}

Result<void> TlsTransport::outcome(int result) {
  if (result == 1) return {};
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return {};
    case SSL_ERROR_ZERO_RETURN:
      return protocol::fail(Fault::peer_lost, "the connection was closed by the other end");
    default:
      return tl::unexpected(failure());
  }
}

Result<void> TlsTransport::shake_hands() {
  const int result = SSL_do_handshake(ssl_);
  if (result != 1) return outcome(result);
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &chosen, &size);
  if (std::string_view(reinterpret_cast<const char*>(chosen), size) != application_protocol.substr(1))
    return protocol::fail(Fault::violation,
                          "it speaks TLS, but not as a party of Blindsight does: is the address right?");
  // Without a certificate there is no handshake, and without verify() no certificate is taken.
  if (!verified_) return protocol::fail("a handshake ended without a verified certificate");
  identity_ = verified_;
  return {};
}

Result<void> TlsTransport::read() {
  for (;;) {
    if (plain_.size() < plain_bytes_ + record_bytes) plain_.resize(plain_bytes_ + record_bytes);
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_, plain_.data() + plain_bytes_, plain_.size() - plain_bytes_, &got);
    plain_bytes_ += got;
    if (result != 1) return outcome(result);
  }
}

Result<std::span<const char>> TlsTransport::feed(std::span<const char> bytes, std::vector<char>& out) {
  plain_bytes_ = 0;
  auto taken = with(out, bytes, [&]() -> Result<void> {
    if (!established()) {
      handshake_bytes_ += bytes.size();
      if (auto shaken = shake_hands(); !shaken) return shaken;
      if (!established()) {
        if (handshake_bytes_ > longest_handshake_bytes)
          return protocol::fail(Fault::violation, "its handshake has no end");
        return {};
      }
    }
    return read();
  });
  if (!taken) return tl::unexpected(taken.error());
  return std::span<const char>(plain_.data(), plain_bytes_);
}

Result<void> TlsTransport::seal(std::vector<char>& out) {
  const auto bytes = unsealed_.size();
  if (bytes == 0) return {};
  auto sealed = with(out, {}, [&]() -> Result<void> {
    // Only here, never where is read: the new key must not come between the records of a message under way.
    if (sealed_bytes_ > 0 && sealed_bytes_ + bytes > rekey_bytes_) {
      if (SSL_key_update(ssl_, SSL_KEY_UPDATE_NOT_REQUESTED) != 1) return tl::unexpected(failure());
      sealed_bytes_ = 0;
    }
    sealed_bytes_ += bytes;
    out.reserve(out.size() + bytes + (bytes / record_bytes + 1) * SSL3_RT_MAX_TLS13_ENCRYPTED_OVERHEAD);
    std::size_t written = 0;
    if (SSL_write_ex(ssl_, unsealed_.data(), bytes, &written) != 1) return tl::unexpected(failure());
    return {};
  });
  unsealed_.clear();
  return sealed;
}

Error TlsTransport::alerted(int alert) const {
  const auto& own = context_->own();
  const std::string mine = "this side's " + key_text(own.fingerprint());
  switch (alert) {
    case SSL3_AD_CERTIFICATE_EXPIRED:
      return {Fault::usage, "it refuses " + mine + ": the certificate expired on " + date_text(own.not_after()) +
                                ", or its clock is wrong; make a new key with `blindsight key new`"};
    case SSL3_AD_CERTIFICATE_REVOKED:
      return {Fault::usage,
              "it refuses " + mine +
                  ": by its clock the certificate is not valid yet; the clocks of the two machines differ"};
    case SSL3_AD_BAD_CERTIFICATE:
      return {Fault::refused, "it knows " + mine +
                                  ", but not for this place; check the addresses (parties and clients have listeners "
                                  "of their own) and which key file stands in the configuration"};
    case TLS1_AD_UNKNOWN_CA:
      return {Fault::refused, "it does not know " + mine +
                                  "; send the line that `blindsight key show` prints to its operator, who writes it "
                                  "into that configuration"};
    case TLS1_AD_NO_APPLICATION_PROTOCOL:
      return {Fault::violation, "it speaks TLS, but not as a party of Blindsight does: is the address right?"};
    case TLS1_AD_PROTOCOL_VERSION:
      return {Fault::violation, "it does not speak TLS 1.3: is the address right?"};
    default:
      return {Fault::violation, std::string("it ended the link with TLS alert ") + SSL_alert_desc_string_long(alert)};
  }
}

Error TlsTransport::failure() const {
  if (refusal_) return *refusal_;
  const auto code = ERR_peek_error();
  const int reason = ERR_GET_REASON(code);
  // Reasons from here on are alerts that came, by their number.
  if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET) return alerted(reason - SSL_AD_REASON_OFFSET);
  switch (reason) {
    case SSL_R_HTTP_REQUEST:
      return {Fault::violation, "it sent an HTTP request; this port speaks TLS 1.3 as the parties do"};
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_RECORD_LENGTH_MISMATCH:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
      return {Fault::violation,
              "it does not speak TLS: is the address right, and has neither end insecure_plaintext_links = true?"};
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
      return {Fault::violation, "it offers an older TLS than 1.3"};
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return {Fault::refused, "it shows no key; the key `key` of its configuration names one"};
    default:
      break;
  }
  const char* words = ERR_reason_error_string(code);
  return {Fault::violation, std::string("its TLS cannot be read: ") + (words == nullptr ? "unknown error" : words)};
}

}  // namespace

TlsContext::TlsContext(Credentials own, Directory known)
    : own_(std::move(own)), known_(std::move(known)), handle_(made(SSL_CTX_new(TLS_method()))) {
  done(SSL_CTX_set_min_proto_version(handle_, TLS1_3_VERSION));
  done(SSL_CTX_set_max_proto_version(handle_, TLS1_3_VERSION));
  done(SSL_CTX_set_ciphersuites(handle_, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"));
  done(SSL_CTX_set1_groups_list(handle_, "X25519"));
  done(SSL_CTX_set1_sigalgs_list(handle_, "ed25519"));
  done(SSL_CTX_set1_client_sigalgs_list(handle_, "ed25519"));
  SSL_CTX_set_options(handle_, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_clear_options(handle_, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
  done(SSL_CTX_set_num_tickets(handle_, 0));
  SSL_CTX_set_session_cache_mode(handle_, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(handle_, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_max_cert_list(handle_, 8 * 1024);
  done(SSL_CTX_use_certificate(handle_, own_.certificate()));
  done(SSL_CTX_use_PrivateKey(handle_, own_.key()));
  SSL_CTX_set_verify(handle_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(handle_, verify_certificate, nullptr);
  SSL_CTX_set_alpn_select_cb(handle_, choose_protocol, nullptr);
  // Unlike all others, this one returns 0 when it is done.
  done(SSL_CTX_set_alpn_protos(handle_, reinterpret_cast<const unsigned char*>(application_protocol.data()),
                               static_cast<unsigned>(application_protocol.size())) == 0);
}

TlsContext::~TlsContext() {
  SSL_CTX_free(handle_);
}

std::shared_ptr<const TlsContext> TlsContext::make(Credentials own, Directory known) {
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(own), std::move(known)));
}

std::unique_ptr<Transport> TlsContext::accept(Admission admission, std::uint64_t rekey_bytes) const {
  return std::make_unique<TlsTransport>(shared_from_this(), std::move(admission), false, rekey_bytes);
}

std::unique_ptr<Transport> TlsContext::connect(Admission admission, std::uint64_t rekey_bytes) const {
  return std::make_unique<TlsTransport>(shared_from_this(), std::move(admission), true, rekey_bytes);
}

}  // namespace blindsight::wire
