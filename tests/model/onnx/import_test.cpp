#include "model/onnx/import.h"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "model/plaintext/float_oracle.h"
#include "tests/model/support/imports.h"
#include "tests/model/support/zoo.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

TEST_CASE("a tensor is read from its own field or from raw bytes, whatever its type") {
  const auto check = [](int type, const std::string& raw, const auto& fill) {
    CAPTURE(type);
    for (const bool as_raw : {true, false}) {
      OnnxBuilder b({1, 2});
      b.reals("t", {2, 1}, {});
      auto* t = b.model().mutable_graph()->mutable_initializer(0);
      t->set_data_type(type);
      if (as_raw)
        t->set_raw_data(raw);
      else
        fill(*t);
      set(b.aside("Cast", "real", {"t"}), "to", std::int64_t{onnx::TensorProto::FLOAT});
      b.node("MatMul", "m", {"real.out"});
      CHECK(imported(b).layers[0].filter == std::vector<float>{-3, 2});
    }
  };
  const auto bytes = [](const auto& values) {
    return std::string(reinterpret_cast<const char*>(values.data()), sizeof values);
  };
  const auto integers = [](onnx::TensorProto& t) {
    t.add_int32_data(-3);
    t.add_int32_data(2);
  };
  check(onnx::TensorProto::FLOAT, bytes(std::array<float, 2>{-3, 2}), [](onnx::TensorProto& t) {
    t.add_float_data(-3);
    t.add_float_data(2);
  });
  check(onnx::TensorProto::DOUBLE, bytes(std::array<double, 2>{-3, 2}), [](onnx::TensorProto& t) {
    t.add_double_data(-3);
    t.add_double_data(2);
  });
  check(onnx::TensorProto::BFLOAT16, bytes(std::array<std::uint16_t, 2>{0xc040, 0x4000}), [](onnx::TensorProto& t) {
    t.add_int32_data(0xc040);
    t.add_int32_data(0x4000);
  });
  check(onnx::TensorProto::INT8, bytes(std::array<std::int8_t, 2>{-3, 2}), integers);
  check(onnx::TensorProto::INT16, bytes(std::array<std::int16_t, 2>{-3, 2}), integers);
  check(onnx::TensorProto::INT32, bytes(std::array<std::int32_t, 2>{-3, 2}), integers);
  check(onnx::TensorProto::INT64, bytes(std::array<std::int64_t, 2>{-3, 2}), [](onnx::TensorProto& t) {
    t.add_int64_data(-3);
    t.add_int64_data(2);
  });
}

TEST_CASE("half floats are read from raw bytes and from their field") {
  OnnxBuilder b({1, 2});
  b.reals("h", {2, 2}, {});
  auto* half = b.model().mutable_graph()->mutable_initializer(0);
  half->set_data_type(onnx::TensorProto::FLOAT16);
  const std::uint16_t bits[] = {0x3c00, 0xc000, 0x3800, 0x0001};  // 1, -2, 0.5, 2^-24
  half->set_raw_data(bits, sizeof bits);
  set(b.aside("Cast", "cast", {"h"}), "to", std::int64_t{1});
  b.node("MatMul", "m", {"cast.out"});
  const auto network = b.import();
  REQUIRE(network.has_value());
  CHECK(run_float(*network, std::vector<float>{2, 4}) == std::vector<float>{4, -4 + 0x1p-22F});
  half->clear_raw_data();
  for (const auto v : bits) half->add_int32_data(v);
  const auto again = b.import();
  REQUIRE(again.has_value());
  CHECK(again->layers[0].filter == network->layers[0].filter);
}

