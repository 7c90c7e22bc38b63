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

std::string nth(const std::string& name, int i) {
  return name + std::to_string(i);
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
  b.node("HardSwish", "squash");
  refused(b, {"test.onnx", "'squash'", "HardSwish", "supported are Conv, BatchNormalization"});
}

TEST_CASE("all that is not supported is told at once, by operator, with counts") {
  auto b = with_conv();
  for (const auto* name : {"one", "two", "three"}) b.node("HardSwish", name);
  const std::string before = b.value();
  b.reals("v", {2, 1, 1, 1}, {1, 1});
  set(b.node("Conv", "deep", {"v"}), "group", std::int64_t{2});
  b.node("Add", "join", {before});
  b.node("Erf", "last");
  refused(b, {"'one' (HardSwish)", "3 nodes like it", "Conv in groups (node 'deep' (Conv))",
              "Add of several maps (node 'join' (Add))", "Erf (node 'last' (Erf))"});
}

TEST_CASE("what nothing reads is in nobody's way, whatever it is") {
  auto b = with_conv();
  b.node("GlobalAveragePool", "g");
  b.node("Flatten", "f");
  b.aside("FancyNewThing", "dead", {b.value()});
  auto* input = b.model().mutable_graph()->add_input();
  input->set_name("mask");
  input->mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::BOOL);
  CHECK(b.import().has_value());
}

TEST_CASE("a residual connection is refused") {
  auto b = with_conv();
  const std::string before = b.value();
  b.node("Relu", "r");
  b.node("Add", "join", {before});
  refused(b, {"'join' (Add)", "residual", "one chain"});
}

