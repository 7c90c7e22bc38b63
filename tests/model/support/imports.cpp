#include "tests/model/support/imports.h"

#include <doctest/doctest.h>

#include <cmath>

#include "model/onnx/export.h"
#include "model/plaintext/float_oracle.h"
#include "tests/model/support/reference.h"

namespace blindsight::model::test {

OnnxBuilder with_conv() {
  OnnxBuilder b({1, 2, 6, 6});
  b.reals("w", {2, 2, 1, 1}, {1, 0, 0, 1});
  b.node("Conv", "first", {"w"});
  return b;
}

OnnxBuilder to_three_channels(std::int64_t opset) {
  OnnxBuilder b({0, 2, 6, 5}, opset);
  b.reals("w", {3, 2, 2, 2}, noise(24, 1));
  b.reals("b", {3}, noise(3, 2));
  b.node("Conv", "conv", {"w", "b"});
  return b;
}

void finish(OnnxBuilder& b, std::int64_t elements) {
  b.reals("fc", {elements, 4}, noise(static_cast<std::size_t>(elements) * 4, 3));
  b.node("Flatten", "flatten");
  b.node("MatMul", "head", {"fc"});
}

void normalization(OnnxBuilder& b, const std::string& name, std::size_t channels) {
  const auto positive = [&](unsigned seed) {
    auto v = noise(channels, seed);
    for (float& x : v) x = 0.5F + std::abs(x);
    return v;
  };
  const Dims dims{static_cast<std::int64_t>(channels)};
  b.reals(name + ".s", dims, noise(channels, 11));
  b.reals(name + ".t", dims, noise(channels, 12));
  b.reals(name + ".m", dims, noise(channels, 13));
  b.reals(name + ".v", dims, positive(14));
  b.node("BatchNormalization", name, {name + ".s", name + ".t", name + ".m", name + ".v"});
}

std::string nth(const std::string& name, int i) {
  return name + std::to_string(i);
}

FloatNetwork imported(OnnxBuilder& b) {
  auto network = b.import();
  REQUIRE_MESSAGE(network.has_value(), (network ? "" : network.error().what));
  return *network;
}

FloatNetwork agrees(OnnxBuilder& b) {
  FloatNetwork network = imported(b);
  const auto& shape = network.input;
  const auto pixels = noise(shape.elements(), 9);
  const auto& dims = b.model().graph().input(0).type().tensor_type().shape();
  const bool nchw = dims.dim_size() == 4 && static_cast<std::size_t>(dims.dim(1).dim_value()) == shape.channels;
  std::vector<double> image(pixels.size());
  for (std::size_t p = 0; p < shape.height * shape.width; ++p)
    for (std::size_t c = 0; c < shape.channels; ++c)
      image[nchw ? c * shape.height * shape.width + p : p * shape.channels + c] =
          static_cast<double>(pixels[p * shape.channels + c]);
  const Tensor expected = evaluate(b.model(), image);
  const std::vector<float> wanted(expected.values.begin(), expected.values.end());
  CHECK(distance(run_float(network, pixels), wanted) < 1e-4);
  return network;
}

void refused(OnnxBuilder& b, const std::vector<std::string>& words) {
  const auto network = b.import();
  REQUIRE_FALSE(network.has_value());
  CAPTURE(network.error().what);
  for (const auto& word : words) {
    CAPTURE(word);
    CHECK(network.error().what.find(word) != std::string::npos);
  }
}

FloatNetwork through_file(const FloatNetwork& network) {
  const auto bytes = to_onnx(network);
  REQUIRE(bytes.has_value());
  auto back = import_onnx(*bytes, network.name);
  REQUIRE_MESSAGE(back.has_value(), (back ? "" : back.error().what));
  return *back;
}

}  // namespace blindsight::model::test
