#include "apps/quality.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "apps/failure.h"
#include "apps/ranking.h"
#include "apps/terminal.h"

namespace blindsight::apps {
namespace {

std::optional<std::vector<std::size_t>> by_folder(const std::vector<std::filesystem::path>& files,
                                                  const std::vector<std::string>& folders) {
  std::vector<std::size_t> all;
  for (const auto& file : files) {
    const auto found = std::ranges::find(folders, file.parent_path().filename().string());
    if (found == folders.end()) return std::nullopt;
    all.push_back(static_cast<std::size_t>(found - folders.begin()));
  }
  return all;
}

}  // namespace

void add_folder_flags(CLI::App& command, std::vector<std::string>& folders, std::size_t& most) {
  command.add_option("--most", most, "Take only so many files, evenly chosen")->type_name("N");
  command
      .add_option("--folders", folders,
                  "For accuracy and AUC: names of the images' folders in the order of the outputs (default: the "
                  "labels, or malignant,benign); a single output has two, that of its yes first")
      ->delimiter(',')
      ->type_name("A,B");
}

std::optional<std::vector<std::size_t>> true_outputs(const std::vector<std::filesystem::path>& files,
                                                     const std::vector<std::string>& folders,
                                                     const std::vector<std::string>& labels, std::size_t outputs) {
  auto found = by_folder(files, folders.empty() ? labels : folders);
  // The usual names for lesions, where the labels are called otherwise.
  if (!found && folders.empty() && outputs <= 2) found = by_folder(files, {"malignant", "benign"});
  const std::size_t kinds = std::max<std::size_t>(outputs, 2);
  if (!folders.empty() && folders.size() != kinds)
    throw Failure(Exit::usage, "--folders names " + std::to_string(folders.size()) + " folders, and " +
                                   (outputs == 1 ? "a single output has two: that of its yes, then that of its no"
                                                 : "there are " + std::to_string(outputs) + " outputs"));
  if (!found && !folders.empty()) throw Failure(Exit::usage, "--folders: an image lies in a folder of another name");
  return found;
}

Quality quality(const Decision& decision, const std::vector<std::vector<double>>& logits,
                const std::vector<std::size_t>& truth, const std::vector<bool>& void_answers) {
  Quality q;
  if (truth.empty()) return q;
  std::vector<double> positive, negative;
  double right = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (!void_answers.empty() && void_answers[i]) continue;
    const bool single = logits[i].size() == 1;
    // A single output has a second folder: that of the images it should not name.
    const auto expected = single && truth[i] != 0 ? std::vector<std::size_t>{} : std::vector{truth[i]};
    right += decision.of(logits[i]) == expected ? 1 : 0;
    auto& side = truth[i] == 0 ? positive : negative;
    if (single) side.push_back(logits[i][0]);
    if (logits[i].size() == 2 && decision.kind == model::OutputKind::softmax)
      side.push_back(logits[i][0] - logits[i][1]);
  }
  if (decision.kind != model::OutputKind::none) q.accuracy = right / static_cast<double>(truth.size());
  if (positive.empty() || negative.empty()) return q;
  q.auc = area_under_roc(positive, negative);
  q.positive = positive.size();
  q.negative = negative.size();
  return q;
}

std::string accuracy_text(const Quality& quality) {
  return quality.accuracy ? percent(*quality.accuracy, 1) : "";
}

std::string auc_text(const Quality& quality) {
  return quality.auc ? fixed(*quality.auc, 4) : "";
}

}  // namespace blindsight::apps
