#include "apps/outputs.h"

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

}  // namespace

CommandFiles& CommandFiles::reads(const std::string& what, const fs::path& file) {
  if (!file.empty()) read_.push_back({what, file, {}});
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

CommandFiles& CommandFiles::reads_images(const std::vector<fs::path>& paths) {
  for (const auto& path : paths) {
    // What is wrong with a path is told by those who read it.
    if (const auto found = model::find_images(path))
      for (const auto& file : found->files) reads("one of the images", file);
  }
  return *this;
}

CommandFiles& CommandFiles::writes(const std::string& what, const fs::path& file, const std::string& flag) {
  if (!file.empty()) written_.push_back({what, file, flag});
  return *this;
}

void CommandFiles::check() const {
  for (std::size_t i = 0; i < written_.size(); ++i) {
    const auto& [what, path, flag] = written_[i];
    const auto refuse = [&, name = in_quotes(path.string()), flag = flag](const std::string& is) {
      throw Failure(Exit::mend, name + " is " + is + ": name another file with " + flag);
    };
    for (const auto& other : read_)
      if (same_file(path, other.path)) refuse(other.what + " itself");
    for (std::size_t k = 0; k < i; ++k)
      if (same_file(path, written_[k].path)) refuse("the place of the " + written_[k].what + " and of the " + what);
    value_or_mend(model::check_writable(path, what));
  }
}

void check_ending(const std::string& what, const fs::path& file, const std::string& ending, const std::string& flag) {
  if (file.extension() != ending)
    throw Failure(Exit::mend, in_quotes(file.string()) + ": the name of a " + what + " ends with " + ending +
                                  ", or no command would read it: name such a file with " + flag);
}

}  // namespace blindsight::apps
