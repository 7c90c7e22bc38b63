#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <random>

#include "tests/model/support/onnx_builder.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

namespace {

/// The import must fail, and say all of `words`.
void refused(OnnxBuilder& b, const std::vector<std::string>& words) {
  const auto network = b.import();
  REQUIRE_FALSE(network.has_value());
  for (const auto& word : words) {
    CAPTURE(network.error().what);
    CHECK(network.error().what.find(word) != std::string::npos);
  }
}

OnnxBuilder with_conv() {
  OnnxBuilder b({1, 2, 6, 6});
  b.reals("w", {2, 2, 1, 1}, {1, 0, 0, 1});
  b.node("Conv", "first", {"w"});
  return b;
}

std::vector<std::uint8_t> mnist() {
  std::ifstream in("model/zoo/mnist-8.onnx", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("an operator that is not supported is refused with its node, its name and what is supported") {
  auto b = with_conv();
  b.node("Sigmoid", "squash");
  refused(b, {"test.onnx", "'squash'", "Sigmoid", "supported are Conv, BatchNormalization"});
}

TEST_CASE("a residual connection and a branch are refused") {
  auto b = with_conv();
  const std::string before = b.value();
  b.node("Relu", "r");
  b.node("Add", "join", {before});
  refused(b, {"'join' (Add)", "residual"});

  auto c = with_conv();
  const std::string fork = c.value();
  c.node("Relu", "r");
  c.aside("Relu", "side", {fork});
  refused(c, {"'side' (Relu)", "one chain"});
}

TEST_CASE("pools that do not fit the chain are refused in clear words") {
  SUBCASE("on the input") {
    OnnxBuilder b({1, 1, 4, 4});
    set(b.node("MaxPool", "p"), "kernel_shape", std::vector<std::int64_t>{2, 2});
    refused(b, {"'p' (MaxPool)", "input itself"});
  }
  SUBCASE("average before ReLU") {
    auto b = with_conv();
    set(b.node("AveragePool", "p"), "kernel_shape", std::vector<std::int64_t>{2, 2});
    b.node("Relu", "r");
    refused(b, {"'r' (Relu)", "average pool after the Relu"});
  }
  SUBCASE("maximum after average") {
    auto b = with_conv();
    b.node("Relu", "r");
    set(b.node("AveragePool", "p"), "kernel_shape", std::vector<std::int64_t>{2, 2});
    set(b.node("MaxPool", "m"), "kernel_shape", std::vector<std::int64_t>{2, 2});
    refused(b, {"'m' (MaxPool)", "maximum before the average"});
  }
  SUBCASE("padding that is not counted") {
    auto b = with_conv();
    auto& p = b.node("AveragePool", "p");
    set(p, "kernel_shape", std::vector<std::int64_t>{2, 2});
    set(p, "pads", std::vector<std::int64_t>{1, 1, 0, 0});
    refused(b, {"'p' (AveragePool)", "count_include_pad"});
  }
  SUBCASE("ceil_mode where it matters") {
    auto b = with_conv();
    auto& p = b.node("MaxPool", "p");
    set(p, "kernel_shape", std::vector<std::int64_t>{3, 3});
    set(p, "strides", std::vector<std::int64_t>{2, 2});
    set(p, "ceil_mode", std::int64_t{1});
    refused(b, {"'p' (MaxPool)", "ceil_mode"});
  }
  SUBCASE("a window larger than its map") {
    auto b = with_conv();
    set(b.node("MaxPool", "p"), "kernel_shape", std::vector<std::int64_t>{7, 7});
    refused(b, {"'p' (MaxPool)", "does not fit", "6×6"});
  }
  SUBCASE("a window wholly in the padding") {
    auto b = with_conv();
    auto& p = b.node("MaxPool", "p");
    set(p, "kernel_shape", std::vector<std::int64_t>{2, 2});
    set(p, "pads", std::vector<std::int64_t>{2, 2, 2, 2});
    refused(b, {"'p' (MaxPool)", "padding"});
  }
}

TEST_CASE("attributes beyond what is supported are refused") {
  SUBCASE("group") {
    auto b = with_conv();
    b.reals("v", {2, 1, 1, 1}, {1, 1});
    set(b.node("Conv", "deep", {"v"}), "group", std::int64_t{2});
    refused(b, {"'deep' (Conv)", "group 2", "supported is 1"});
  }
  SUBCASE("dilations") {
    auto b = with_conv();
    b.reals("v", {2, 2, 1, 1}, {1, 1, 1, 1});
    set(b.node("Conv", "holes", {"v"}), "dilations", std::vector<std::int64_t>{2, 2});
    refused(b, {"'holes' (Conv)", "dilations"});
  }
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
  SUBCASE("axis of Flatten") {
    auto b = with_conv();
    set(b.node("Flatten", "f"), "axis", std::int64_t{2});
    refused(b, {"'f' (Flatten)", "axis 2"});
  }
}

TEST_CASE("shapes that do not fit are refused") {
  SUBCASE("channels") {
    OnnxBuilder b({1, 3, 4, 4});
    b.reals("w", {2, 2, 1, 1}, {1, 1, 1, 1});
    b.node("Conv", "c", {"w"});
    refused(b, {"'c' (Conv)", "2×2×1×1", "3 channels"});
  }
  SUBCASE("fully connected") {
    auto b = with_conv();
    b.reals("v", {70, 2}, noise(140, 1));
    b.node("Flatten", "f");
    b.node("MatMul", "m", {"v"});
    refused(b, {"'m' (MatMul)", "70 inputs", "72"});
  }
  SUBCASE("Reshape to something else than a row") {
    auto b = with_conv();
    b.integers("shape", {1, 6, 12});
    b.node("Reshape", "r", {"shape"});
    refused(b, {"'r' (Reshape)", "1×72"});
  }
  SUBCASE("a constant that would be added along the width") {
    OnnxBuilder b({1, 2, 2, 2});
    b.reals("w", {2, 2, 1, 1}, {1, 0, 0, 1});
    b.reals("row", {2}, {1, 2});
    b.node("Conv", "c", {"w"});
    b.node("Add", "a", {"row"});
    refused(b, {"'a' (Add)", "per channel"});
  }
  SUBCASE("open image size") {
    OnnxBuilder b({0, 3, 0, 0});
    b.node("Relu", "r");
    refused(b, {"'image'", "fixed image size"});
  }
  SUBCASE("a map as output") {
    auto b = with_conv();
    refused(b, {"6×6", "one number per class"});
  }
  SUBCASE("a batch") {
    OnnxBuilder b({8, 3, 4, 4});
    b.node("Relu", "r");
    refused(b, {"batch is fixed to 8"});
  }
  SUBCASE("a map as large as a hostile file likes") {
    OnnxBuilder b({1, 1, 60000, 60000});
    b.node("Relu", "r");
    refused(b, {"too large"});
  }
}

TEST_CASE("a BatchNormalization that cannot be folded is refused") {
  auto b = with_conv();
  b.node("Relu", "r");
  for (const auto* name : {"s", "t", "m", "v"}) b.reals(name, {2}, {1, 1});
  b.node("BatchNormalization", "late", {"s", "t", "m", "v"});
  b.node("Flatten", "f");
  refused(b, {"'late' (BatchNormalization)", "directly after"});
}

TEST_CASE("hostile tensors are refused before they are used") {
  SUBCASE("external data") {
    auto b = with_conv();
    auto* t = b.model().mutable_graph()->mutable_initializer(0);
    t->set_data_location(onnx::TensorProto::EXTERNAL);
    auto* entry = t->add_external_data();
    entry->set_key("location");
    entry->set_value("../../etc/passwd");
    refused(b, {"'w'", "another file"});
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
  SUBCASE("weights that are no numbers") {
    auto b = with_conv();
    b.model().mutable_graph()->mutable_initializer(0)->set_float_data(1, std::nanf(""));
    b.node("GlobalAveragePool", "g");
    refused(b, {"'first'", "no finite number"});
  }
  SUBCASE("one tensor copied again and again") {
    OnnxBuilder b({1, 1, 1, 1});
    b.reals("big", {1 << 20}, std::vector<float>(1 << 20, 1));
    std::string last = "big";
    for (int i = 0; i < 20; ++i) {
      b.aside("Identity", "copy" + std::to_string(i), {last});
      last = "copy" + std::to_string(i) + ".out";
    }
    refused(b, {"copies the model's constants too often"});
  }
  SUBCASE("names that would write to a terminal") {
    auto b = with_conv();
    b.node("Nope\x1b[31m", "evil\n\x1b[2J");
    const auto network = b.import();
    REQUIRE_FALSE(network.has_value());
    for (const char c : network.error().what) CHECK((c == '\0' || static_cast<unsigned char>(c) >= 0x20));
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
  refused(b, {"version 6", "version 7"});
}

TEST_CASE("mnist-8 cut anywhere is refused, whole it is read") {
  const auto bytes = mnist();
  REQUIRE(bytes.size() == 26463);
  REQUIRE(import_onnx(bytes, "mnist-8").has_value());
  std::size_t accepted = 0;
  for (std::size_t cut = 0; cut < bytes.size(); cut += cut < 2000 ? 7 : 101)
    accepted += import_onnx(std::span(bytes).first(cut), "cut").has_value() ? 1 : 0;
  // Its last fields are descriptions and the operator set's version: nothing shorter is complete.
  CHECK(accepted == 0);
}

TEST_CASE("mnist-8 with flipped bytes is read or refused, and never more than that") {
  const auto bytes = mnist();
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
