#include "tests/apps/support/small_models.h"

#include <numeric>
#include <random>
#include <stdexcept>

#include "model/onnx/export.h"
#include "tests/apps/support/program.h"

namespace blindsight::tests {
namespace {

constexpr std::size_t pixels = small_side * small_side;

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

std::vector<double> small_outputs(const SmallImage& image, std::size_t outputs, double first_bias) {
  const double mean = std::accumulate(image.begin(), image.end(), 0.0) / static_cast<double>(pixels);
  std::vector<double> all;
  for (std::size_t o = 0; o < outputs; ++o) all.push_back(mean + bias(o, first_bias));
  return all;
}

}  // namespace blindsight::tests
