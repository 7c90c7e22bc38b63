#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/passes/operators.h"
#include "model/plaintext/float_oracle.h"
#include "tests/model/support/imports.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

namespace {

using Reals = std::vector<float>;

Node node_of(const std::string& op, std::map<std::string, Attribute> attributes = {}) {
  return {"n", op, {}, {"n.out"}, std::move(attributes)};
}

template <class Values>
void check_is(const protocol::Result<Constant>& got, const Dims& dims, const Values& values) {
  REQUIRE_MESSAGE(got.has_value(), (got ? "" : got.error().what));
  CHECK(got->dims == dims);
  REQUIRE(std::holds_alternative<Values>(got->values));
  CHECK(std::get<Values>(got->values) == values);
}

void check_refused(const protocol::Result<Constant>& got, const std::string& word) {
  REQUIRE_FALSE(got.has_value());
  CAPTURE(got.error().what);
  CHECK(got.error().what.find("'n' (") != std::string::npos);
  CHECK(got.error().what.find(word) != std::string::npos);
}

}  // namespace

TEST_CASE("a Constant's one attribute is its value") {
  check_is(constants::constant(node_of("Constant", {{"value_float", 2.5F}}), {}), {}, Reals{2.5F});
  check_is(constants::constant(node_of("Constant", {{"value_int", std::int64_t{7}}}), {}), {}, Dims{7});
  check_is(constants::constant(node_of("Constant", {{"value_floats", Reals{1, 2}}}), {}), {2}, Reals{1, 2});
  check_is(constants::constant(node_of("Constant", {{"value_ints", Dims{3, 4, 5}}}), {}), {3}, Dims{3, 4, 5});
  check_is(constants::constant(node_of("Constant", {{"value", Constant{{1, 1}, Reals{9}}}}), {}), {1, 1}, Reals{9});
  check_refused(constants::constant(node_of("Constant"), {}), "exactly one attribute");
  check_refused(constants::constant(node_of("Constant", {{"value_string", std::string("x")}}), {}), "supported");
}

