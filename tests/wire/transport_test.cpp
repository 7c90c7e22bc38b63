#include "wire/transport.h"

#include <doctest/doctest.h>

#include <string>

using namespace blindsight;

TEST_CASE("a plain transport carries bytes as they are, at once, and knows nobody") {
  const auto plain = wire::plain_transport();
  std::vector<char> out;
  REQUIRE(plain->begin(out));
  CHECK(out.empty());
  CHECK(plain->established());
  CHECK_FALSE(plain->identity());

  const std::string text = "a frame";
  const auto fed = plain->feed(text, out);
  REQUIRE(fed);
  CHECK(std::string(fed->begin(), fed->end()) == text);
  CHECK(out.empty());
  CHECK_FALSE(plain->identity());
}

TEST_CASE("what is sealed by a plain transport is written where it is sent from, once, behind what is there") {
  const auto plain = wire::plain_transport();
  std::vector<char> out{'a'};
  auto& unsealed = plain->to_seal(out);
  CHECK(&unsealed == &out);
  unsealed.push_back('b');
  REQUIRE(plain->seal(out));
  REQUIRE(plain->seal(out));
  CHECK(out == std::vector{'a', 'b'});
}

TEST_CASE("of a plain transport exactly what is missing is read") {
  const auto wanted = wire::plain_transport()->wanted(17);
  CHECK(wanted.bytes == 17);
  CHECK(wanted.exactly);
}
