#include <doctest/doctest.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <memory>

#include "client/client.h"
#include "net/key_file.h"
#include "net/socket.h"
#include "tests/apps/support/links.h"
#include "tests/support/keys.h"
#include "tests/support/text.h"

// Keys, pins and rights that are wrong, and how they are changed: each fault has a line at the end that can act, and
// nothing is lost.

using namespace blindsight;
using namespace blindsight::tests;
using protocol::Fault;
using protocol::PartyId;
namespace fs = std::filesystem;

namespace {

fs::path key_file(const ThreeProcesses& parties, const std::string& name) {
  return parties.folder() / (name + ".key");
}

/// Writes a key that stands for nobody yet.
fs::path make_key(const ThreeProcesses& parties, const std::string& name,
                  std::chrono::hours lifetime = std::chrono::hours(24)) {
  auto file = key_file(parties, name);
  const auto made = wire::Credentials::generate(name, std::chrono::system_clock::now(), lifetime);
  REQUIRE(net::write_new_key(file, made));
  return file;
}

/// A configuration like the client's, with a key of its own.
fs::path client_with(const ThreeProcesses& parties, const fs::path& key) {
  auto file = parties.folder() / (key.stem().string() + ".client.toml");
  write_text(file, read_text(parties.client_config()));
  replace_in(file, key_file(parties, "client").string(), key.string());
  return file;
}

/// Lets a client of a new key do what the lines say, at all three; its configuration.
fs::path new_client(const ThreeProcesses& parties, const std::string& name, const std::string& rights) {
  const auto key = make_key(parties, name);
  for (std::size_t i = 0; i < 3; ++i)
    append_to(parties.config(i), "\n[clients." + name + "]\npins = " + quoted_pin(key) + '\n' + rights);
  return client_with(parties, key);
}

/// A connection to a port, on which a test says what no party says.
class Stranger {
 public:
  explicit Stranger(std::uint16_t port) {
    const auto made = net::connect_to({"127.0.0.1", port}, std::chrono::seconds(60));
    REQUIRE(made);
    descriptor_ = *made;
    ::fcntl(descriptor_, F_SETFL, ::fcntl(descriptor_, F_GETFL) & ~O_NONBLOCK);
  }
  ~Stranger() { ::close(descriptor_); }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  void send(const std::string& bytes) const {
    REQUIRE(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  /// All that comes until the other end closes.
  std::string hear() const {
    std::string all;
    char bytes[4096];
    for (ssize_t n = 0; (n = ::recv(descriptor_, bytes, sizeof bytes, 0)) > 0;)
      all.append(bytes, static_cast<std::size_t>(n));
    return all;
  }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

/// Tries to shake hands in an older TLS; whether it came to that.
bool shakes_hands_in_tls_1_2(const Stranger& connection) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), SSL_free);
  SSL_set_fd(ssl.get(), connection.descriptor());
  return SSL_connect(ssl.get()) == 1;
}

}  // namespace

