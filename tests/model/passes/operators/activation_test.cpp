#include <doctest/doctest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "model/plaintext/float_oracle.h"
#include "tests/model/support/imports.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

TEST_CASE("Clip from 0 up and Max with zeros are ReLU, a Softmax is the end, whatever renames it after") {
  auto b = to_three_channels();
  b.reals("zero", {}, {0});
  b.node("Clip", "clip", {"zero"});
  b.node("Max", "max", {"zero"});
  b.node("GlobalAveragePool", "g");
  b.reals("v", {4, 3, 1, 1}, noise(12, 4));
  b.node("Conv", "head", {"v"});
  const auto logits = agrees(b);
  CHECK(logits.layers[0].relu);
  set(b.node("Softmax", "s"), "axis", std::int64_t{1});
  b.node("Flatten", "f");
  const auto network = b.import();
  REQUIRE(network.has_value());
  CHECK(network->post == PostOperation::softmax);
  CHECK(network->layers.size() == logits.layers.size());
  auto c = to_three_channels();
  c.node("GlobalAveragePool", "g");
  c.node("Sigmoid", "s");
  CHECK(c.import()->post == PostOperation::sigmoid);
}

TEST_CASE("Softmax and LogSoftmax at the end are left to the data owner") {
  for (const auto& [op, post] :
       {std::pair{"Softmax", PostOperation::softmax}, {"LogSoftmax", PostOperation::log_softmax}}) {
    OnnxBuilder b({1, 1, 1, 2});
    b.reals("w", {2, 2}, {1, 0, 0, 1});
    b.node("Flatten", "f");
    b.node("MatMul", "m", {"w"});
    b.node(op, "s");
    const auto network = imported(b);
    CHECK(network.post == post);
    CHECK(run_float(network, std::vector<float>{3, 4}) == std::vector<float>{3, 4});
  }
}

TEST_CASE("what does nothing outside training is nothing: Identity, Dropout, Cast between reals, Clip without bounds") {
  auto b = to_three_channels();
  b.node("Identity", "i");
  b.node("Clip", "c");
  auto& drop = b.node("Dropout", "d");
  drop.add_input("");
  drop.add_input("training");
  b.model().mutable_graph()->add_initializer()->set_name("training");
  auto* training = b.model().mutable_graph()->mutable_initializer(2);
  training->set_data_type(onnx::TensorProto::BOOL);
  training->add_int32_data(0);
  set(b.node("Cast", "half"), "to", std::int64_t{onnx::TensorProto::FLOAT16});
  finish(b, 60);
  CHECK(agrees(b).layers.size() == 2);
  training = b.model().mutable_graph()->mutable_initializer(2);
  training->set_int32_data(0, 1);
  refused(b, {"'d' (Dropout)", "training mode"});
}

TEST_CASE("activations that are no ReLU, and ends that are none, are refused") {
  SUBCASE("bounds of Clip") {
    auto b = with_conv();
    b.reals("zero", {}, {0});
    b.reals("six", {}, {6});
    b.node("Clip", "six6", {"zero", "six"});
    refused(b, {"'six6' (Clip)", "ReLU6"});
  }
  SUBCASE("a softmax along an axis of one value") {
    OnnxBuilder b({1, 3, 4, 4}, 13);
    b.node("GlobalAveragePool", "g");
    b.reals("w", {4, 3, 1, 1}, noise(12, 1));
    b.node("Conv", "c", {"w"});
    b.node("Softmax", "s");
    refused(b, {"'s' (Softmax)", "axis -1"});
  }
  SUBCASE("a maximum with something else than zeros") {
    auto b = with_conv();
    b.reals("k", {2, 1, 1}, {0, 1});
    b.node("Max", "m", {"k"});
    refused(b, {"'m' (Max)", "2×1×1", "supported is with zeros"});
  }
  SUBCASE("something behind the end") {
    auto b = with_conv();
    b.node("GlobalAveragePool", "g");
    b.node("Sigmoid", "s");
    b.node("Relu", "r");
    refused(b, {"'r' (Relu)", "comes after node 's' (Sigmoid)", "at the end"});
  }
  SUBCASE("a Cast of the image's values to integers") {
    auto b = with_conv();
    set(b.node("Cast", "c"), "to", std::int64_t{onnx::TensorProto::INT64});
    refused(b, {"'c' (Cast)", "type 7", "FLOAT16"});
  }
}
