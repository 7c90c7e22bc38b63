#include <doctest/doctest.h>

#include <future>
#include <optional>

#include "client/channel.h"
#include "client/client.h"
#include "tests/client/support/parties.h"

// A client's links are of TLS, and both ends prove who they are before a word is said.

using namespace blindsight;
using namespace blindsight::tests;
using namespace std::chrono_literals;
using protocol::Fault;
using protocol::PartyId;
using wire::Kind;

namespace {

using Context = std::shared_ptr<const wire::TlsContext>;

/// Somebody with a key.
struct Somebody {
  Somebody(PartyId party, const std::string& name)
      : identity{party, name, {}}, credentials(wire::Credentials::generate(name, std::chrono::system_clock::now())) {
    identity.key = credentials.fingerprint();
  }
  Context knowing(const Somebody& other) const {
    return wire::TlsContext::make(credentials, {{other.identity.key, other.identity}});
  }
  wire::Identity identity;
  wire::Credentials credentials;
};

const Somebody server0(PartyId::server0, "server0"), clinic(PartyId::client, "clinic"),
    other(PartyId::server0, "another"), stranger(PartyId::client, "stranger");

/// Asks a party that takes whom `theirs` knows; what comes back.
protocol::Result<wire::Predicted> ask(const FakeParty& party, const protocol::Result<Context>& ours,
                                      std::size_t share_bytes = 8) {
  client::Loop loop;
  std::optional<client::Channel> channel;
  std::promise<protocol::Result<wire::Predicted>> got;
  loop.post([&] {
    channel.emplace(loop, party.address(), PartyId::server0, config::ClientConfig{}, ours);
    wire::Predict half;
    half.header.job = {1};
    half.input_share = protocol::Payload(share_bytes, 7);
    channel->predict({1}, wire::encode(half), [&](auto answer) { got.set_value(std::move(answer)); });
  });
  auto answer = got.get_future().get();
  std::promise<void> closed;
  loop.post([&] {
    channel.reset();
    closed.set_value();
  });
  closed.get_future().get();
  loop.stop();
  return answer;
}

}  // namespace

TEST_CASE("a client asks by TLS, in many frames, and the party knows who asks") {
  const FakeParty party(PartyId::server0, answer_all, server0.knowing(clinic));
  for (const std::size_t share_bytes : {8, 300'000}) {
    const auto answer = ask(party, clinic.knowing(server0), share_bytes);
    if (!answer) FAIL(answer.error().what);
    CHECK(answer->output_share == protocol::Payload(share_bytes, 7));
    CHECK(party.last_client() == clinic.identity);
  }
}

TEST_CASE("whoever answers with another key is told nothing, and which key it was is") {
  const FakeParty party(PartyId::server0, answer_all, other.knowing(clinic));
  const auto answer = ask(party, clinic.knowing(server0));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().fault == Fault::refused);
  CHECK(answer.error().what.find("server0") != std::string::npos);
  CHECK(answer.error().what.find(config::pin_text(other.identity.key)) != std::string::npos);
  CHECK(party.received(Kind::hello) == 0);
}

TEST_CASE("another party at the address is refused although its key is known") {
  const Somebody server1(PartyId::server1, "server1");
  const FakeParty party(PartyId::server0, answer_all, server1.knowing(clinic));
  const auto answer = ask(party, clinic.knowing(server1));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().fault == Fault::refused);
  CHECK(party.received(Kind::hello) == 0);
}

TEST_CASE("a client that is not known is told what its operator must do") {
  const FakeParty party(PartyId::server0, answer_all, server0.knowing(clinic));
  const auto answer = ask(party, stranger.knowing(server0));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().fault == Fault::refused);
  CHECK(answer.error().what.find("blindsight key show") != std::string::npos);
  CHECK(answer.error().what.find(config::pin_text(stranger.identity.key)) != std::string::npos);
  CHECK(party.received(Kind::hello) == 0);
}

TEST_CASE("one end plain and the other not: no word is read, and nobody waits") {
  const FakeParty sealed(PartyId::server0, answer_all, server0.knowing(clinic));
  const auto to_sealed = ask(sealed, Context{});
  CHECK_FALSE(to_sealed);
  CHECK(sealed.received(Kind::hello) == 0);
}

TEST_CASE("a key that cannot be used ends what is asked as the caller's fault, before anything is connected") {
  Parties parties;
  auto config = parties.config();
  config.insecure_plaintext_links = false;
  config.key = "nowhere/client.key";
  client::Client client(config);
  const auto status = client.status(config::Role::server0);
  REQUIRE_FALSE(status);
  CHECK(status.error().fault == Fault::usage);
  CHECK(status.error().what.find("nowhere/client.key") != std::string::npos);
  const auto answer = client.predict(identity(), std::vector<std::int64_t>{3, -4});
  REQUIRE_FALSE(answer);
  CHECK(answer.error().fault == Fault::usage);
  CHECK(parties.server0.connections() == 0);
}
