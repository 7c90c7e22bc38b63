#include "wire/tls.h"

#include <doctest/doctest.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <numeric>
#include <string>

using namespace blindsight;
using protocol::Fault;
using protocol::PartyId;
using wire::Admission;
using wire::Credentials;
using wire::Directory;
using wire::TlsContext;
using wire::Transport;
using namespace std::chrono_literals;
using Bytes = std::vector<char>;

namespace {

const auto now = std::chrono::system_clock::now();

Bytes bytes_of(const std::string& text) {
  return {text.begin(), text.end()};
}

std::string text_of(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

/// Somebody with a key, and whom it knows.
struct Somebody {
  explicit Somebody(PartyId who, std::chrono::hours lifetime = 24h, std::chrono::hours begins_in = 0h)
      : identity{who, std::string(protocol::name(who)), {}},
        credentials(Credentials::generate("x", now + begins_in, lifetime)) {
    identity.key = credentials.fingerprint();
  }
  void knows(const Somebody& other) { directory[other.identity.key] = other.identity; }
  std::shared_ptr<const TlsContext> context() const { return TlsContext::make(credentials, directory); }

  wire::Identity identity;
  Credentials credentials;
  Directory directory;
};

/// Feeds, and appends what came of it to `plain`.
protocol::Result<void> take(Transport& to, std::span<const char> bytes, Bytes& plain, Bytes& answer) {
  const auto fed = to.feed(bytes, answer);
  if (!fed) return tl::unexpected(fed.error());
  plain.insert(plain.end(), fed->begin(), fed->end());
  return {};
}

protocol::Result<void> seal(Transport& transport, const Bytes& plain, Bytes& out) {
  auto& unsealed = transport.to_seal(out);
  unsealed.insert(unsealed.end(), plain.begin(), plain.end());
  return transport.seal(out);
}

/// The two ends of a link in memory.
struct Link {
  std::unique_ptr<Transport> client, server;
  Bytes to_server, to_client;  ///< under way
  Bytes at_server, at_client;  ///< plain
  protocol::Result<void> client_ended, server_ended;

  /// Carries what is under way, `piece` bytes at a time, until nothing moves.
  void carry(std::size_t piece = 1 << 20) {
    while (!to_server.empty() || !to_client.empty()) {
      server_ended = move(to_server, *server, at_server, to_client, piece, server_ended);
      client_ended = move(to_client, *client, at_client, to_server, piece, client_ended);
    }
  }

  void shake_hands(std::size_t piece = 1 << 20) {
    REQUIRE(client->begin(to_server));
    carry(piece);
  }

 private:
  static protocol::Result<void> move(Bytes& from, Transport& to, Bytes& plain, Bytes& answer, std::size_t piece,
                                     protocol::Result<void> before) {
    Bytes moved;
    moved.swap(from);
    for (std::size_t at = 0; before && at < moved.size(); at += piece)
      before = take(to, {moved.data() + at, std::min(piece, moved.size() - at)}, plain, answer);
    return before;
  }
};

Link link_of(const Somebody& client, const Somebody& server, std::uint64_t rekey = TlsContext::default_rekey_bytes) {
  Link link;
  link.client = client.context()->connect({{server.identity.party}, "the address of server0"}, rekey);
  link.server = server.context()->accept({{PartyId::server1, PartyId::producer}, "the parties' listener"}, rekey);
  return link;
}

/// Server 1 dials server 0, and both know each other.
struct Pair {
  Somebody server0{PartyId::server0}, server1{PartyId::server1};
  Pair() {
    server0.knows(server1);
    server1.knows(server0);
  }
  Link link(std::uint64_t rekey = TlsContext::default_rekey_bytes) const { return link_of(server1, server0, rekey); }
};

/// What another program's first message is, with its own settings of OpenSSL.
struct OtherProgram {
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl{nullptr, SSL_free};
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());

  /// Shakes hands with a party as far as it goes; what the party says of it.
  protocol::Result<void> shake_hands(Transport& party) {
    ssl.reset(SSL_new(context.get()));
    SSL_set_bio(ssl.get(), in, out);
    SSL_set_connect_state(ssl.get());
    for (int i = 0; i < 4; ++i) {
      SSL_do_handshake(ssl.get());
      Bytes to_party(static_cast<std::size_t>(BIO_pending(out))), plain, answer;
      BIO_read(out, to_party.data(), static_cast<int>(to_party.size()));
      if (auto fed = take(party, to_party, plain, answer); !fed) return fed;
      BIO_write(in, answer.data(), static_cast<int>(answer.size()));
    }
    return {};
  }
};

}  // namespace

