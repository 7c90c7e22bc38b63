#include <doctest/doctest.h>

#include <algorithm>

#include "protocol/core/protocol.h"

namespace blindsight::protocol {
namespace {

TEST_CASE("the table's protocols: each is found by its name, no two have one, and the first is the default") {
  auto names = protocol_names();
  CHECK(names == std::vector<std::string_view>{"blink", "securenn", "pond", "plaintext"});
  for (const auto name : names) {
    const Protocol* found = find_protocol(name);
    REQUIRE(found);
    CHECK(found->name == name);
    CHECK_FALSE(found->summary.empty());
    CHECK(found->hides == (name != "plaintext"));
  }
  CHECK(&default_protocol() == find_protocol(names.front()));
  for (const auto name : {"", "Blink", "blin", "blink ", "rot13"}) CHECK(find_protocol(name) == nullptr);
}

}  // namespace
}  // namespace blindsight::protocol
