#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/core/result.h"
#include "wire/identity.h"

struct asn1_string_st;
struct evp_pkey_st;
struct x509_st;

namespace blindsight::wire {

/// A party's or a client's own Ed25519 key pair with its self-signed certificate (X.509), which carries the public key
/// to the other end. The certificate's name says nothing to anybody: the pin of its key decides. A value that is
/// shared; the secret key is in memory that OpenSSL wipes.
class Credentials {
 public:
  using Time = std::chrono::system_clock::time_point;

  /// Fresh, from the operating system's randomness; good from a day before `now`, for clocks that differ.
  static Credentials generate(std::string_view name, Time now,
                              std::chrono::hours lifetime = std::chrono::hours(24 * 730));
  /// Of one text that holds both in PEM, as to_pem() writes them: "PRIVATE KEY" and "CERTIFICATE". The error says what
  /// was wrong and nothing of the text.
  static protocol::Result<Credentials> from_pem(std::string_view pem);
  /// Secret: for the key's own file.
  std::string to_pem() const;

  const Fingerprint& fingerprint() const { return fingerprint_; }
  /// That of the certificate, printable.
  std::string name() const;
  Time not_before() const { return not_before_; }
  Time not_after() const { return not_after_; }
  /// Whether it is time to tell a person, who has to make a new key and let the others pin it.
  bool expires_soon(Time now) const { return not_after_ - now < std::chrono::hours(30 * 24); }

  evp_pkey_st* key() const { return key_.get(); }
  x509_st* certificate() const { return certificate_.get(); }

 private:
  Credentials(std::shared_ptr<evp_pkey_st> key, std::shared_ptr<x509_st> certificate);

  std::shared_ptr<evp_pkey_st> key_;
  std::shared_ptr<x509_st> certificate_;
  Fingerprint fingerprint_{};
  Time not_before_, not_after_;
};

/// Of the public key in a certificate.
Fingerprint fingerprint_of(const x509_st& certificate);

/// A time in a certificate; the beginning of all time when it is none.
Credentials::Time time_of(const asn1_string_st* text);

/// "2028-11-26", in UTC.
std::string date_text(Credentials::Time time);

}  // namespace blindsight::wire