TEST_CASE("a party does not start with a key that is no good, and says which file and what to do") {
  const ThreeProcesses parties;
  const auto own = key_file(parties, "server0");
  const auto check = [&](std::size_t party, const std::string& words, const std::string& more) {
    const auto outcome = run({"party", "--config", parties.config(party).string()});
    CHECK(outcome.status == 2);
    CHECK(outcome.out.empty());
    CHECK(contains(outcome.err, words));
    CHECK(contains(outcome.err, more));
    // One line for each fault, and no secret in it.
    CHECK(std::ranges::count(outcome.err, '\n') <= 2);
    CHECK_FALSE(contains(outcome.err, "PRIVATE"));
  };
  const auto with_key = [&](const fs::path& key, const std::string& words) {
    replace_in(parties.config(0), own.string(), key.string());
    check(0, words, key.string());
    replace_in(parties.config(0), key.string(), own.string());
  };
  with_key(parties.folder() / "none.key", "blindsight key new");
  with_key(make_key(parties, "expired", std::chrono::hours(-1)), "expired on");
  with_key(key_file(parties, "server1"), "pinned for server1");
  with_key(key_file(parties, "client"), "pinned for client");
  const auto damaged = parties.folder() / "damaged.key";
  write_text(damaged, read_text(own).substr(0, 60));
  REQUIRE(::chmod(damaged.c_str(), 0600) == 0);
  with_key(damaged, "no private key");
  const auto folder = parties.folder() / "folder.key";
  fs::create_directory(folder);
  REQUIRE(::chmod(folder.c_str(), 0700) == 0);
  with_key(folder, "folder");
  const auto mixed = parties.folder() / "mixed.key";
  const auto part = [](const std::string& pem, bool key) {
    const auto cut = pem.find("-----BEGIN CERTIFICATE");
    return key ? pem.substr(0, cut) : pem.substr(cut);
  };
  write_text(mixed, part(read_text(own), true) + part(read_text(key_file(parties, "server1")), false));
  REQUIRE(::chmod(mixed.c_str(), 0600) == 0);
  with_key(mixed, "not of its private key");

  REQUIRE(::chmod(own.c_str(), 0644) == 0);
  check(0, "chmod 600", own.string());
  REQUIRE(::chmod(own.c_str(), 0600) == 0);

  // Two parties with one key, and a pin with a typing error: told with their lines, before any key is read.
  const auto of_server0 = quoted_pin(own), of_server1 = quoted_pin(key_file(parties, "server1"));
  replace_in(parties.config(2), of_server1, of_server0);
  check(2, "the same pin", "crypto_producer.toml:");
  replace_in(parties.config(2), "pins.server1 = " + of_server0, "pins.server1 = " + of_server1);
  auto wrong = of_server1;
  std::swap(wrong[20], wrong[wrong[20] == wrong[21] ? 22 : 21]);
  if (wrong == of_server1) wrong[20] = wrong[20] == 'A' ? 'B' : 'A';
  replace_in(parties.config(2), of_server1, wrong);
  check(2, "typing error", "crypto_producer.toml:");
  CHECK_FALSE(fs::exists(parties.folder() / "server0"));
}

TEST_CASE("a client's key that is no good is told before anything is asked, and which it is") {
  const ThreeProcesses parties;
  const auto images = (zoo / "mnist-100.idx3-ubyte").string();
  const auto check = [&](const fs::path& key, const std::string& words) {
    const auto config = client_with(parties, key).string();
    for (const auto& outcome : {run({"predict", images, "--config", config}), run({"doctor", "--config", config})}) {
      INFO(outcome.out << outcome.err);
      CHECK(outcome.status != 0);
      CHECK(contains(outcome.out + outcome.err, words));
    }
    CHECK(run({"predict", images, "--config", config}).status == 2);
  };
  check(parties.folder() / "none.key", "blindsight key new");
  const auto late = make_key(parties, "late", std::chrono::hours(-1));
  check(late, wire::date_text(net::load_key(late)->not_after()));
  const auto open = make_key(parties, "open");
  REQUIRE(::chmod(open.c_str(), 0640) == 0);
  check(open, "chmod 600");
}

TEST_CASE("a client does what it has the right to and nothing else, and the refusal names the right") {
  ThreeProcesses parties;
  const auto nurse = new_client(parties, "nurse", "status = true\n"),
             owner = new_client(parties, "owner", "deploy = [\"skin\"]\n"),
             clinic = new_client(parties, "clinic", "predict = true\n"), nobody = new_client(parties, "nobody", "");
  const auto stranger = client_with(parties, make_key(parties, "stranger"));
  parties.start_all();
  const SmallModel model(parties);
  model.deploy_until_ok();
  REQUIRE(serving(parties));
  const auto sessions = sessions_of_all(parties);
  const auto plan = status_of(parties, 0)->plan_digest;
  const auto refused = [](const Outcome& outcome, const std::string& words) {
    CHECK(outcome.status == 1);
    CHECK(outcome.out.find("logits") == std::string::npos);
    CHECK(contains(outcome.err, words));
  };
  const auto fault_of = [](const fs::path& config, config::Role role) {
    const auto status = client::Client(*config::load_client(config)).status(role);
    return status ? std::nullopt : std::optional(status.error().fault);
  };
  refused(model.predict(nurse), "predict");
  refused(model.predict(owner), "predict");
  refused(model.predict(nobody), "[clients.nobody]");
  refused(model.deploy("skin", nurse), "deploy");
  refused(model.deploy("skin", clinic), "deploy");
  refused(model.deploy("lung", owner), "lung");
  for (const auto role : {config::Role::server0, config::Role::server1, config::Role::crypto_producer}) {
    CHECK_FALSE(fault_of(nurse, role));
    CHECK(fault_of(nobody, role) == Fault::refused);
    CHECK(fault_of(stranger, role) == Fault::refused);
  }
  CHECK(run({"doctor", "--config", nurse.string()}).status == 0);
  CHECK(contains(run({"doctor", "--config", nobody.string()}).out, "status"));
  const auto unknown = model.predict(stranger);
  CHECK(unknown.status == 1);
  CHECK(contains(unknown.err, "blindsight key show"));

  // Nothing was lost, and nothing is under way.
  CHECK(status_of(parties, 0)->plan_digest == plan);
  CHECK(model.is_answered(clinic));
  CHECK(sessions_of_all(parties) == sessions);
  const auto skin = model.deploy("skin", owner);
  INFO(skin.err);
  CHECK(skin.status == 0);
  CHECK(model.is_answered(clinic));
}