TEST_CASE("a graph that is no graph of one output and one set of weights is refused") {
  SUBCASE("two outputs") {
    auto b = with_conv();
    b.model().mutable_graph()->add_output()->set_name("first.out");
    refused(b, {"test.onnx", "2 outputs; supported is one"});
  }
  SUBCASE("an initializer twice") {
    auto b = with_conv();
    b.reals("w", {1}, {1});
    refused(b, {"'w' is there twice"});
  }
  SUBCASE("an attribute twice") {
    auto b = with_conv();
    auto& node = b.node("Flatten", "f");
    set(node, "axis", std::int64_t{1});
    set(node, "axis", std::int64_t{0});
    refused(b, {"'f' (Flatten)", "the attribute 'axis' twice"});
  }
  SUBCASE("no input") {
    auto b = with_conv();
    b.model().mutable_graph()->clear_input();
    refused(b, {"the model has no input"});
  }
  SUBCASE("an operator of somebody else's set") {
    auto b = with_conv();
    b.node("Relu", "r").set_domain("com.example");
    refused(b, {"'r' (com.example.Relu)", "not supported"});
  }
  SUBCASE("an image of integers") {
    auto b = with_conv();
    b.model().mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(
        onnx::TensorProto::UINT8);
    refused(b, {"'image' is of type UINT8"});
  }
  SUBCASE("more nodes than any network has") {
    auto b = with_conv();
    for (int i = 0; i < 20'000; ++i) b.node("Relu", "r");
    refused(b, {"20001 nodes; at most 20000"});
  }
}

TEST_CASE("weights that stand among the inputs too are weights") {
  auto b = with_conv();
  b.node("GlobalAveragePool", "g");
  auto* input = b.model().mutable_graph()->add_input();
  input->set_name("w");
  input->mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  CHECK(imported(b).name == "test.onnx");
}

TEST_CASE("hostile tensors are refused before they are used") {
  SUBCASE("external data") {
    auto b = with_conv();
    auto* t = b.model().mutable_graph()->mutable_initializer(0);
    t->set_data_location(onnx::TensorProto::EXTERNAL);
    auto* entry = t->add_external_data();
    entry->set_key("location");
    entry->set_value("../../etc/passwd");
    refused(b, {"'w'", "'../../etc/passwd'", "leaves the model's folder"});
  }
  SUBCASE("a shape that overflows") {
    auto b = with_conv();
    auto* t = b.model().mutable_graph()->mutable_initializer(0);
    t->clear_dims();
    for (int i = 0; i < 4; ++i) t->add_dims(std::int64_t{1} << 60);
    refused(b, {"'w'", "impossible shape"});
  }
  SUBCASE("a negative size") {
    auto b = with_conv();
    b.model().mutable_graph()->mutable_initializer(0)->set_dims(0, -2);
    refused(b, {"'w'", "impossible shape"});
  }
  SUBCASE("fewer values than the shape asks for") {
    auto b = with_conv();
    b.model().mutable_graph()->mutable_initializer(0)->mutable_float_data()->RemoveLast();
    refused(b, {"'w'", "4 values", "has 3"});
  }
  SUBCASE("a type without meaning here") {
    auto b = with_conv();
    b.model().mutable_graph()->mutable_initializer(0)->set_data_type(onnx::TensorProto::STRING);
    refused(b, {"'w'", "STRING", "float32"});
  }
  SUBCASE("names that would write to a terminal") {
    auto b = with_conv();
    b.node("Nope\x1b[31m", "evil\n\x1b[2J");
    const auto network = b.import();
    REQUIRE_FALSE(network.has_value());
    for (const char c : network.error().what) CHECK((c == '\0' || static_cast<unsigned char>(c) >= 0x20));
  }
  SUBCASE("more dimensions than any operator reads") {
    auto b = with_conv();
    auto* t = b.model().mutable_graph()->mutable_initializer(0);
    for (int i = 0; i < 20; ++i) t->add_dims(1);
    refused(b, {"'w'", "24 dimensions"});
  }
}

TEST_CASE("a file that is no model, an empty one and an old operator set are refused") {
  const std::string text = "This is a letter, not a network.";
  CHECK_FALSE(import_onnx(std::vector<std::uint8_t>(text.begin(), text.end()), "letter").has_value());
  const auto empty = import_onnx(std::span<const std::uint8_t>{}, "empty");
  CHECK_FALSE(empty.has_value());
  CHECK_FALSE(import_onnx(std::filesystem::path("there/is/none.onnx")).has_value());
  OnnxBuilder b({1, 1, 1, 1}, 6);
  b.node("Relu", "r");
  refused(b, {"version 6", "versions 7 to 23"});
  OnnxBuilder c({1, 1, 1, 1}, 99);
  c.node("Relu", "r");
  refused(c, {"version 99"});
}

TEST_CASE("mnist-8 cut anywhere is refused, whole it is read") {
  const auto bytes = file_bytes("model/zoo/mnist-8.onnx");
  REQUIRE(bytes.size() == 26463);
  REQUIRE(import_onnx(bytes, "mnist-8").has_value());
  std::size_t accepted = 0;
  for (std::size_t cut = 0; cut < bytes.size(); cut += cut < 2000 ? 7 : 101)
    accepted += import_onnx(std::span(bytes).first(cut), "cut").has_value() ? 1 : 0;
  // Its last fields are descriptions and the operator set's version: nothing shorter is complete.
  CHECK(accepted == 0);
}

TEST_CASE("mnist-8 with flipped bytes is read or refused, and never more than that") {
  const auto bytes = file_bytes("model/zoo/mnist-8.onnx");
  std::mt19937 generator(20260101);
  std::size_t read = 0, refused_count = 0;
  for (int round = 0; round < 1500; ++round) {
    auto hurt = bytes;
    const std::size_t flips = 1 + generator() % 4;
    for (std::size_t i = 0; i < flips; ++i) {
      // Half of them among the nodes at the file's front, where structure is dense.
      const std::size_t at = generator() % 2 == 0 ? generator() % 2500 : generator() % hurt.size();
      hurt[at] = static_cast<std::uint8_t>(generator());
    }
    (import_onnx(hurt, "hurt").has_value() ? read : refused_count) += 1;
  }
  CHECK(read > 0);
  CHECK(refused_count > 0);
}
