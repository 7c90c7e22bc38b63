#include "wire/credentials.h"

#include <doctest/doctest.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include <memory>

using namespace blindsight;
using wire::Credentials;
using namespace std::chrono_literals;

namespace {

const auto now = std::chrono::system_clock::time_point(std::chrono::seconds(1'795'000'000));  // 2026-11-18

std::string part(const std::string& pem, const char* name) {
  const auto begin = pem.find("-----BEGIN " + std::string(name)), end = pem.find("-----END " + std::string(name));
  return pem.substr(begin, pem.find('\n', end) + 1 - begin);
}

}  // namespace

TEST_CASE("credentials are read back from what they are written as") {
  const auto made = Credentials::generate("server0", now, 48h);
  const auto pem = made.to_pem();
  const auto read = Credentials::from_pem(pem);
  REQUIRE(read);
  CHECK(read->fingerprint() == made.fingerprint());
  CHECK(read->not_after() == now + 48h);
  CHECK(read->not_before() == now - 24h);
  CHECK(read->to_pem() == pem);
  CHECK(wire::date_text(read->not_after()) == "2026-11-20");
}

TEST_CASE("a key of which thirty days are left expires soon") {
  const auto made = Credentials::generate("server0", now, 24h * 40);
  CHECK_FALSE(made.expires_soon(now));
  CHECK_FALSE(made.expires_soon(now + 24h * 10));
  CHECK(made.expires_soon(now + 24h * 10 + 1s));
  CHECK(made.expires_soon(now + 24h * 41));
}

TEST_CASE("no two keys are alike, whatever they are called") {
  CHECK(Credentials::generate("a", now).fingerprint() != Credentials::generate("a", now).fingerprint());
}

TEST_CASE("a file that is no pair of a key and its certificate is refused without a word of its content") {
  const auto one = Credentials::generate("one", now).to_pem(), two = Credentials::generate("two", now).to_pem();
  const auto key = part(one, "PRIVATE KEY"), certificate = part(one, "CERTIFICATE");
  CHECK(Credentials::from_pem(certificate + key));
  for (const auto& wrong : {std::string(), std::string("server0.key"), key, certificate, key + part(two, "CERTIFICATE"),
                            one.substr(0, one.size() / 2), std::string(100'000, '-')}) {
    const auto read = Credentials::from_pem(wrong);
    REQUIRE_FALSE(read);
    CHECK(read.error().fault == protocol::Fault::usage);
    CHECK(read.error().what.size() < 100);
  }
  CHECK_FALSE(Credentials::from_pem({}));
}

TEST_CASE("a key of another kind is refused: an RSA key would cost a hundred times as much a handshake") {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  REQUIRE(PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &text);
  const auto read = Credentials::from_pem({text, static_cast<std::size_t>(size)});
  REQUIRE_FALSE(read);
  CHECK(read.error().what == "its private key is not an Ed25519 key");
}
