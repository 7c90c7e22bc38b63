#include "net/identities.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "tests/support/keys.h"
#include "tests/support/temporary_folder.h"

using namespace blindsight;
using protocol::Fault;
using protocol::PartyId;
using tests::TemporaryFolder;
using namespace std::chrono_literals;

namespace {

/// Three parties and a client with keys of their own that know one another.
struct Known {
  Known() {
    for (std::size_t i = 0; i < 3; ++i) parties[i].role = static_cast<config::Role>(i);
    tests::give_keys(folder.path(), parties, client);
  }
  TemporaryFolder folder;
  std::array<config::PartyConfig, 3> parties;
  config::ClientConfig client;
};

config::Fingerprint pin_of(const config::PartyConfig& party) {
  return net::load_key(party.key)->fingerprint();
}

/// Nothing is started with it, and whoever reads the error can mend it.
template <class Config>
void check_refused(const Config& config, const std::string& what) {
  const auto tls = net::tls_context(config);
  REQUIRE_FALSE(tls);
  CHECK(tls.error().fault == Fault::usage);
  CHECK(tls.error().what.find(what) != std::string::npos);
  CHECK(tls.error().what.find(config.key.string()) != std::string::npos);
}

std::filesystem::path key_of_time(const TemporaryFolder& folder, const std::string& name,
                                  std::chrono::system_clock::time_point made, std::chrono::hours lifetime) {
  const auto file = folder / name;
  REQUIRE(net::write_new_key(file, wire::Credentials::generate("x", made, lifetime)));
  return file;
}

}  // namespace

TEST_CASE("a party knows the others by their pins, clients by their names, and its own key as its operator's") {
  Known k;
  k.parties[0].pins.server1.push_back(tests::new_key(k.folder / "next.key"));
  const auto tls = net::tls_context(k.parties[0]);
  REQUIRE(tls);
  CHECK((*tls)->own().fingerprint() == pin_of(k.parties[0]));
  const auto& known = (*tls)->known();
  CHECK(known.size() == 5);
  const auto is = [&](const config::Fingerprint& pin, PartyId party, const std::string& name) {
    return known.contains(pin) && known.at(pin) == wire::Identity{party, name, pin};
  };
  CHECK(is(pin_of(k.parties[0]), PartyId::client, std::string(config::operator_name)));
  CHECK(is(k.parties[0].pins.server1[0], PartyId::server1, "server1"));
  CHECK(is(k.parties[0].pins.server1[1], PartyId::server1, "server1"));
  CHECK(is(pin_of(k.parties[2]), PartyId::producer, "crypto producer"));
  CHECK(is(k.parties[0].clients[0].pins[0], PartyId::client, "client"));
}

TEST_CASE("a client knows the three parties and nobody else") {
  const Known k;
  const auto tls = net::tls_context(k.client);
  REQUIRE(tls);
  CHECK((*tls)->own().fingerprint() == k.parties[0].clients[0].pins[0]);
  CHECK((*tls)->known().size() == 3);
  for (std::size_t i = 0; i < 3; ++i) CHECK((*tls)->known().at(pin_of(k.parties[i])).party == static_cast<PartyId>(i));
}

TEST_CASE("plain links, by consent, need no key") {
  Known k;
  k.parties[0].key = k.client.key = "nowhere";
  k.parties[0].insecure_plaintext_links = k.client.insecure_plaintext_links = true;
  const auto party = net::tls_context(k.parties[0]);
  REQUIRE(party);
  CHECK(*party == nullptr);
  const auto client = net::tls_context(k.client);
  REQUIRE(client);
  CHECK(*client == nullptr);
}

TEST_CASE("a key that stands for somebody else is refused, and for whom is told") {
  Known k;
  k.parties[0].key = k.parties[1].key;
  check_refused(k.parties[0], "server1");
  k.parties[0].key = k.client.key;
  check_refused(k.parties[0], "pinned for client");
}

TEST_CASE("a key of another time is refused, with the date and what to do") {
  Known k;
  const auto now = std::chrono::system_clock::now();
  const auto old = key_of_time(k.folder, "old.key", now, -1h);
  k.parties[0].key = k.client.key = old;
  check_refused(k.parties[0], wire::date_text(net::load_key(old)->not_after()));
  check_refused(k.parties[0], "blindsight key new");
  check_refused(k.client, "expired");
  k.parties[0].key = key_of_time(k.folder, "early.key", now + 48h, 24h);
  check_refused(k.parties[0], "clock");
}

TEST_CASE("a key file that is no good is refused") {
  Known k;
  k.parties[2].key = k.folder / "none.key";
  check_refused(k.parties[2], "blindsight key new");
  REQUIRE(::chmod(k.client.key.c_str(), 0644) == 0);
  check_refused(k.client, "chmod 600");
}
