#include "model/onnx/export.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <string>

#include "model/plaintext/float_oracle.h"
#include "tests/model/support/imports.h"
#include "tests/model/support/zoo.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

namespace {

/// All that a layer may have: padded windows, both kinds of pools, a bias for each position, a hidden and a last fully
/// connected layer, and an end.
FloatNetwork with_everything(const std::string& end) {
  OnnxBuilder b({0, 2, 12, 10});
  normalization(b, "shifts", 2);
  b.reals("one.w", {6, 2, 3, 3}, noise(108, 1));
  set(b.node("Conv", "one", {"one.w"}), "pads", Dims{1, 0, 1, 2});
  b.node("Relu", "one.relu");
  auto& average = b.node("AveragePool", "average");
  set(average, "kernel_shape", Dims{2, 2});
  set(average, "strides", Dims{2, 2});
  set(average, "pads", Dims{1, 0, 1, 0});
  set(average, "count_include_pad", std::int64_t{1});
  b.reals("two.w", {8, 6, 1, 2}, noise(96, 2));
  b.reals("two.b", {8}, noise(8, 3));
  set(b.node("Conv", "two", {"two.w", "two.b"}), "strides", Dims{1, 2});
  auto& largest = b.node("MaxPool", "largest");
  set(largest, "kernel_shape", Dims{3, 2});
  set(largest, "strides", Dims{2, 1});
  set(largest, "pads", Dims{1, 0, 0, 1});
  b.node("Flatten", "flatten");
  b.reals("hidden.w", {8 * 3 * 2, 10}, noise(8 * 3 * 2 * 10, 4));
  b.reals("hidden.b", {10}, noise(10, 5));
  b.node("Gemm", "hidden", {"hidden.w", "hidden.b"});
  b.node("Relu", "hidden.relu");
  b.reals("last.w", {10, 3}, noise(30, 6));
  b.node("MatMul", "last", {"last.w"});
  if (!end.empty()) b.node(end, "end");
  return imported(b);
}

void check_comes_back(const FloatNetwork& network) {
  const auto back = through_file(network);
  REQUIRE(back.layers.size() == network.layers.size());
  CHECK(back.input == network.input);
  CHECK(back.name == network.name);
  CHECK(back.post == network.post);
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    CAPTURE(i);
    CHECK(back.layers[i].conv == network.layers[i].conv);
    CHECK(back.layers[i].filter == network.layers[i].filter);
    CHECK(back.layers[i].bias == network.layers[i].bias);
    CHECK(back.layers[i].relu == network.layers[i].relu);
    CHECK(back.layers[i].max_pools == network.layers[i].max_pools);
    CHECK(back.layers[i].average_pools == network.layers[i].average_pools);
  }
}

}  // namespace

TEST_CASE("an exported network reads back as the same one") {
  for (const char* end : {"", "Softmax", "LogSoftmax", "Sigmoid"}) {
    CAPTURE(end);
    const auto network = with_everything(end);
    REQUIRE(network.layers.size() == 4);
    CHECK(network.layers[0].bias_per_position());
    check_comes_back(network);
  }
  check_comes_back(mnist());
}

TEST_CASE("rows of numbers read back as such, and flattened images with the side that their channels lie on") {
  for (const Dims& input : {Dims{1, 36}, Dims{1, 3, 4, 3}, Dims{1, 4, 3, 3}, Dims{1, 1, 6, 6}, Dims{1, 6, 6, 1}}) {
    CAPTURE(input);
    OnnxBuilder b(input);
    finish(b, 36);
    check_comes_back(imported(b));
  }
}

TEST_CASE("an image whose width could be taken for its channels reads back as it was") {
  for (const std::int64_t width : {1, 3}) {
    CAPTURE(width);
    OnnxBuilder b({1, 6, width, 2});
    set(b.node("Transpose", "first"), "perm", Dims{0, 3, 1, 2});
    finish(b, 12 * width);
    const auto network = imported(b);
    REQUIRE(network.input == tensor::Shape{6, static_cast<std::size_t>(width), 2});
    check_comes_back(network);
  }
}

TEST_CASE("on a map of one cell, convolutions that a later window reads stay convolutions") {
  OnnxBuilder b({1, 2, 4, 4});
  b.reals("whole.w", {6, 2, 4, 4}, noise(6 * 2 * 16, 1));
  b.node("Conv", "whole", {"whole.w"});
  b.node("Relu", "whole.relu");
  b.reals("padded.w", {4, 6, 3, 3}, noise(4 * 6 * 9, 3));
  set(b.node("Conv", "padded", {"padded.w"}), "pads", Dims{1, 1, 1, 1});
  const auto network = imported(b);
  REQUIRE(network.layers.size() == 2);
  const auto back = through_file(network);
  const auto image = noise(32, 4);
  CHECK(distance(run_float(network, image), run_float(back, image)) < 1e-5);
}

TEST_CASE("weights are written for their owner alone") {
  const TemporaryFolder folder;
  REQUIRE(export_onnx(mnist(), folder / "out.onnx").has_value());
  struct stat info {};
  REQUIRE(::stat((folder / "out.onnx").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(file_bytes(folder / "out.onnx") == *to_onnx(mnist()));
  CHECK_FALSE(export_onnx(mnist(), folder / "no" / "folder.onnx").has_value());
}