TEST_CASE("two that know each other's keys know who is at the other end, however the bytes come") {
  const Pair pair;
  for (const std::size_t piece : {1, 7, 1000, 1 << 20}) {
    auto link = pair.link();
    CHECK_FALSE(link.client->established());
    link.shake_hands(piece);
    REQUIRE(link.client_ended);
    REQUIRE(link.server_ended);
    REQUIRE(link.client->established());
    REQUIRE(link.server->established());
    CHECK(link.client->identity() == pair.server0.identity);
    CHECK(link.server->identity() == pair.server1.identity);
    Bytes long_text(100'000);
    std::iota(long_text.begin(), long_text.end(), 0);
    REQUIRE(seal(*link.client, long_text, link.to_server));
    REQUIRE(seal(*link.server, bytes_of("an answer"), link.to_client));
    link.carry(piece);
    CHECK(link.at_server == long_text);
    CHECK(text_of(link.at_client) == "an answer");
  }
}

TEST_CASE("what comes with the end of a handshake is not lost") {
  const Pair pair;
  auto link = pair.link();
  REQUIRE(link.client->begin(link.to_server));
  Bytes plain;
  REQUIRE(take(*link.server, link.to_server, plain, link.to_client));
  link.to_server.clear();
  REQUIRE(take(*link.client, link.to_client, plain, link.to_server));
  link.to_client.clear();
  REQUIRE(seal(*link.client, bytes_of("hello"), link.to_server));
  REQUIRE(take(*link.server, link.to_server, link.at_server, link.to_client));
  CHECK(text_of(link.at_server) == "hello");
}

TEST_CASE("nothing that is sent is on the wire in clear, and the same is never sent twice alike") {
  const Pair pair;
  auto link = pair.link();
  link.shake_hands();
  const auto secret = bytes_of("an additive share of an image");
  Bytes first, second;
  REQUIRE(seal(*link.client, secret, first));
  REQUIRE(seal(*link.client, secret, second));
  CHECK(text_of(first).find("share") == std::string::npos);
  CHECK(first != second);
}

TEST_CASE("a byte that is changed on the way ends the link") {
  const Pair pair;
  auto link = pair.link();
  link.shake_hands();
  REQUIRE(seal(*link.client, bytes_of("a message"), link.to_server));
  link.to_server.back() = static_cast<char>(link.to_server.back() ^ 1);
  link.carry();
  CHECK_FALSE(link.server_ended);
  CHECK(link.at_server.empty());
}

TEST_CASE("keys change after so many bytes, and nothing is lost over it") {
  const Pair pair;
  auto link = pair.link(1000);
  link.shake_hands();
  Bytes sent;
  for (int i = 0; i < 50; ++i) {
    const Bytes text(300, static_cast<char>(i));
    sent.insert(sent.end(), text.begin(), text.end());
    REQUIRE(seal(*link.client, text, link.to_server));
    if (i % 7 == 0) link.carry();
    REQUIRE(seal(*link.server, text, link.to_client));
  }
  link.carry();
  CHECK(link.at_server == sent);
  CHECK(link.at_client == sent);
}

TEST_CASE("an unknown key is refused by who was dialed, and both ends say which key and what to do") {
  Pair pair;
  const Somebody stranger{PartyId::server1};
  Somebody copy = stranger;
  copy.knows(pair.server0);
  auto link = link_of(copy, pair.server0);
  link.shake_hands();
  REQUIRE_FALSE(link.server_ended);
  CHECK(link.server_ended.error().fault == Fault::refused);
  const auto pin = config::pin_text(stranger.identity.key);
  CHECK(link.server_ended.error().what.find(pin) != std::string::npos);
  CHECK_FALSE(link.server->established());
  REQUIRE_FALSE(link.client_ended);
  CHECK(link.client_ended.error().fault == Fault::refused);
  CHECK(link.client_ended.error().what.find(pin) != std::string::npos);
  CHECK(link.client_ended.error().what.find("blindsight key show") != std::string::npos);
}

TEST_CASE("an unknown key is refused by who dials, before a byte is sent to it") {
  Pair pair;
  pair.server1.directory.clear();
  auto link = pair.link();
  link.shake_hands();
  REQUIRE_FALSE(link.client_ended);
  CHECK(link.client_ended.error().fault == Fault::refused);
  CHECK_FALSE(link.client->established());
  CHECK_FALSE(link.server->established());
  CHECK_FALSE(link.server_ended);
}

TEST_CASE("a known key in the wrong place is refused") {
  Pair pair;
  Somebody clinic{PartyId::client};
  pair.server0.knows(clinic);
  clinic.knows(pair.server0);
  auto link = link_of(clinic, pair.server0);
  link.shake_hands();
  REQUIRE_FALSE(link.server_ended);
  CHECK(link.server_ended.error().fault == Fault::refused);
  REQUIRE_FALSE(link.client_ended);
  CHECK(link.client_ended.error().fault == Fault::refused);
}

TEST_CASE("whoever answers in another's place is refused, although its key is known") {
  Pair pair;
  Somebody producer{PartyId::producer};
  pair.server1.knows(producer);
  producer.knows(pair.server1);
  auto link = link_of(pair.server1, producer);
  link.client = pair.server1.context()->connect({{PartyId::server0}, "the address of server0"});
  link.shake_hands();
  REQUIRE_FALSE(link.client_ended);
  CHECK(link.client_ended.error().fault == Fault::refused);
  CHECK_FALSE(link.client->established());
}

TEST_CASE("an expired certificate ends the handshake, and its owner is told the date") {
  Pair pair;
  Somebody late{PartyId::server1, std::chrono::hours(-1)};
  pair.server0.knows(late);
  late.knows(pair.server0);
  auto link = link_of(late, pair.server0);
  link.shake_hands();
  REQUIRE_FALSE(link.server_ended);
  REQUIRE_FALSE(link.client_ended);
  CHECK(link.server_ended.error().what.find(wire::date_text(late.credentials.not_after())) != std::string::npos);
  CHECK(link.client_ended.error().fault == Fault::usage);
  CHECK(link.client_ended.error().what.find(wire::date_text(late.credentials.not_after())) != std::string::npos);
}

TEST_CASE("a certificate that is not valid yet ends the handshake, and both ends look at their clocks") {
  Pair pair;
  Somebody early{PartyId::server1, 24h, 48h};
  pair.server0.knows(early);
  early.knows(pair.server0);
  auto link = link_of(early, pair.server0);
  link.shake_hands();
  REQUIRE_FALSE(link.server_ended);
  REQUIRE_FALSE(link.client_ended);
  CHECK(link.server_ended.error().what.find(wire::date_text(early.credentials.not_before())) != std::string::npos);
  CHECK(link.client_ended.error().fault == Fault::usage);
  CHECK(link.client_ended.error().what.find("clocks") != std::string::npos);
}

TEST_CASE("two keys of one party are the same party: today's and the next") {
  Pair pair;
  Somebody next{PartyId::server1};
  next.knows(pair.server0);
  pair.server0.knows(next);
  for (const auto* dials : {&pair.server1, &next}) {
    auto link = link_of(*dials, pair.server0);
    link.shake_hands();
    REQUIRE(link.server->established());
    CHECK(link.server->identity()->party == PartyId::server1);
  }
}

TEST_CASE("what is no TLS is refused with a word about what it was") {
  const Pair pair;
  for (const auto& text :
       {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string(200, '\0'), std::string(200, '\xff'),
        std::string("\x10\0\0\0 hello hello", 16), std::string("\x16\x03\x01\xff\xff", 5) + std::string(70'000, 'x')}) {
    auto link = pair.link();
    Bytes plain;
    const auto fed = take(*link.server, bytes_of(text), plain, link.to_client);
    REQUIRE_FALSE(fed);
    CHECK(fed.error().fault == Fault::violation);
    CHECK(plain.empty());
  }
}

TEST_CASE("another program is refused: an older TLS, no key, another protocol above TLS") {
  const Pair pair;
  const std::string ours =
                        "\x0c"
                        "blindsight/2",
                    other = "\x02h2";
  const auto offer = [](SSL_CTX* context, const std::string& protocols) {
    REQUIRE(SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(protocols.data()),
                                    static_cast<unsigned>(protocols.size())) == 0);
  };
  SUBCASE("TLS 1.2") {
    OtherProgram old;
    SSL_CTX_set_max_proto_version(old.context.get(), TLS1_2_VERSION);
    offer(old.context.get(), ours);
    auto link = pair.link();
    const auto refused = old.shake_hands(*link.server);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what == "it offers an older TLS than 1.3");
  }
  SUBCASE("no key") {
    OtherProgram nobody;
    offer(nobody.context.get(), ours);
    auto link = pair.link();
    const auto refused = nobody.shake_hands(*link.server);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().fault == Fault::refused);
    CHECK_FALSE(link.server->established());
  }
  SUBCASE("another protocol") {
    OtherProgram browser;
    offer(browser.context.get(), other);
    auto link = pair.link();
    const auto refused = browser.shake_hands(*link.server);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().fault == Fault::violation);
  }
  SUBCASE("no protocol named, and not even a key") {
    OtherProgram unnamed;
    auto link = pair.link();
    CHECK_FALSE(unnamed.shake_hands(*link.server));
    CHECK_FALSE(link.server->established());
  }
}

