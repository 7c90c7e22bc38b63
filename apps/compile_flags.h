#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/failure.h"
#include "apps/outputs.h"
#include "model/graph/float_network.h"
#include "model/image/image.h"
#include "model/quantize/compile.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace blindsight::apps {

/// What a person says about how an ONNX model becomes a plan; the same flags wherever a model is compiled.
struct CompileFlags {
  CompileFlags() { options.accept_few_images = false; }

  std::vector<std::filesystem::path> calibration;  ///< folders or files
  std::string preprocess;                          ///< empty: "imagenet" for three channels, else "raw"
  model::Orientation orientation = model::Orientation::ignore;
  model::ArrayLayout array_layout = model::ArrayLayout::by_shape;
  model::CompileOptions options;
  const CLI::App* command = nullptr;  ///< whose flags these are
};

/// --labels: every part between commas counts, an empty one too.
CLI::Option* add_labels_flag(CLI::App& command, std::vector<std::string>& labels);

/// A command that reads images for more than calibration declares --array-layout before; otherwise it is one of these.
void add_compile_flags(CLI::App& command, CompileFlags& flags);

/// A Failure when one of these flags was given although nothing is compiled. `because`: "'s.plan' is compiled already".
void refuse_compile_flags(const CompileFlags& flags, const std::string& because);

/// The preset that `name` says, or the default one for the network's channels.
model::Preprocessing preprocessing_for(const model::FloatNetwork& network, const std::string& name);

/// A trained model, with a sign of life while a large one is read. `files`: what else the command reads, and what it
/// writes; checked before the model is read, and again when it is known which data beside it are read.
model::FloatNetwork import_model(const std::filesystem::path& file, CommandFiles files);

/// Calibrates and compiles with a progress bar; prints warnings, and what was taken for granted, to standard error.
/// Needs calibration images; `status` becomes Exit::failed when some of them could not be read. `named`: the protocol
/// that the command names, or null. The plan keeps its limits, and those of the default protocol unless the widths
/// asked for are beyond them; then a note says so. With none named it keeps those of the default protocol.
model::Compiled compile_with_flags(const model::FloatNetwork& network, const CompileFlags& flags,
                                   const protocol::Protocol* named, Exit& status);

/// Shapes and widths without calibration: ranges mean nothing. `named` as above.
model::Plan lay_out_with_flags(const model::FloatNetwork& network, const CompileFlags& flags,
                               const protocol::Protocol* named);

/// How far a logit may be off under encryption, and what that rests on.
std::string stated_error_text(const model::Plan& plan);

/// What a file's name says that it is.
enum class ModelFile { onnx, plan };
ModelFile kind_of_model_file(const std::filesystem::path& file);
/// A compiled plan. A Failure when flags to compile it were given.
model::Plan load_compiled(const std::filesystem::path& file, const CompileFlags& flags);

/// A plan with its weights from files, or compiled from an ONNX file, for a command that writes no files. `weights`:
/// empty for the file beside the plan, and for a model that is compiled. `named`, `status`: as of compile_with_flags.
model::Compiled load_or_compile(const std::filesystem::path& file, const std::filesystem::path& weights,
                                const CompileFlags& flags, const protocol::Protocol* named, Exit& status);

}  // namespace blindsight::apps
