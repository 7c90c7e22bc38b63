#include "tests/model/support/zoo.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "model/onnx/import.h"

namespace blindsight::model::test {
namespace {
template <class T>
T must(protocol::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().what);
  return std::move(*result);
}
Preprocessing raw() {
  return *Preprocessing::preset("raw", {28, 28, 1});
}
}  // namespace

FloatNetwork mnist() {
  return must(import_onnx(std::filesystem::path("model/zoo/mnist-8.onnx")));
}

const Compiled& compiled_mnist() {
  static const Compiled compiled =
      must(compile(mnist(), raw(), must(load_images("model/zoo/mnist-calibration.idx3-ubyte", raw())), {}));
  return compiled;
}

Plan labelled_plan() {
  Plan plan = compiled_mnist().plan;
  for (int i = 0; i < 10; ++i) plan.labels.push_back("digit " + std::to_string(i));
  return plan;
}

std::vector<Image> digits() {
  return must(load_images("model/zoo/mnist-100.idx3-ubyte", raw()));
}

std::vector<std::size_t> digit_labels() {
  const auto bytes = file_bytes("model/zoo/mnist-100.idx1-ubyte");
  return {bytes.begin() + 8, bytes.end()};
}

std::vector<std::uint8_t> file_bytes(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace blindsight::model::test
