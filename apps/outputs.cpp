#include "apps/outputs.h"

#include <algorithm>

#include "apps/failure.h"
#include "model/files/files.h"
#include "model/image/image.h"
#include "protocol/core/text.h"

namespace blindsight::apps {
namespace {

namespace fs = std::filesystem;
using protocol::in_quotes;

/// Where a path leads, whether anything is there yet or not.
fs::path resolved(const fs::path& path) {
  std::error_code error;
  auto whole = fs::weakly_canonical(fs::absolute(path, error), error);
  return error ? path.lexically_normal() : whole;
}

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code not_there;
  return fs::equivalent(a, b, not_there) || resolved(a) == resolved(b);
}

/// Whether a file that is there lies in the folder or below.
bool lies_in(const fs::path& file, const fs::path& folder) {
  std::error_code not_there;
  if (!fs::exists(file, not_there)) return false;
  const auto whole = resolved(file), top = resolved(folder);
  return std::mismatch(top.begin(), top.end(), whole.begin(), whole.end()).first == top.end();
}

}  // namespace

CommandFiles& CommandFiles::reads(const std::string& what, const fs::path& file) {
  if (!file.empty()) read_.push_back({what, file});
  return *this;
}

CommandFiles& CommandFiles::reads_model(const fs::path& file) {
  reads("the trained model", file);
  if (file.empty()) return *this;
  // The names that exporters give it.
  for (const char* ending : {".data", "_data"}) reads("the trained model's data", file.string() + ending);
  return reads("the trained model's data", fs::path(file).replace_extension(".data"));
}

CommandFiles& CommandFiles::reads_data(const std::vector<std::string>& files) {
  for (const auto& file : files) reads("the trained model's data", file);
  return *this;
}

CommandFiles& CommandFiles::reads_plan(const fs::path& plan, const fs::path& weights) {
  if (plan.empty()) return *this;
  const auto secret = weights.empty() ? weights_beside(plan) : weights;
  reads("the plan", plan).reads("the weights", secret);
  return reads("the calibration's record", calibration_beside(secret));
}

CommandFiles& CommandFiles::reads_images(const std::vector<fs::path>& paths) {
  for (const auto& path : paths) {
    std::error_code not_there;
    if (fs::is_directory(path, not_there)) folders_.push_back(path);
    // What is wrong with a path is told by those who read it.
    if (const auto found = model::find_images(path))
      for (const auto& file : found->files) reads("one of the images", file);
  }
  return *this;
}

CommandFiles& CommandFiles::writes(const std::string& what, const fs::path& file, const std::string& ending,
                                   const std::string& flag, Devices devices) {
  if (!file.empty()) written_.push_back({what, file, ending, flag, devices});
  return *this;
}

void CommandFiles::check() const {
  for (std::size_t i = 0; i < written_.size(); ++i) check(i);
}

void CommandFiles::check(std::size_t index) const {
  const auto& [what, path, ending, flag, devices] = written_[index];
  const std::string name = in_quotes(path.string()), other_file = ": name another file with " + flag;
  const auto refuse = [&](const std::string& why) { throw Failure(Exit::usage, name + why + other_file); };
  for (const auto& other : read_)
    if (same_file(path, other.path)) refuse(" is " + other.what + " itself");
  for (const auto& folder : folders_)
    if (lies_in(path, folder)) refuse(" is one of the files in the folder " + in_quotes(folder.string()));
  for (std::size_t k = 0; k < index; ++k)
    if (same_file(path, written_[k].path)) refuse(" is the place of the " + written_[k].what + " and of the " + what);
  value_of(model::check_writable(path, what));
  if (model::is_device(path)) {
    if (devices == Devices::refused) refuse(" is a device or a pipe, and the " + what + " is a file");
  } else if (!path.string().ends_with(ending)) {
    throw Failure(Exit::usage,
                  name + ": the name of the " + what + " ends with " + ending + ": name such a file with " + flag);
  }
}

fs::path weights_beside(fs::path plan) {
  return plan.replace_extension(".weights");
}

fs::path calibration_beside(fs::path weights) {
  return weights.replace_extension(".calibration.json");
}

}  // namespace blindsight::apps
