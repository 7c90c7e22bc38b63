#include <doctest/doctest.h>

#include "config/keys.h"

using namespace blindsight::config;

TEST_CASE("host and port are read, and written as they were read") {
  struct Form {
    const char* text;
    Address address;
  };
  for (const auto& form : {Form{"127.0.0.1:1", Address{"127.0.0.1", 1}},
                           {"127.9.9.9:65535", {"127.9.9.9", 65535}},
                           {"[::1]:7100", {"::1", 7100}},
                           {"[::ffff:10.0.0.1]:7100", {"::ffff:10.0.0.1", 7100}},
                           {"local_host-2.example:7100", {"local_host-2.example", 7100}}}) {
    CAPTURE(form.text);
    Address read;
    REQUIRE(parse_address(form.text, read));
    CHECK(read == form.address);
    CHECK(to_string(read) == form.text);
  }
}

TEST_CASE("what is no address is refused, and nothing is read") {
  for (const char* bad :
       {"", ":", "7100", "127.0.0.1", "127.0.0.1:", ":7100", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:7100x",
        "::1:7100", "[::1]", "[]:1", "[g::1]:1", "a b:1", "127.0.0.1: 7100", "127.0.0.1:-1", "http://127.0.0.1:7100"}) {
    CAPTURE(bad);
    const Address before{"before", 1};
    Address read = before;
    CHECK_FALSE(parse_address(bad, read));
    CHECK(read == before);
  }
  // The longest name of a host that DNS has is of 253 characters.
  Address read;
  CHECK(parse_address(std::string(253, 'h') + ":1", read));
  CHECK_FALSE(parse_address(std::string(254, 'h') + ":1", read));
}

TEST_CASE("only what never leaves the machine is loopback") {
  for (const char* host : {"127.0.0.1", "127.255.255.254", "::1", "localhost"}) {
    CAPTURE(host);
    CHECK(is_loopback({host, 1}));
  }
  for (const char* host : {"0.0.0.0", "::", "10.0.0.1", "126.255.255.255", "128.0.0.1", "2001:db8::1", "::2",
                           "127.0.0.1.example.com", "localhost.example.com", "example.com", ""}) {
    CAPTURE(host);
    CHECK_FALSE(is_loopback({host, 1}));
  }
}

TEST_CASE("each role has its name and its peer's address") {
  const PartyConfig::Peers peers{.server0 = Address{"a", 1}, .server1 = Address{"b", 2}};
  CHECK(name(Role::server0) == "server0");
  CHECK(name(Role::server1) == "server1");
  CHECK(name(Role::crypto_producer) == "crypto_producer");
  CHECK(peers.of(Role::server0) == peers.server0);
  CHECK(peers.of(Role::server1) == peers.server1);
  CHECK_FALSE(peers.of(Role::crypto_producer));
  CHECK(dialed_by(Role::server0).empty());
  CHECK(dialed_by(Role::server1) == std::vector{Role::server0});
  CHECK(dialed_by(Role::crypto_producer) == std::vector{Role::server0, Role::server1});
}
