#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace blindsight::apps {

/// The files of one command: what it was given must not be what it writes over. Paths that are empty are left out.
class CommandFiles {
 public:
  /// `what` the file is, for a sentence: "the trained model".
  CommandFiles& reads(const std::string& what, const std::filesystem::path& file);
  /// A trained model, and the names that exporters give to data beside it.
  CommandFiles& reads_model(const std::filesystem::path& file);
  /// The data beside a trained model, once it is read.
  CommandFiles& reads_data(const std::vector<std::string>& files);
  /// Images, or folders of them: each file counts.
  CommandFiles& reads_images(const std::vector<std::filesystem::path>& paths);
  /// `what` without article: "plan"; `flag` that names another file.
  CommandFiles& writes(const std::string& what, const std::filesystem::path& file, const std::string& flag);

  /// A Failure that the caller can mend when a file to write is one that is read or another that is written, under
  /// whatever name (symbolic and hard links), or cannot be written at all. Before any work; leaves no trace.
  void check() const;

 private:
  struct File {
    std::string what;
    std::filesystem::path path;
    std::string flag;
  };
  std::vector<File> read_, written_;
};

/// A Failure when the name of a file to write does not end like what it is: no command would read it.
void check_ending(const std::string& what, const std::filesystem::path& file, const std::string& ending,
                  const std::string& flag);

}  // namespace blindsight::apps
