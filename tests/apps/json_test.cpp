#include "apps/json.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using blindsight::apps::dump;
using nlohmann::ordered_json;

TEST_CASE("JSON is one line with its keys in their order, or indented") {
  const ordered_json json = {{"b", 1}, {"a", {1, 2}}};
  CHECK(dump(json) == R"({"b":1,"a":[1,2]})");
  CHECK(dump(json, 2) == "{\n  \"b\": 1,\n  \"a\": [\n    1,\n    2\n  ]\n}");
}

TEST_CASE("a byte that is no UTF-8 is replaced, and letters stay") {
  const auto text = dump(ordered_json{{"name", "l\xc3\xa4sion\xff\n"}});
  CHECK(text == "{\"name\":\"l\xc3\xa4sion\xef\xbf\xbd\\n\"}");
  CHECK(ordered_json::parse(text).at("name") == "l\xc3\xa4sion\xef\xbf\xbd\n");
}
