#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace blindsight::apps {

/// --folders and --most, of the commands that measure accuracy on labeled images.
void add_folder_flags(CLI::App& command, std::vector<std::string>& folders, std::size_t& most);

/// Which output each file's image should have, by the name of its folder: `folders` in the order of the outputs; when
/// that is empty, `labels`, or malignant and benign where there are two outputs. Nothing when a folder has another
/// name; a Failure when it was `folders` that said so.
std::optional<std::vector<std::size_t>> true_outputs(const std::vector<std::filesystem::path>& files,
                                                     const std::vector<std::string>& folders,
                                                     const std::vector<std::string>& labels, std::size_t outputs);

struct Quality {
  double accuracy = 0;        ///< share of images whose largest logit is the true output's
  std::optional<double> auc;  ///< of logit 0 - logit 1, for two outputs when images of both are there
};

/// `logits` and `truth`: one per image, at least one.
Quality quality(const std::vector<std::vector<double>>& logits, const std::vector<std::size_t>& truth);

}  // namespace blindsight::apps
