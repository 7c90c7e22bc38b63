#include "apps/compile_flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <iterator>
#include <map>

#include "apps/failure.h"
#include "apps/pictures.h"
#include "apps/terminal.h"
#include "model/onnx/import.h"
#include "model/plan/output.h"
#include "protocol/core/text.h"

namespace blindsight::apps {

namespace {
const std::map<std::string, model::ReluWeight> relu_weights = {{"calibrated", model::ReluWeight::calibrated},
                                                               {"uniform", model::ReluWeight::uniform}};
const std::map<std::string, model::OutputKind> output_kinds = {{"softmax", model::OutputKind::softmax},
                                                               {"sigmoid", model::OutputKind::sigmoid},
                                                               {"independent", model::OutputKind::independent},
                                                               {"none", model::OutputKind::none}};

/// What was decided because the graph does not say it, and how to decide otherwise.
std::string assumed_output(const model::Plan& plan) {
  const std::size_t outputs = plan.network.layers.back().conv.out_channels;
  if (outputs == 1)
    return "the model has one output and no sigmoid at its end: told as a number; compile with --output sigmoid if it "
           "is the logit of a yes/no question";
  return "the model has " + std::to_string(outputs) +
         " outputs and neither softmax nor sigmoid at its end: taken for classes of which one is right (softmax); "
         "--output independent or none if they are something else, --output softmax to leave this note out";
}

constexpr auto compile_group = "Compiling an ONNX model";

const std::map<std::string, model::Orientation> orientations = {{"ignore", model::Orientation::ignore},
                                                                {"exif", model::Orientation::exif}};

model::Preprocessing preprocessing_of(const model::FloatNetwork& network, const CompileFlags& flags) {
  auto preprocessing = preprocessing_for(network, flags.preprocess);
  preprocessing.orientation = flags.orientation;
  return preprocessing;
}

/// The options for a plan that serves `named` and, where the widths asked for allow it, the default protocol as well.
model::CompileOptions options_for(const model::FloatNetwork& network, const model::Preprocessing& preprocessing,
                                  const CompileFlags& flags, const protocol::Protocol* named) {
  auto options = flags.options;
  if (named == nullptr || named == &protocol::default_protocol()) return options;
  options.protocols.push_back(named);
  const auto for_both = model::lay_out(network, preprocessing, options);
  if (for_both) return options;
  options.protocols = {named};
  value_of(model::lay_out(network, preprocessing, options));
  std::cerr << "blindsight: note: the plan is for " << named->name << " alone: " << for_both.error().what << '\n';
  return options;
}
}  // namespace

CLI::Option* add_labels_flag(CLI::App& command, std::vector<std::string>& labels) {
  // The parser's own way to split a word leaves empty parts out, and the labels would move to other outputs.
  const auto split = [&labels](const std::vector<std::string>& words) {
    labels.clear();
    for (const auto& word : words)
      for (std::size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
        end = word.find(',', begin);
        labels.push_back(word.substr(begin, end == std::string::npos ? end : end - begin));
      }
  };
  return command
      .add_option_function<std::vector<std::string>>(
          "--labels", split, "Names of the outputs in their order, one for each, with commas between")
      ->type_name("A,B");
}

void add_compile_flags(CLI::App& command, CompileFlags& flags) {
  const std::string group = compile_group;
  auto& o = flags.options;
  flags.command = &command;
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
      .add_flag("--accept-few-images", o.accept_few_images,
                "Calibrate on fewer than " + std::to_string(model::least_images) +
                    " images, or on images all alike, although ordinary images may then get wrong answers")
      ->group(group);
  command
      .add_option_function<std::string>(
          "--output", [&o](const std::string& name) { o.output = output_kinds.at(name); },
          "What the outputs are: softmax (classes of which one is right), sigmoid (one output, the logit of a yes), "
          "independent (several such), none (numbers). Default: as the model's last operation says")
      ->group(group)
      ->check(CLI::IsMember(output_kinds));
  command
      .add_option_function<std::string>(
          "--orientation", [&flags](const std::string& name) { flags.orientation = orientations.at(name); },
          "What is done about pictures that say by EXIF that they are turned: ignore, or exif (turn them upright, "
          "here and at every client)")
      ->group(group)
      ->check(CLI::IsMember(orientations))
      ->default_str("ignore");
  if (command.get_option_no_throw("--array-layout") == nullptr)
    add_array_layout_flag(command, flags.array_layout)->group(group);
  command
      .add_option_function<double>(
          "--threshold", [&o](double p) { o.threshold = p; },
          "Above this probability a sigmoid or independent output is a yes (default 0.5)")
      ->group(group)
      ->type_name("P");
  add_labels_flag(command, o.labels)->group(group);
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
      .add_option_function<std::string>(
          "--relu-fit", [&o](const std::string& name) { o.relu_fit = relu_weights.at(name); },
          "What that polynomial is fitted to: calibrated (values as calibration saw them) or uniform (all of "
          "the range alike)")
      ->group(group)
      ->check(CLI::IsMember(relu_weights))
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
    throw Failure(Exit::usage, "--preprocess " + chosen + " does not fit a network that reads " +
                                   std::to_string(network.input.channels) + " channels; use raw");
  return *std::move(preset);
}

void refuse_compile_flags(const CompileFlags& flags, const std::string& because) {
  for (const auto* option : flags.command->get_options())
    if (option->get_group() == compile_group && option->count() != 0)
      throw Failure(Exit::usage, option->get_name() + " is a matter of compiling, and " + because + ": leave " +
                                     option->get_name() + " out, or give it when an ONNX model is compiled");
}

model::FloatNetwork import_model(const std::filesystem::path& file, CommandFiles files) {
  files.reads_model(file).check();
  auto network = [&] {
    ProgressBar bar("models read");
    bar.show(0, 1);
    return value_of(model::import_onnx(file));
  }();
  files.reads_data(network.data_files).check();
  return network;
}

model::Plan load_compiled(const std::filesystem::path& file, const CompileFlags& flags) {
  refuse_compile_flags(flags, protocol::in_quotes(file.string()) + " is compiled already");
  return value_of(model::load_plan(file));
}

model::Compiled compile_with_flags(const model::FloatNetwork& network, const CompileFlags& flags,
                                   const protocol::Protocol* named, Exit& status) {
  if (flags.calibration.empty())
    throw Failure(Exit::usage, "an ONNX model needs typical images to set its scales: add --calibration DIR");
  const auto preprocessing = preprocessing_of(network, flags);
  value_of(model::check_options(network, preprocessing, flags.options));
  const auto options = options_for(network, preprocessing, flags, named);
  std::vector<model::Image> images;
  {
    ProgressBar bar("files of images read");
    status = Pictures(flags.calibration, flags.array_layout, 0, "calibration")
                 .each(preprocessing, bar,
                       [&](Pictures::Loaded loaded) { std::ranges::move(loaded.images, std::back_inserter(images)); });
  }
  auto compiled = [&] {
    ProgressBar bar("runs of calibration images");
    return value_of(model::compile(network, preprocessing, images, options, bar.callback()));
  }();
  if (!flags.options.output && !model::says_output(network))
    std::cerr << "blindsight: note: " << assumed_output(compiled.plan) << '\n';
  for (const auto& warning : compiled.warnings) std::cerr << "blindsight: warning: " << warning << '\n';
  return compiled;
}

model::Plan lay_out_with_flags(const model::FloatNetwork& network, const CompileFlags& flags,
                               const protocol::Protocol* named) {
  const auto preprocessing = preprocessing_of(network, flags);
  return value_of(model::lay_out(network, preprocessing, options_for(network, preprocessing, flags, named)));
}

std::string stated_error_text(const model::Plan& plan) {
  return "a logit's rounding error under encryption stays below " + fixed(plan.stated_error, 4) +
         " (statistically, from " + counted(plan.calibration_images, "image") + ")";
}

ModelFile kind_of_model_file(const std::filesystem::path& file) {
  if (file.extension() == ".onnx") return ModelFile::onnx;
  if (file.extension() == ".plan") return ModelFile::plan;
  throw Failure(Exit::usage,
                protocol::in_quotes(file.string()) + ": the name of a model's file ends with .onnx or .plan");
}

model::Compiled load_or_compile(const std::filesystem::path& file, const std::filesystem::path& weights,
                                const CompileFlags& flags, const protocol::Protocol* named, Exit& status) {
  if (kind_of_model_file(file) == ModelFile::onnx) {
    if (!weights.empty())
      throw Failure(Exit::usage, "--weights are those of a compiled plan, and " + protocol::in_quotes(file.string()) +
                                     " has its own: leave --weights out");
    return compile_with_flags(import_model(file, {}), flags, named, status);
  }
  model::Compiled compiled;
  compiled.plan = load_compiled(file, flags);
  compiled.weights = value_of(model::load_weights(weights.empty() ? weights_beside(file) : weights, compiled.plan));
  return compiled;
}

}  // namespace blindsight::apps
