#include "model/passes/attributes.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/model/support/imports.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

TEST_CASE("an attribute is read as its type, and what is not there is its default") {
  const Node node{"n",
                  "Op",
                  {},
                  {},
                  {{"whole", std::int64_t{-3}}, {"real", 0.5F}, {"text", std::string("SAME")}, {"list", Dims{1, 2}}}};
  const Attributes attributes(node);
  CHECK(attributes.integer("whole", 7) == -3);
  CHECK(attributes.real("real", 7) == 0.5F);
  CHECK(attributes.text("text", "") == "SAME");
  CHECK(attributes.integers("list") == Dims{1, 2});
  CHECK(attributes.integer("none", 7) == 7);
  CHECK(attributes.real("none", 1.5F) == 1.5F);
  CHECK(attributes.text("none", "NOTSET") == "NOTSET");
  CHECK(attributes.integers("none") == Dims{});
  const auto wrong = attributes.integer("real", 7);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().what.find("'n' (Op): attribute 'real' is not of the type") != std::string::npos);
  CHECK_FALSE(attributes.integers("whole"));
}

TEST_CASE("an attribute that is not understood is refused, with those that are") {
  const Node node{"n", "Op", {}, {}, {{"a", 1.0F}, {"b", ForeignAttribute{}}}};
  CHECK(Attributes(node).only({"b", "c", "a"}));
  const auto other = Attributes(node).only({"a", "c"});
  REQUIRE_FALSE(other);
  CHECK(other.error().what.find("attribute 'b'; supported are a, c") != std::string::npos);
  const auto any = Attributes(node).only({});
  REQUIRE_FALSE(any);
  CHECK(any.error().what.find("attribute 'a'; supported are none") != std::string::npos);
}

TEST_CASE("attributes beyond what an operator reads are refused in a file, whatever their type") {
  SUBCASE("unknown") {
    auto b = with_conv();
    set(b.node("Relu", "r"), "slope", 0.5F);
    refused(b, {"'r' (Relu)", "'slope'"});
  }
  SUBCASE("of another type") {
    auto b = with_conv();
    b.reals("v", {2, 2, 1, 1}, {1, 1, 1, 1});
    set(b.node("Conv", "c", {"v"}), "group", std::string("one"));
    refused(b, {"'c' (Conv)", "'group'"});
  }
  SUBCASE("a graph") {
    auto b = with_conv();
    auto* a = b.node("Relu", "r").add_attribute();
    a->set_name("body");
    a->set_type(onnx::AttributeProto::GRAPH);
    refused(b, {"'r' (Relu)", "'body'"});
  }
}