TEST_CASE("on a party's ports: HTTP, garbage, an older TLS, half a handshake, forged lines, and the three go on") {
  ThreeProcesses parties("limits.handshakes_per_second = 10000\n");
  parties.start_all();
  const SmallModel model(parties);
  model.deploy_until_ok();
  REQUIRE(serving(parties));
  const auto sessions = sessions_of_all(parties);
  for (const auto port : {parties.port(0), parties.client_port(0)}) {
    {
      const Stranger browser(port);
      browser.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
      CHECK_FALSE(contains(browser.hear(), "blindsight"));
    }
    {
      const Stranger noise(port);
      noise.send(std::string(300, '\xfe'));
      noise.hear();
    }
    CHECK_FALSE(shakes_hands_in_tls_1_2(Stranger(port)));
    const Stranger half(port);
    half.send(std::string("\x16\x03\x01\x02\x00\x01\x00", 7));
  }
  CHECK(log_says(parties, 0, "HTTP"));
  CHECK(log_says(parties, 0, "does not speak TLS"));
  CHECK(log_says(parties, 0, "older TLS"));

  // With a right key, text that would write lines of its own into a log or onto a terminal.
  auto hello = hello_of(PartyId::client);
  hello.wire_version = 99;
  hello.software_version = "1\r\n2026-01-01 forged line\x1b[2J\x07";
  const auto answer = say_hello(parties, key_file(parties, "client"), PartyId::server0, parties.client_port(0), hello);
  CHECK(answer.kind == wire::Kind::refuse);
  hello = hello_of(PartyId::producer);
  hello.choice = "blink\n2026-01-01 forged line\x1b[2J";
  CHECK(say_hello(parties, key_file(parties, "crypto_producer"), PartyId::server0, parties.port(0), hello).kind ==
        wire::Kind::refuse);
  CHECK(log_says(parties, 0, "version 99"));
  CHECK(log_says(parties, 0, "runs protocol"));
  const auto log = parties.log(0);
  CHECK_FALSE(contains(log, "\n2026-01-01 forged"));
  CHECK(std::ranges::none_of(log, [](unsigned char c) { return c != '\n' && (c < 0x20 || c == 0x7f); }));

  CHECK(model.is_answered());
  CHECK(sessions_of_all(parties) == sessions);
}

