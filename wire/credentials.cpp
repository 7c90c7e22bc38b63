#include "wire/credentials.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <array>
#include <ctime>
#include <new>

#include "protocol/core/text.h"
#include "wire/openssl.h"

namespace blindsight::wire {
namespace {

using protocol::Fault;
using protocol::Result;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using Key = std::shared_ptr<EVP_PKEY>;
using Certificate = std::shared_ptr<X509>;

/// No file of ours has a passphrase: whoever reads a key at its start cannot ask for one.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

Bio reading(std::string_view text) {
  // OpenSSL takes a null pointer for a fault, though there are no bytes to read.
  if (text.empty()) text = "";
  return {made(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))), BIO_free_all};
}

}  // namespace

Fingerprint fingerprint_of(const x509_st& certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(&certificate), &der);
  if (size <= 0) throw std::bad_alloc();
  Fingerprint fingerprint{};
  unsigned length = 0;
  const int ok = EVP_Digest(der, static_cast<std::size_t>(size), fingerprint.data(), &length, EVP_sha256(), nullptr);
  OPENSSL_free(der);
  done(ok);
  return fingerprint;
}

std::string Credentials::name() const {
  std::array<char, 256> text{};
  if (X509_NAME_get_text_by_NID(X509_get_subject_name(certificate_.get()), NID_commonName, text.data(),
                                static_cast<int>(text.size())) < 0)
    return {};
  return protocol::printable(text.data());
}

Credentials::Time time_of(const asn1_string_st* text) {
  std::tm utc{};
  if (ASN1_TIME_to_tm(text, &utc) != 1) return {};
  return Credentials::Time(std::chrono::seconds(::timegm(&utc)));
}

std::string date_text(Credentials::Time time) {
  const auto seconds = std::chrono::system_clock::to_time_t(time);
  std::tm utc{};
  std::array<char, 16> text{};
  if (gmtime_r(&seconds, &utc) == nullptr || std::strftime(text.data(), text.size(), "%Y-%m-%d", &utc) == 0) return "?";
  return text.data();
}

Credentials::Credentials(Key key, Certificate certificate)
    : key_(std::move(key)),
      certificate_(std::move(certificate)),
      fingerprint_(fingerprint_of(*certificate_)),
      not_before_(time_of(X509_get0_notBefore(certificate_.get()))),
      not_after_(time_of(X509_get0_notAfter(certificate_.get()))) {}

Credentials Credentials::generate(std::string_view name, Time now, std::chrono::hours lifetime) {
  const Key key(made(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")), EVP_PKEY_free);
  const Certificate certificate(made(X509_new()), X509_free);
  done(X509_set_version(certificate.get(), X509_VERSION_3));
  std::uint64_t serial = 0;
  done(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial));
  done(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1));
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  done(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(name.data()),
                                  static_cast<int>(name.size()), -1, 0));
  done(X509_set_issuer_name(certificate.get(), subject));
  const auto begin = std::chrono::system_clock::to_time_t(now - std::chrono::hours(24)),
             end = std::chrono::system_clock::to_time_t(now + lifetime);
  made(ASN1_TIME_set(X509_getm_notBefore(certificate.get()), begin));
  made(ASN1_TIME_set(X509_getm_notAfter(certificate.get()), end));
  done(X509_set_pubkey(certificate.get(), key.get()));
  done(X509_sign(certificate.get(), key.get(), nullptr));
  return {key, certificate};
}

Result<Credentials> Credentials::from_pem(std::string_view pem) {
  const auto wrong = [](const char* what) {
    ERR_clear_error();
    return protocol::fail(Fault::usage, what);
  };
  auto bio = reading(pem);
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr), EVP_PKEY_free);
  if (!key) return wrong("it holds no private key (PEM, without a passphrase)");
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519) return wrong("its private key is not an Ed25519 key");
  bio = reading(pem);
  const Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr), X509_free);
  if (!certificate) return wrong("it holds no certificate beside its private key");
  if (X509_check_private_key(certificate.get(), key.get()) != 1)
    return wrong("its certificate is not of its private key: two files were mixed");
  return Credentials(key, certificate);
}

std::string Credentials::to_pem() const {
  const Bio bio(made(BIO_new(BIO_s_secmem())), BIO_free_all);
  done(PEM_write_bio_PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr));
  done(PEM_write_bio_X509(bio.get(), certificate_.get()));
  const char* text = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace blindsight::wire
