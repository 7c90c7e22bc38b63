#include "apps/compile_flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <iterator>
#include <map>
#include <random>

#include "apps/failure.h"
#include "apps/pictures.h"
#include "apps/terminal.h"
#include "model/onnx/import.h"

namespace blindsight::apps {

namespace {
const std::map<std::string, model::ReluWeight> relu_weights = {{"calibrated", model::ReluWeight::calibrated},
                                                               {"uniform", model::ReluWeight::uniform}};
const std::map<std::string, model::Orientation> orientations = {{"ignore", model::Orientation::ignore},
                                                                {"exif", model::Orientation::exif}};

model::Preprocessing preprocessing_of(const model::FloatNetwork& network, const CompileFlags& flags) {
  auto preprocessing = preprocessing_for(network, flags.preprocess);
  preprocessing.orientation = flags.orientation;
  return preprocessing;
}
}  // namespace

void add_compile_flags(CLI::App& command, CompileFlags& flags) {
  const std::string group = "Compiling an ONNX model";
  auto& o = flags.options;
  command.add_option("--calibration", flags.calibration, "Folder of typical images (or files); sets the scales")
      ->group(group)
      ->type_name("DIR");
  command
      .add_option("--preprocess", flags.preprocess,
                  "How pixels become the network's numbers: imagenet (0..1, ImageNet's mean and deviation; the default "
                  "for color) or raw (0..255; the default for grey)")
      ->group(group)
      ->check(CLI::IsMember({"imagenet", "raw"}));
  command
      .add_option(
          "--orientation", flags.orientation,
          "What is done about pictures that say by EXIF that they are turned: ignore, or exif (turn them upright, "
          "here and at every client)")
      ->group(group)
      ->transform(CLI::CheckedTransformer(orientations))
      ->default_str("ignore");
  add_array_layout_flag(command, flags.array_layout);
  command.add_option("--labels", o.labels, "Names of the outputs in their order, with commas between")
      ->group(group)
      ->delimiter(',')
      ->type_name("A,B");
  command.add_option("--activation-bits", o.activation_bits, "A: bits of the largest calibrated activation")
      ->group(group)
      ->capture_default_str();
  command.add_option("--headroom-bits", o.headroom_bits, "M: bits above it, for images unlike the calibration's")
      ->group(group)
      ->capture_default_str();
  command
      .add_option("--fraction-bits", o.fraction_bits,
                  "f at least: bits truncated after a layer; more where weights need")
      ->group(group)
      ->capture_default_str();
  command
      .add_option("--weight-bits", o.weight_bits,
                  "Weights of at most so many bits, two's complement, by lowering f; 0: as many as they need")
      ->group(group)
      ->capture_default_str();
  command.add_option("--output-bits", o.output_bits, "Bits of the largest calibrated logit")
      ->group(group)
      ->capture_default_str();
  command.add_option("--input-bits", o.input_bits, "Bits of an encoded pixel")->group(group)->capture_default_str();
  command
      .add_option("--relu-degree", o.relu_degree,
                  "Degree of the polynomial that protocols without comparisons put for ReLU: 2, 4, 6, 8; 0: none")
      ->group(group)
      ->capture_default_str();
  command
      .add_option("--relu-fit", o.relu_fit,
                  "What that polynomial is fitted to: calibrated (values as calibration saw them) or uniform (all of "
                  "the range alike)")
      ->group(group)
      ->transform(CLI::CheckedTransformer(relu_weights))
      ->default_str("calibrated");
  command
      .add_flag_callback(
          "--no-winograd", [&o] { o.winograd = false; }, "Direct convolutions only")
      ->group(group);
}

model::Preprocessing preprocessing_for(const model::FloatNetwork& network, const std::string& name) {
  const std::string chosen = !name.empty() ? name : network.input.channels == 3 ? "imagenet" : "raw";
  auto preset = model::Preprocessing::preset(chosen, network.input);
  if (!preset)
    throw Failure(Exit::mend, "--preprocess " + chosen + " does not fit a network that reads " +
                                  std::to_string(network.input.channels) + " channels; use raw");
  return *std::move(preset);
}

model::Compiled compile_with_flags(const model::FloatNetwork& network, const CompileFlags& flags, Exit& status) {
  if (flags.calibration.empty())
    throw Failure(Exit::mend, "an ONNX model needs typical images to set its scales: add --calibration DIR");
  const auto preprocessing = preprocessing_of(network, flags);
  std::vector<model::Image> images;
  {
    ProgressBar bar("images read");
    status = Pictures(flags.calibration, flags.array_layout, 0, "calibration")
                 .each(preprocessing, bar,
                       [&](Pictures::Loaded loaded) { std::ranges::move(loaded.images, std::back_inserter(images)); });
  }
  ProgressBar bar("images calibrated");
  return value_or_mend(model::compile(network, preprocessing, images, flags.options, bar.callback()));
}

model::Compiled compile_uncalibrated(const model::FloatNetwork& network, const CompileFlags& flags) {
  const auto preprocessing = preprocessing_of(network, flags);
  model::Image noise{"made-up image", {}, network.input.height, network.input.width, {}};
  std::minstd_rand random(1);
  const std::size_t channels = network.input.channels;
  for (std::size_t i = 0; i < network.input.elements(); ++i) {
    const auto pixel = static_cast<float>(random() % 256);
    noise.values.push_back((pixel * preprocessing.scale - preprocessing.mean[i % channels]) /
                           preprocessing.deviation[i % channels]);
  }
  return value_or_mend(model::compile(network, preprocessing, {std::move(noise)}, flags.options));
}

ModelFile kind_of_model_file(const std::filesystem::path& file) {
  if (file.extension() == ".onnx") return ModelFile::onnx;
  if (file.extension() == ".plan") return ModelFile::plan;
  throw Failure(Exit::mend, "'" + file.string() + "': the name of a model's file ends with .onnx or .plan");
}

std::filesystem::path weights_beside(std::filesystem::path plan) {
  return plan.replace_extension(".weights");
}

model::Compiled load_or_compile(const std::filesystem::path& file, const std::filesystem::path& weights,
                                const CompileFlags& flags, Exit& status) {
  if (kind_of_model_file(file) == ModelFile::onnx)
    return compile_with_flags(value_or_mend(model::import_onnx(file)), flags, status);
  model::Compiled compiled;
  compiled.plan = value_or_mend(model::load_plan(file));
  compiled.weights =
      value_or_mend(model::load_weights(weights.empty() ? weights_beside(file) : weights, compiled.plan));
  return compiled;
}

}  // namespace blindsight::apps
