#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "model/plan/output.h"

namespace CLI {
class App;
}

namespace blindsight::apps {

/// --folders and --most, of the commands that measure accuracy on labeled images.
void add_folder_flags(CLI::App& command, std::vector<std::string>& folders, std::size_t& most);

/// Which output each file's image should have, by the name of its folder: `folders` in the order of the outputs, where
/// a single output has two, that of its yes first; when that is empty, `labels`, or malignant and benign where there
/// are one or two outputs. Nothing when a folder has another name; a Failure when it was `folders` that said so.
std::optional<std::vector<std::size_t>> true_outputs(const std::vector<std::filesystem::path>& files,
                                                     const std::vector<std::string>& folders,
                                                     const std::vector<std::string>& labels, std::size_t outputs);

/// What outputs are, and so which of them an answer names.
struct Decision {
  model::OutputKind kind = model::OutputKind::softmax;
  double threshold = 0.5;

  std::vector<std::size_t> of(const std::vector<double>& logits) const {
    return model::chosen(kind, threshold, logits);
  }
};

struct Quality {
  /// Share of images whose answer names the true output and no other; of a single output, which the first folder's
  /// images should have, share of images on the right side of the threshold. Nothing for numbers.
  std::optional<double> accuracy;
  /// When images of both are there: of logit 0 - logit 1 for a softmax of two, of the output itself for a single one.
  std::optional<double> auc;
  std::size_t positive = 0, negative = 0;  ///< images that the AUC is of
};

/// `logits` and `truth`: one per image. `void_answers`: images whose logits mean nothing: wrong answers, and no part of
/// the AUC; empty for none.
Quality quality(const Decision& decision, const std::vector<std::vector<double>>& logits,
                const std::vector<std::size_t>& truth, const std::vector<bool>& void_answers = {});

/// For a table; empty when there is none.
std::string accuracy_text(const Quality& quality);
std::string auc_text(const Quality& quality);

}  // namespace blindsight::apps