TEST_CASE("pools that make no sense are refused in clear words") {
  SUBCASE("factors of positions before a convolution") {
    auto b = with_conv();
    auto& p = b.node("AveragePool", "p");
    set(p, "kernel_shape", std::vector<std::int64_t>{2, 2});
    set(p, "pads", std::vector<std::int64_t>{1, 1, 0, 0});
    b.node("Conv", "second", {"w"});
    refused(b, {"'p' (AveragePool)", "count_include_pad 0", "before a fully connected layer"});
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
  SUBCASE("a size that runtimes read differently") {
    auto b = with_conv();
    auto& p = b.node("MaxPool", "p");
    set(p, "kernel_shape", std::vector<std::int64_t>{3, 3});
    set(p, "strides", std::vector<std::int64_t>{2, 2});
    set(p, "auto_pad", std::string("VALID"));
    set(p, "ceil_mode", std::int64_t{1});
    refused(b, {"'p' (MaxPool)", "auto_pad VALID and ceil_mode 1"});
  }
  SUBCASE("holes in a maximum") {
    auto b = with_conv();
    auto& p = b.node("MaxPool", "p");
    set(p, "kernel_shape", std::vector<std::int64_t>{2, 2});
    set(p, "dilations", std::vector<std::int64_t>{2, 2});
    refused(b, {"'p' (MaxPool)", "dilations"});
  }
}

TEST_CASE("attributes beyond what is supported are refused") {
  SUBCASE("group") {
    auto b = with_conv();
    b.reals("v", {2, 1, 1, 1}, {1, 1});
    set(b.node("Conv", "deep", {"v"}), "group", std::int64_t{2});
    refused(b, {"'deep' (Conv)", "group 2", "supported is 1"});
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
    set(b.node("Flatten", "f"), "axis", std::int64_t{5});
    refused(b, {"'f' (Flatten)", "axis 5"});
  }
  SUBCASE("a graph") {
    auto b = with_conv();
    auto* a = b.node("Relu", "r").add_attribute();
    a->set_name("body");
    a->set_type(onnx::AttributeProto::GRAPH);
    refused(b, {"'r' (Relu)", "'body'"});
  }
  SUBCASE("bounds of Clip") {
    auto b = with_conv();
    b.reals("zero", {}, {0});
    b.reals("six", {}, {6});
    b.node("Clip", "six6", {"zero", "six"});
    refused(b, {"'six6' (Clip)", "ReLU6"});
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
  SUBCASE("a constant that would make the value larger") {
    OnnxBuilder b({1, 4});
    b.reals("w", {4, 5}, noise(20, 1));
    b.reals("column", {5, 1}, noise(5, 2));
    b.node("MatMul", "m", {"w"});
    b.node("Add", "a", {"column"});
    refused(b, {"'a' (Add)", "5×1", "1×5", "larger"});
  }
  SUBCASE("a column as Gemm's bias") {
    OnnxBuilder b({1, 4});
    b.reals("w", {4, 5}, noise(20, 1));
    b.reals("column", {5, 1}, noise(5, 2));
    b.node("Gemm", "g", {"w", "column"});
    refused(b, {"'g' (Gemm)", "5×1", "cannot be broadcast to 1×5"});
  }
  SUBCASE("a Reshape that cuts an axis apart") {
    auto b = with_conv();
    b.integers("shape", {1, 9, 8});
    b.node("Reshape", "r", {"shape"});
    refused(b, {"'r' (Reshape)", "cuts rows, columns or channels apart"});
  }
  SUBCASE("a softmax along an axis of one value") {
    OnnxBuilder b({1, 3, 4, 4}, 13);
    b.node("GlobalAveragePool", "g");
    b.reals("w", {4, 3, 1, 1}, noise(12, 1));
    b.node("Conv", "c", {"w"});
    b.node("Softmax", "s");
    refused(b, {"'s' (Softmax)", "axis -1"});
  }
  SUBCASE("a division by zero") {
    auto b = with_conv();
    b.reals("none", {1}, {0});
    b.node("Div", "d", {"none"});
    refused(b, {"'d' (Div)", "by zero"});
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

TEST_CASE("what no machine could do is refused from shapes, with the node's name") {
  SUBCASE("a map") {
    OnnxBuilder b({1, 1, 11585, 11585});
    b.node("Relu", "r");
    refused(b, {"'image'", "too large"});
  }
  SUBCASE("comparisons") {
    OnnxBuilder b({1, 1, 1024, 1024});
    b.reals("w", {1, 1, 1, 1}, {1});
    b.node("Conv", "c", {"w"});
    set(b.node("MaxPool", "wide"), "kernel_shape", std::vector<std::int64_t>{64, 64});
    refused(b, {"'wide' (MaxPool)", "comparisons"});
  }
  SUBCASE("multiplications") {
    OnnxBuilder b({1, 1, 4096, 4096});
    b.reals("w", {4, 1, 1, 1}, {1, 1, 1, 1});
    b.reals("v", {4, 4, 1, 1}, noise(16, 1));
    b.node("Conv", "first", {"w"});
    for (int i = 0; i < 8; ++i)
      set(b.node("Conv", nth("again", i), {"v"}), "dilations", std::vector<std::int64_t>{1, 1});
    b.reals("u", {4, 4, 25, 25}, noise(16 * 625, 1));
    auto& wide = b.node("Conv", "wide", {"u"});
    set(wide, "pads", std::vector<std::int64_t>{1000, 1000, 1000, 1000});
    set(wide, "dilations", std::vector<std::int64_t>{80, 80});
    refused(b, {"(Conv)"});
  }
  SUBCASE("a layer that would only hand the map through") {
    OnnxBuilder b({1, 100000, 1, 1});
    b.node("Relu", "first");
    b.reals("w", {100000, 1}, std::vector<float>(100000, 1));
    b.node("Flatten", "f");
    b.node("MatMul", "m", {"w"});
    refused(b, {"'first' (Relu)", "100000 channels"});
  }
}

TEST_CASE("few bytes do not become much memory or time") {
  SUBCASE("one constant joined with itself") {
    auto b = with_conv();
    b.reals("big", {1 << 16}, std::vector<float>(1 << 16, 1));
    b.aside("Concat", "all", std::vector<std::string>(100, "big"));
    set(*b.model().mutable_graph()->mutable_node(1), "axis", std::int64_t{0});
    b.node("Add", "a", {"all.out"});
    refused(b, {"'all' (Concat)", "copies the model's constants too often"});
  }
  SUBCASE("very many dimensions") {
    auto b = with_conv();
    b.integers("ones", std::vector<std::int64_t>(1000, 1));
    b.reals("one", {}, {1});
    b.aside("Reshape", "wide", {"one", "ones"});
    b.node("Add", "a", {"wide.out"});
    refused(b, {"'wide' (Reshape)", "1000 dimensions; at most 16"});
    auto c = with_conv();
    auto* t = c.model().mutable_graph()->mutable_initializer(0);
    for (int i = 0; i < 20; ++i) t->add_dims(1);
    refused(c, {"'w'", "24 dimensions"});
  }
  SUBCASE("one axis cut again and again") {
    auto b = with_conv();
    b.reals("big", {4}, {1, 2, 3, 4});
    b.integers("zeros", {0, 0});
    b.integers("fours", {4, 4});
    b.aside("Slice", "cut", {"big", "zeros", "fours", "zeros"});
    b.node("Add", "a", {"cut.out"});
    refused(b, {"'cut' (Slice)", "an axis twice"});
  }
  SUBCASE("one matrix used by very many layers") {
    OnnxBuilder b({1, 1000});
    b.reals("w", {1000, 1000}, std::vector<float>(1000000, 1));
    for (int i = 0; i < 200; ++i) b.node("MatMul", nth("m", i), {"w"});
    refused(b, {"far more than the file has values"});
  }
  SUBCASE("many layers that only hand a map through") {
    OnnxBuilder b({1, 4000, 2, 2});
    for (int i = 0; i < 20; ++i) {
      const auto window = std::vector<std::int64_t>{2, 2};
      set(b.node("AveragePool", nth("a", i)), "kernel_shape", window);
      set(b.node("MaxPool", nth("m", i)), "kernel_shape", std::vector<std::int64_t>{1, 1});
      b.integers(nth("pads", i), {0, 0, 0, 0, 0, 0, 1, 1});
      b.node("Relu", nth("r", i));
      b.node("Pad", nth("p", i), {nth("pads", i)});
    }
    b.node("Flatten", "f");
    b.reals("w", {16000, 1}, std::vector<float>(16000, 1));
    b.node("MatMul", "m", {"w"});
    refused(b, {"(Pad)", "far more than the file has values"});
  }
  SUBCASE("shifts through a wide filter over a large map become a layer, not hours of sums") {
    OnnxBuilder b({1, 1, 4096, 4096});
    b.reals("one", {}, {1});
    b.node("Add", "shift", {"one"});
    b.reals("w", {1, 1, 2, 2}, noise(4, 1));
    auto& conv = b.node("Conv", "wide", {"w"});
    set(conv, "dilations", std::vector<std::int64_t>{200, 200});
    set(conv, "pads", std::vector<std::int64_t>{100, 100, 100, 100});
    set(conv, "strides", std::vector<std::int64_t>{4, 4});
    b.node("GlobalAveragePool", "g");
    const auto network = b.import();
    REQUIRE_MESSAGE(network.has_value(), (network ? "" : network.error().what));
    CHECK(network->layers.size() == 3);
  }
  SUBCASE("very many activations and pools in a row, very many kinds of operators") {
    auto b = with_conv();
    for (int i = 0; i < 8000; ++i) b.node("Relu", nth("r", i));
    for (int i = 0; i < 8000; ++i) {
      auto& p = b.node("MaxPool", nth("p", i));
      set(p, "kernel_shape", std::vector<std::int64_t>{2, 2});
      set(p, "pads", std::vector<std::int64_t>{1, 1, 0, 0});
    }
    b.node("GlobalAveragePool", "g");
    CHECK(b.import().has_value());
    auto c = with_conv();
    for (int i = 0; i < 15000; ++i) c.node(nth("Kind", i), nth("n", i));
    refused(c, {"Kind0", "kinds more"});
  }
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
  SUBCASE("a constant without values") {
    for (const bool by_node : {true, false}) {
      auto b = with_conv();
      b.node("Flatten", "f");
      auto& none = b.aside("Constant", "none", {});
      auto* a = none.add_attribute();
      a->set_name("value_floats");
      a->set_type(onnx::AttributeProto::FLOATS);
      if (by_node) b.aside("Transpose", "t", {"none.out"});
      b.node("MatMul", "m", {by_node ? "t.out" : "none.out"});
      refused(b, {"without values"});
    }
  }
  SUBCASE("constants that would become many") {
    auto b = with_conv();
    b.reals("row", {1, 20000}, std::vector<float>(20000, 1));
    b.reals("column", {20000, 1}, std::vector<float>(20000, 1));
    b.aside("Mul", "square", {"row", "column"});
    b.node("Flatten", "f");
    b.node("MatMul", "m", {"square.out"});
    refused(b, {"'square' (Mul)", "do not fit each other"});
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
    OnnxBuilder b({1, 1 << 20});
    b.reals("big", {1 << 20, 1}, std::vector<float>(1 << 20, 1));
    std::string last = "big";
    for (int i = 0; i < 20; ++i) {
      b.aside("Identity", nth("copy", i), {last});
      last = nth("copy", i) + ".out";
    }
    b.node("MatMul", "m", {last});
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
  refused(b, {"version 6", "versions 7 to 23"});
  OnnxBuilder c({1, 1, 1, 1}, 99);
  c.node("Relu", "r");
  refused(c, {"version 99"});
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