TEST_CASE("a handshake without an end is ended") {
  const Pair pair;
  auto link = pair.link();
  REQUIRE(link.client->begin(link.to_server));
  // Records of a handshake message that is announced longer and longer.
  Bytes plain;
  bool ended = false;
  const Bytes record = bytes_of(std::string("\x16\x03\x01\x00\x01\x01", 6));
  for (int i = 0; i < 20'000 && !ended; ++i) ended = !take(*link.server, record, plain, link.to_client);
  CHECK(ended);
}

TEST_CASE("an end that has ended stays so, whatever comes, and says why each time") {
  const Pair pair;
  SUBCASE("in a handshake that would go on") {
    auto link = pair.link();
    REQUIRE(link.client->begin(link.to_server));
    Bytes plain;
    REQUIRE(take(*link.server, link.to_server, plain, link.to_client));
    link.to_server.clear();
    REQUIRE(take(*link.client, link.to_client, plain, link.to_server));
    const auto ended = take(*link.server, bytes_of("no record"), plain, link.to_client);
    REQUIRE_FALSE(ended);
    Bytes answer;
    const auto later = take(*link.server, link.to_server, plain, answer);
    REQUIRE_FALSE(later);
    CHECK(later.error() == ended.error());
    CHECK(answer.empty());
    CHECK_FALSE(link.server->established());
  }
  SUBCASE("after it") {
    auto link = pair.link();
    link.shake_hands();
    Bytes good;
    REQUIRE(seal(*link.client, bytes_of("a message"), good));
    const auto ended = take(*link.server, bytes_of("no record"), link.at_server, link.to_client);
    REQUIRE_FALSE(ended);
    const auto later = take(*link.server, good, link.at_server, link.to_client);
    REQUIRE_FALSE(later);
    CHECK(later.error() == ended.error());
    CHECK(link.at_server.empty());
    Bytes answer;
    CHECK_FALSE(seal(*link.server, bytes_of("an answer"), answer));
    CHECK(answer.empty());
  }
}

TEST_CASE("one thread's links do not take each other's errors for their own") {
  const Pair pair;
  auto good = pair.link(), bad = pair.link();
  REQUIRE(good.client->begin(good.to_server));
  Bytes plain;
  CHECK_FALSE(take(*bad.server, bytes_of("GET / HTTP/1.1\r\n\r\n"), plain, bad.to_client));
  good.carry();
  CHECK(good.client->established());
  CHECK(good.server->established());
}
