// Trained models, as `model inspect` and `model compile` read them. A first byte of 0, which no protobuf message has,
// begins the choices of a generated model; anything else is a model's file as it stands.
#include <tbb/global_control.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <vector>

#include "model/onnx/export.h"
#include "model/onnx/import.h"
#include "model/plaintext/float_oracle.h"
#include "model/quantize/compile.h"
#include "tests/fuzz/onnx_models.h"
#include "tests/fuzz/use_plan.h"
#include "tests/support/temporary_folder.h"

namespace blindsight::fuzz {
namespace {

using model::FloatNetwork;

/// A folder with what a model may name: a file beside it, one above it, a link out.
class Folder {
 public:
  Folder() {
    std::filesystem::create_directory(folder_ / "models");
    write(folder_ / "models" / "weights.bin", std::vector<std::uint8_t>(4096, 0x3c));
    write(folder_ / "weights.bin", std::vector<std::uint8_t>(4096, 0x3d));
    std::filesystem::create_symlink(folder_ / "weights.bin", folder_ / "models" / "link.bin");
  }
  std::filesystem::path put(std::span<const std::uint8_t> model) const {
    write(file_, model);
    return file_;
  }

 private:
  static void write(const std::filesystem::path& file, std::span<const std::uint8_t> bytes) {
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  tests::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "models" / "model.onnx";
};

/// Whether evaluating it takes so little that thousands may be tried.
bool small(const FloatNetwork& network) {
  constexpr double most = 1 << 19;
  double work = static_cast<double>(network.input.elements());
  for (const auto& layer : network.layers) {
    const auto out = layer.conv.out(), pooled = layer.relu_shape(), averaged = layer.out();
    const auto cells = [](const std::vector<tensor::Window>& pools) {
      double n = 1;
      for (const auto& w : pools) n += static_cast<double>(w.height) * static_cast<double>(w.width);
      return n;
    };
    work += static_cast<double>(layer.filter.size()) * static_cast<double>(out.height) * static_cast<double>(out.width);
    work += static_cast<double>(out.elements()) * cells(layer.max_pools);
    work += static_cast<double>(pooled.elements()) * cells(layer.average_pools);
    work += static_cast<double>(averaged.elements());
  }
  return work <= most;
}

std::vector<model::Image> made_up_images(const FloatNetwork& network, Random& random) {
  std::vector<model::Image> images;
  for (unsigned n = 0; n < 2; ++n) {
    auto& image = images.emplace_back();
    image.name = "made-up image";
    image.file_height = network.input.height;
    image.file_width = network.input.width;
    for (std::size_t i = 0; i < network.input.elements(); ++i)
      image.values.push_back(static_cast<float>(random() % 256) / 255);
  }
  return images;
}

model::CompileOptions options(Random& random) {
  model::CompileOptions o;
  if (random() % 4 != 0) return o;
  o.activation_bits = random() % 26;
  o.headroom_bits = random() % 4;
  o.fraction_bits = random() % 26;
  o.weight_bits = random() % 3 == 0 ? random() % 34 : 0;
  o.output_bits = random() % 26;
  o.input_bits = random() % 26;
  o.winograd = random() % 2 == 0;
  o.relu_degree = random() % 10;
  o.relu_fit = static_cast<model::ReluWeight>(random() % 2);
  if (random() % 4 == 0) o.labels.assign(random() % 4, "label");
  return o;
}

/// What `model prune` writes is a model again.
void write_and_import(const FloatNetwork& network) {
  const auto bytes = model::to_onnx(network);
  if (!bytes) return refusal_is_readable(bytes.error().what);
  const auto again = model::import_onnx(*bytes, "exported.onnx");
  property(again.has_value(), "an exported network is imported", again ? "" : again.error().what);
  property(again->input == network.input && again->layers.size() == network.layers.size() &&
               again->post == network.post && again->layers.back().out() == network.layers.back().out(),
           "an exported network is imported as the same");
}

void compile(const FloatNetwork& network, std::uint32_t seed) {
  Random random(seed);
  const auto preprocessing =
      *model::Preprocessing::preset(network.input.channels == 3 ? "imagenet" : "raw", network.input);
  const auto images = made_up_images(network, random);
  const auto compiled = model::compile(network, preprocessing, images, options(random));
  if (!compiled) return refusal_is_readable(compiled.error().what);
  for (const auto& image : images)
    for (const float v : model::run_float(network, image.values))
      property(std::isfinite(v), "an accepted network gives numbers");
  const auto ok = model::check_plan(compiled->plan);
  property(ok.has_value(), "a compiled plan is right", ok ? "" : ok.error().what);
  const auto bytes = model::to_bytes(compiled->weights);
  const auto weights = model::weights_from_bytes(bytes, compiled->plan);
  property(weights.has_value(), "compiled weights are read again", weights ? "" : weights.error().what);
  property(model::to_bytes(*weights) == bytes, "weights survive writing and reading");
  use_plan(compiled->plan);
}

void use_model(std::span<const std::uint8_t> file) {
  static const Folder folder;
  const auto network = model::import_onnx(folder.put(file));
  if (!network) return refusal_is_readable(network.error().what);
  property(!network->layers.empty(), "an accepted network has a layer");
  if (!small(*network)) return;
  std::uint32_t seed = 1;
  for (const auto byte : file) seed = seed * 16777619U ^ byte;
  compile(*network, seed);
  write_and_import(*network);
}

std::vector<std::uint8_t> bytes_of(const onnx::ModelProto& model) {
  std::vector<std::uint8_t> bytes(model.ByteSizeLong());
  model.SerializeToArray(bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

std::size_t mutate(std::uint8_t* data, std::size_t size, std::size_t most, Random& random) {
  if (random() % 100 == 0) {
    std::vector<std::uint8_t> choices(200);
    for (auto& c : choices) c = static_cast<std::uint8_t>(random());
    if (random() % 2 == 0) {
      choices[0] = 0;
      return put(choices, data, most);
    }
    const auto bytes = bytes_of(make_model(choices));
    if (bytes.size() <= most) return put(bytes, data, most);
  }
  if (size == 0 || data[0] == 0 || random() % 4 == 0) return LLVMFuzzerMutate(data, size, most);
  onnx::ModelProto model;
  if (!model.ParsePartialFromArray(data, static_cast<int>(size))) return LLVMFuzzerMutate(data, size, most);
  change_model(model, random);
  const auto bytes = bytes_of(model);
  return bytes.size() <= most ? put(bytes, data, most) : LLVMFuzzerMutate(data, size, most);
}

}  // namespace
}  // namespace blindsight::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  // One thread: a find happens again, and four targets share a machine.
  static const tbb::global_control one(tbb::global_control::max_allowed_parallelism, 1);
  google::protobuf::SetLogHandler(nullptr);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindsight::fuzz;
  if (size > 0 && data[0] == 0)
    use_model(bytes_of(make_model({data + 1, size - 1})));
  else
    use_model({data, size});
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  blindsight::fuzz::Random random(seed);
  random.discard(1);
  return blindsight::fuzz::mutate(data, size, most, random);
}
