#include "tests/apps/support/small_models.h"

#include <numeric>
#include <random>
#include <stdexcept>

#include "model/onnx/export.h"
#include "tests/apps/support/program.h"

namespace blindsight::tests {
namespace {

constexpr std::size_t pixels = small_side * small_side;

/// Fields of a protobuf message: a number below 128, or bytes.
std::string field(unsigned number, unsigned value) {
  return {static_cast<char>(number << 3), static_cast<char>(value)};
}
std::string field(unsigned number, const std::string& bytes) {
  if (bytes.size() >= 1U << 14) throw std::runtime_error("too long for this writer");
  std::string all = {static_cast<char>(number << 3 | 2)};
  if (bytes.size() >= 128) all += static_cast<char>((bytes.size() & 127) | 128);
  return all + static_cast<char>(bytes.size() >= 128 ? bytes.size() >> 7 : bytes.size()) + bytes;
}

/// An input or output of float32.
std::string value_info(const std::string& name, const std::vector<unsigned>& dims) {
  std::string shape;
  for (const unsigned d : dims) shape += field(1, field(1, d));
  return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)));
}

double bias(std::size_t output, double first) {
  return 20 * static_cast<double>(output) + first;
}

}  // namespace

std::vector<SmallImage> small_images(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<SmallImage> all(count, SmallImage(pixels));
  for (auto& image : all) {
    const unsigned darkest = random() % 200;
    for (auto& pixel : image) pixel = static_cast<std::uint8_t>(darkest + random() % (256 - darkest));
  }
  return all;
}

void write_images(const std::filesystem::path& file, const std::vector<SmallImage>& images) {
  std::string bytes = {0, 0, 8, 3};
  for (const std::size_t number : {images.size(), small_side, small_side})
    for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(number >> shift & 255);
  for (const auto& image : images) bytes.append(image.begin(), image.end());
  write_text(file, bytes);
}

void write_small_model(const std::filesystem::path& file, std::size_t outputs, double first_bias) {
  model::FloatNetwork network;
  network.name = file.filename().string();
  network.input = {small_side, small_side, 1};
  model::FloatLayer layer;
  layer.name = "mean";
  layer.conv = {{1, 1, pixels}, outputs, {}};
  layer.filter.assign(pixels * outputs, 1.0F / pixels);
  for (std::size_t o = 0; o < outputs; ++o) layer.bias.push_back(static_cast<float>(bias(o, first_bias)));
  network.layers.push_back(std::move(layer));
  if (const auto ok = model::export_onnx(network, file); !ok) throw std::runtime_error(ok.error().what);
}

void write_model_with_data(const std::filesystem::path& file, const std::string& data_name) {
  constexpr unsigned outputs = 3;
  const std::vector<float> weights(pixels * outputs, 1.0F / pixels);
  write_text(file.parent_path() / data_name,
             {reinterpret_cast<const char*>(weights.data()), weights.size() * sizeof(float)});
  const std::string tensor = field(1, pixels) + field(1, outputs) + field(2, 1) + field(8, std::string("w")) +
                             field(13, field(1, std::string("location")) + field(2, data_name)) + field(14, 1);
  const auto node = [](const std::string& type, const std::vector<std::string>& inputs, const std::string& output) {
    std::string all;
    for (const auto& input : inputs) all += field(1, input);
    return all + field(2, output) + field(3, output) + field(4, type);
  };
  const std::string graph = field(1, node("Flatten", {"image"}, "flat")) +
                            field(1, node("MatMul", {"flat", "w"}, "logits")) + field(2, std::string("beside")) +
                            field(5, tensor) + field(11, value_info("image", {1, 1, small_side, small_side})) +
                            field(12, value_info("logits", {1, outputs}));
  write_text(file, field(1, 7) + field(7, graph) + field(8, field(2, 13)));
}

std::vector<double> small_outputs(const SmallImage& image, std::size_t outputs, double first_bias) {
  const double mean = std::accumulate(image.begin(), image.end(), 0.0) / static_cast<double>(pixels);
  std::vector<double> all;
  for (std::size_t o = 0; o < outputs; ++o) all.push_back(mean + bias(o, first_bias));
  return all;
}

}  // namespace blindsight::tests