TEST_CASE("a Cast rounds to the type, towards zero to integers, and refuses what does not fit") {
  const auto to = [](std::int64_t type) { return node_of("Cast", {{"to", type}}); };
  const Constant reals{{4}, Reals{-1.75F, 0, 1.0009765625F, 3e9F}};
  check_is(constants::cast(to(1), {&reals}), {4}, std::get<Reals>(reals.values));
  // FLOAT16 has ten binary places and ends at 65504; BFLOAT16 has seven.
  check_is(constants::cast(to(10), {&reals}), {4},
           Reals{-1.75F, 0, 1.0009765625F, std::numeric_limits<float>::infinity()});
  check_is(constants::cast(to(16), {&reals}), {4}, Reals{-1.75F, 0, 1, 0x1.66p31F});
  check_is(constants::cast(to(7), {&reals}), {4}, Dims{-1, 0, 1, 3'000'000'000});
  check_is(constants::cast(to(9), {&reals}), {4}, std::vector<std::int32_t>{1, 0, 1, 1});
  check_refused(constants::cast(to(6), {&reals}), "does not fit the type");
  const Constant integers{{2}, Dims{-5, std::int64_t{1} << 31}};
  check_is(constants::cast(to(1), {&integers}), {2}, Reals{-5, 0x1p31F});
  check_refused(constants::cast(to(6), {&integers}), "does not fit the type");
  const Constant none{{1}, Reals{std::nanf("")}};
  check_refused(constants::cast(to(7), {&none}), "does not fit the type");
  check_refused(constants::cast(to(8), {&reals}), "type 8");
}

TEST_CASE("arithmetic of constants is broadcast from the last dimension, of integers as of reals") {
  const Constant column{{2, 1}, Reals{10, 20}}, row{{3}, Reals{1, 2, 4}};
  check_is(constants::arithmetic(node_of("Add"), {&column, &row}), {2, 3}, Reals{11, 12, 14, 21, 22, 24});
  check_is(constants::arithmetic(node_of("Sub"), {&row, &column}), {2, 3}, Reals{-9, -8, -6, -19, -18, -16});
  check_is(constants::arithmetic(node_of("Div"), {&column, &row}), {2, 3}, Reals{10, 5, 2.5F, 20, 10, 5});
  const Constant seven{{}, Dims{7}}, two{{1}, Dims{-2}}, zero{{1}, Dims{0}}, pair{{2}, Reals{1, 2}};
  check_is(constants::arithmetic(node_of("Mul"), {&seven, &two}), {1}, Dims{-14});
  check_is(constants::arithmetic(node_of("Div"), {&seven, &two}), {1}, Dims{-3});
  check_refused(constants::arithmetic(node_of("Div"), {&seven, &zero}), "by zero");
  check_refused(constants::arithmetic(node_of("Add"), {&seven, &row}), "different types");
  check_refused(constants::arithmetic(node_of("Add"), {&pair, &row}), "do not fit each other");
}

TEST_CASE("Concat, Gather and Slice take whole runs along their axis") {
  const Constant a{{2, 2}, Dims{1, 2, 3, 4}}, b{{2, 1}, Dims{5, 6}}, odd{{1, 3}, Dims{7, 8, 9}};
  check_is(constants::concat(node_of("Concat", {{"axis", std::int64_t{1}}}), {&a, &b}), {2, 3}, Dims{1, 2, 5, 3, 4, 6});
  check_is(constants::concat(node_of("Concat", {{"axis", std::int64_t{-2}}}), {&a, &a}), {4, 2},
           Dims{1, 2, 3, 4, 1, 2, 3, 4});
  check_refused(constants::concat(node_of("Concat", {{"axis", std::int64_t{0}}}), {&a, &odd}), "2×2 and 1×3");

  const Constant last{{}, Dims{-1}}, turned{{2}, Dims{1, 0}}, beyond{{1}, Dims{2}}, reals{{1}, Reals{0}};
  check_is(constants::gather(node_of("Gather"), {&a, &last}), {2}, Dims{3, 4});
  check_is(constants::gather(node_of("Gather", {{"axis", std::int64_t{1}}}), {&a, &turned}), {2, 2}, Dims{2, 1, 4, 3});
  check_refused(constants::gather(node_of("Gather"), {&a, &beyond}), "element 2 of 2");
  check_refused(constants::gather(node_of("Gather"), {&a, &reals}), "must be integers");

  const Constant list{{5}, Dims{1, 2, 3, 4, 5}};
  const auto cut = [&](const Constant& x, const Dims& starts, const Dims& ends, const Dims& axes) {
    return constants::slice(node_of("Slice", {{"starts", starts}, {"ends", ends}, {"axes", axes}}), {&x});
  };
  check_is(cut(list, {1}, {-1}, {0}), {3}, Dims{2, 3, 4});
  check_is(cut(list, {-100}, {100}, {0}), {5}, Dims{1, 2, 3, 4, 5});
  check_is(cut(a, {1, 0}, {2, 1}, {1, 0}), {1, 1}, Dims{2});
  check_refused(cut(list, {3}, {3}, {0}), "without values");
  const Constant from{{1}, Dims{0}}, to{{1}, Dims{5}}, step{{1}, Dims{2}};
  check_refused(constants::slice(node_of("Slice"), {&list, &from, &to, &from, &step}), "step 2");
}

TEST_CASE("a DequantizeLinear is refused where its scales do not fit its values") {
  const Constant q{{2, 3}, std::vector<std::int32_t>(6, 1)}, two{{2}, Reals{1, 2}},
      three{{3}, std::vector<std::int32_t>(3)};
  check_refused(constants::dequantize(node_of("DequantizeLinear"), {&q, &two}), "2 scales along axis 1");
  const Node rows = node_of("DequantizeLinear", {{"axis", std::int64_t{-2}}});
  check_is(constants::dequantize(rows, {&q, &two}), {2, 3}, Reals{1, 1, 1, 2, 2, 2});
  check_refused(constants::dequantize(rows, {&q, &two, &three}), "3 zero points for 2 scales");
  check_refused(constants::dequantize(rows, {&two, &two}), "integer values");
  check_refused(constants::dequantize(node_of("DequantizeLinear", {{"block_size", std::int64_t{2}}}), {&q, &two}),
                "block");
}

TEST_CASE("DequantizeLinear of weights: per tensor, per channel, signed and unsigned") {
  OnnxBuilder b({1, 1, 1, 3});
  // [output][input], scale and zero point per output.
  b.bytes("q", {2, 3}, {-128, 0, 127, 5, 6, 7}, true);
  b.reals("s", {2}, {0.5F, 2});
  b.bytes("z", {2}, {1, -3}, true);
  set(b.aside("DequantizeLinear", "dq", {"q", "s", "z"}), "axis", std::int64_t{0});
  b.bytes("bias.q", {2}, {200, 10}, false);
  b.reals("bias.s", {}, {0.1F});
  b.bytes("bias.z", {}, {100}, false);
  b.aside("DequantizeLinear", "bias", {"bias.q", "bias.s", "bias.z"});
  b.node("Flatten", "f");
  set(b.node("Gemm", "g", {"dq.out", "bias.out"}), "transB", std::int64_t{1});
  const auto out = run_float(imported(b), std::vector<float>{1, 10, 100});
  REQUIRE(out.size() == 2);
  CHECK(out[0] == doctest::Approx(0.5 * (-129 * 1 + -1 * 10 + 126 * 100) + 10));
  CHECK(out[1] == doctest::Approx(2 * (8 * 1 + 9 * 10 + 10 * 100) - 9));
}

TEST_CASE("a DequantizeLinear with its defaults spelled out") {
  OnnxBuilder q({1, 2});
  q.bytes("q", {2, 2}, {1, -2, 3, -4}, true);
  q.reals("scale", {}, {0.5F});
  auto& dequantize = q.aside("DequantizeLinear", "dq", {"q", "scale"});
  set(dequantize, "block_size", std::int64_t{0});
  q.node("MatMul", "m", {"dq.out"});
  CHECK(run_float(*q.import(), std::vector<float>{1, 1}) == std::vector<float>{2, -3});
}

TEST_CASE("Constant, Identity, Dropout, and Reshape and Transpose of weights are folded") {
  OnnxBuilder b({1, 1, 1, 3}, 12);
  auto& constant = b.aside("Constant", "k", {});
  auto* a = constant.add_attribute();
  a->set_name("value");
  a->set_type(onnx::AttributeProto::TENSOR);
  auto* t = a->mutable_t();
  t->set_data_type(onnx::TensorProto::FLOAT);
  t->add_dims(6);
  for (int i = 1; i <= 6; ++i) t->add_float_data(static_cast<float>(i));
  b.integers("shape", {2, -1});
  b.aside("Reshape", "reshaped", {"k.out", "shape"});
  set(b.aside("Transpose", "turned", {"reshaped.out"}), "perm", Dims{1, 0});
  b.aside("Identity", "same", {"turned.out"});
  b.node("Identity", "i");
  b.node("Flatten", "f");
  b.node("Dropout", "d");
  b.node("MatMul", "m", {"same.out"});
  CHECK(run_float(imported(b), std::vector<float>{1, 10, 100}) == std::vector<float>{321, 654});
}

TEST_CASE("few constants do not become many") {
  SUBCASE("one constant joined with itself") {
    auto b = with_conv();
    b.reals("big", {1 << 16}, std::vector<float>(1 << 16, 1));
    b.aside("Concat", "all", std::vector<std::string>(100, "big"));
    set(*b.model().mutable_graph()->mutable_node(1), "axis", std::int64_t{0});
    b.node("Add", "a", {"all.out"});
    refused(b, {"'all' (Concat)", "copies the model's constants too often"});
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
  SUBCASE("constants that would become many") {
    auto b = with_conv();
    b.reals("row", {1, 20000}, std::vector<float>(20000, 1));
    b.reals("column", {20000, 1}, std::vector<float>(20000, 1));
    b.aside("Mul", "square", {"row", "column"});
    b.node("Flatten", "f");
    b.node("MatMul", "m", {"square.out"});
    refused(b, {"'square' (Mul)", "do not fit each other"});
  }
}