TEST_CASE("SIGHUP: a broken file changes nothing, a client is added and removed, and no session ends") {
  ThreeProcesses parties;
  parties.start_all();
  const SmallModel model(parties);
  model.deploy_until_ok();
  REQUIRE(serving(parties));
  const auto sessions = sessions_of_all(parties);
  const auto clinic = client_with(parties, make_key(parties, "clinic"));
  const auto config_of = [](const fs::path& file) { return *config::load_client(file); };
  CHECK(client::Client(config_of(clinic)).status(config::Role::server0).error().fault == Fault::refused);
  std::array<std::string, 3> before;
  for (std::size_t i = 0; i < 3; ++i) before[i] = read_text(parties.config(i));

  // A pin with a typing error, at one of them: told in its log; what was in force stays.
  append_to(parties.config(0), "\n[clients.clinic]\npins = \"AAAA\"\npredict = true\n");
  parties.party(0).kill(SIGHUP);
  CHECK(log_says(parties, 0, "SIGHUP: the configuration has problems"));
  CHECK(contains(parties.log(0), "clients.clinic"));
  CHECK(model.is_answered());
  // Another key than the one that its links were made with takes a restart.
  write_text(parties.config(0), before[0]);
  const auto next = make_key(parties, "next");
  replace_in(parties.config(0), key_file(parties, "server0").string(), next.string());
  parties.party(0).kill(SIGHUP);
  CHECK(log_says(parties, 0, "restart for that"));
  CHECK(model.is_answered());

  // One who is connected, and stays so while the clinic is let in.
  client::Client long_time(config_of(parties.client_config()));
  REQUIRE(long_time.status(config::Role::server0));
  const auto reread = [&](std::size_t times) {
    for (std::size_t i = 0; i < 3; ++i) parties.party(i).kill(SIGHUP);
    for (std::size_t i = 0; i < 3; ++i)
      REQUIRE(eventually([&] {
        const auto log = parties.log(i);
        std::size_t count = 0;
        for (auto at = log.find("again:"); at != std::string::npos; at = log.find("again:", at + 1)) ++count;
        return count >= times;
      }));
  };
  for (std::size_t i = 0; i < 3; ++i)
    write_text(parties.config(i), before[i] + "\n[clients.clinic]\npins = " + quoted_pin(key_file(parties, "clinic")) +
                                      "\npredict = true\n");
  reread(1);
  CHECK(model.is_answered(clinic));
  CHECK(long_time.status(config::Role::server0));
  CHECK(long_time.connections_to(config::Role::server0) == 1);

  // Removed again while it is connected: its link closes, and it is not let in any more.
  client::Client removed(config_of(clinic));
  REQUIRE(removed.status(config::Role::server0));
  for (std::size_t i = 0; i < 3; ++i) write_text(parties.config(i), before[i]);
  reread(2);
  CHECK(contains(parties.log(0), "read pins and clients again: "));
  CHECK(eventually([&] {
    const auto status = removed.status(config::Role::server0);
    return !status && status.error().fault == Fault::refused;
  }));
  CHECK(model.predict(clinic).status == 1);
  CHECK(long_time.status(config::Role::server0));
  CHECK(long_time.connections_to(config::Role::server0) == 1);
  CHECK(model.is_answered());
  CHECK(sessions_of_all(parties) == sessions);
}

TEST_CASE(
    "a key is changed: a second pin, the new key, a restart of its party alone, the old one is then worth nothing") {
  ThreeProcesses parties;
  parties.start_all();
  const SmallModel model(parties);
  model.deploy_until_ok();
  REQUIRE(serving(parties));
  const auto old = key_file(parties, "server1"), next = make_key(parties, "server1-next");
  const auto old_pin = quoted_pin(old), next_pin = quoted_pin(next);
  const auto pin_at_others = [&](const std::string& from, const std::string& to) {
    for (const std::size_t i : {0, 2}) {
      replace_in(parties.config(i), "pins.server1 = " + from, "pins.server1 = " + to);
      parties.party(i).kill(SIGHUP);
    }
    replace_in(parties.client_config(), "pins.server1 = " + from, "pins.server1 = " + to);
  };
  // Restarted with the new key before the others know it: no session, and both ends say what to do.
  parties.kill(1, SIGTERM);
  replace_in(parties.config(1), old.string(), next.string());
  parties.start(1);
  CHECK(log_says(parties, 1, "send the line that `blindsight key show` prints"));
  CHECK(log_says(parties, 0, "none of those pinned here for listen.parties of server0"));
  CHECK_FALSE(status_of(parties, 0)->in_session);
  // Now they know both; neither of them is restarted.
  pin_at_others(old_pin, '[' + old_pin + ", " + next_pin + ']');
  REQUIRE(serving(parties));
  CHECK(model.is_answered());
  // The old one goes; whoever has kept a copy of it is nobody.
  const auto with_both = sessions_in(parties, 0);
  pin_at_others('[' + old_pin + ", " + next_pin + ']', next_pin);
  CHECK(eventually([&] {
    return say_hello(parties, old, PartyId::server0, parties.port(0), hello_of(PartyId::server1)).key_refused();
  }));
  CHECK(model.is_answered());
  CHECK(sessions_in(parties, 0) == with_both);
}
