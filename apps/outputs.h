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
  /// A compiled plan, and what `model compile` wrote with it; `weights`: empty for those beside the plan.
  CommandFiles& reads_plan(const std::filesystem::path& plan, const std::filesystem::path& weights);
  /// Images, or folders of them: whatever lies in a folder counts, read or left out.
  CommandFiles& reads_images(const std::vector<std::filesystem::path>& paths);

  /// Whether a result may also be written to a device, which replaces nothing and may have any name.
  enum class Devices { refused, allowed };
  /// `what` without article: "plan"; `ending`: what names of such files end with, ".plan"; `flag` that names another
  /// file.
  CommandFiles& writes(const std::string& what, const std::filesystem::path& file, const std::string& ending,
                       const std::string& flag, Devices devices = Devices::refused);

  /// A Failure that the caller can mend when a file to write is one that is read or another that is written, under
  /// whatever name (symbolic and hard links), is not named like what it is, or cannot be written at all. Before any
  /// work; leaves no trace.
  void check() const;

 private:
  struct Read {
    std::string what;
    std::filesystem::path path;
  };
  struct Written {
    std::string what;
    std::filesystem::path path;
    std::string ending, flag;
    Devices devices;
  };
  void check(std::size_t index) const;

  std::vector<Read> read_;
  std::vector<Written> written_;
  std::vector<std::filesystem::path> folders_;  ///< of images
};

/// NAME.weights beside NAME.plan.
std::filesystem::path weights_beside(std::filesystem::path plan);
/// NAME.calibration.json beside NAME.weights.
std::filesystem::path calibration_beside(std::filesystem::path weights);

}  // namespace blindsight::apps
