#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "apps/failure.h"
#include "apps/terminal.h"
#include "model/image/image.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace blindsight::apps {

/// --array-layout, of every command that reads images.
CLI::Option* add_array_layout_flag(CLI::App& command, model::ArrayLayout& layout);

/// The files of images that a command was given, and what there is to say about them. One that cannot be read is named
/// on standard error and does not end the run of the others.
class Pictures {
 public:
  /// Finds the files at `paths` (folders or files); at most `most`, evenly chosen, when it is not 0. Says what was left
  /// out. A Failure that the caller can mend when there is none. `purpose`: said before what is told of them, where a
  /// command reads pictures for more than one.
  Pictures(const std::vector<std::filesystem::path>& paths, model::ArrayLayout layout, std::size_t most = 0,
           std::string purpose = {});

  std::size_t files() const { return files_.size(); }

  /// One file that was read.
  struct Loaded {
    const std::filesystem::path& file;
    std::size_t number;                ///< of the file, from 0
    std::vector<model::Image> images;  ///< at least one
  };
  /// Reads one file after the other for `use`; then says, once for each kind of note, what was left out of how many
  /// pictures. A Failure that the caller can mend when none could be read; otherwise status().
  Exit each(const model::Preprocessing& preprocessing, ProgressBar& bar, const std::function<void(Loaded)>& use);
  /// ok, or failed when something that was named could not be read.
  Exit status() const { return problems_ == 0 ? Exit::ok : Exit::failed; }

 private:
  void find(const std::filesystem::path& path, model::FoundImages& all);
  void say_problem(const std::string& what);
  void take_notes(const std::filesystem::path& file, const std::vector<model::Image>& images);
  void say_notes() const;
  void say(const std::string& text) const;

  /// Pictures with the same note.
  struct Noted {
    std::size_t count = 0;
    std::filesystem::path first;
  };

  model::ArrayLayout layout_;
  std::string purpose_;
  std::vector<std::filesystem::path> files_;
  std::size_t problems_ = 0;
  std::map<model::Note, Noted> notes_;
  std::string first_size_;  ///< of the first picture that was resized
};

}  // namespace blindsight::apps
