#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/compile_flags.h"
#include "apps/json.h"
#include "apps/outputs.h"
#include "apps/pictures.h"
#include "apps/quality.h"
#include "apps/terminal.h"
#include "model/onnx/export.h"
#include "model/plaintext/float_oracle.h"
#include "model/plan/output.h"
#include "model/prune/prune.h"
#include "protocol/core/text.h"

namespace blindsight::apps {
namespace {

using nlohmann::ordered_json;

struct Arguments {
  std::filesystem::path model, out;
  double fraction = 0;
  std::size_t first_kept = 0;
  std::vector<std::filesystem::path> images;
  std::vector<std::string> folders, labels;
  std::size_t most = 0;
  std::string preprocess;
  model::ArrayLayout array_layout = model::ArrayLayout::by_shape;
  bool json = false;
};

/// The network before or after, over all images.
struct Side {
  std::size_t parameters = 0, macs = 0;
  std::vector<std::vector<double>> logits;
  std::optional<Quality> quality;
};

struct Comparison {
  Side before, after;
  std::size_t images = 0, same_label = 0;
  double largest_difference = 0;
  Exit status = Exit::ok;  ///< failed when some image could not be read
};

std::vector<double> logits_of(const model::FloatNetwork& network, const model::Image& image) {
  const auto out = model::run_float(network, image.values);
  return {out.begin(), out.end()};
}

/// Runs both in float on the images, if there are any.
Comparison compare(const Arguments& a, const model::FloatNetwork& before, const model::FloatNetwork& after) {
  Comparison c;
  c.before.parameters = model::parameters(before);
  c.before.macs = model::macs(before);
  c.after.parameters = model::parameters(after);
  c.after.macs = model::macs(after);
  if (a.images.empty()) return c;
  const auto preprocessing = preprocessing_for(before, a.preprocess);
  const Decision decision{model::output_kind(before)};
  Pictures pictures(a.images, a.array_layout, a.most);
  std::vector<std::filesystem::path> file_of_image;
  ProgressBar bar("images run");
  c.status = pictures.each(preprocessing, bar, [&](const Pictures::Loaded& loaded) {
    for (const auto& image : loaded.images) {
      auto whole = logits_of(before, image), pruned = logits_of(after, image);
      c.same_label += decision.of(whole) == decision.of(pruned) ? 1 : 0;
      for (std::size_t k = 0; k < whole.size(); ++k)
        c.largest_difference = std::max(c.largest_difference, std::abs(whole[k] - pruned[k]));
      c.before.logits.push_back(std::move(whole));
      c.after.logits.push_back(std::move(pruned));
      file_of_image.push_back(loaded.file);
    }
  });
  c.images = file_of_image.size();
  if (const auto truth = true_outputs(file_of_image, a.folders, a.labels, c.before.logits.front().size())) {
    c.before.quality = quality(decision, c.before.logits, *truth);
    c.after.quality = quality(decision, c.after.logits, *truth);
  }
  return c;
}

ordered_json to_json(const Side& side) {
  ordered_json all = {{"parameters", side.parameters}, {"macs", side.macs}};
  if (side.quality && side.quality->accuracy) all["accuracy"] = *side.quality->accuracy;
  if (side.quality && side.quality->auc) all["auc"] = *side.quality->auc;
  return all;
}

bool nothing_removed(const model::Pruned& pruned) {
  return std::ranges::all_of(pruned.layers, [](const auto& layer) { return layer.removed.empty(); });
}

void print_json(const Arguments& a, const model::Pruned& pruned, const Comparison& c) {
  ordered_json layers = ordered_json::array();
  for (const auto& layer : pruned.layers)
    layers.push_back(
        {{"name", layer.name}, {"channels_before", layer.channels_before}, {"channels_after", layer.channels_after}});
  ordered_json all = {{"model", a.model.filename().string()},
                      {"out", a.out.string()},
                      {"fraction", a.fraction},
                      {"layers", std::move(layers)},
                      {"before", to_json(c.before)},
                      {"after", to_json(c.after)},
                      {"images", c.images}};
  if (c.images != 0) {
    all["same_label"] = c.same_label;
    all["max_abs_diff"] = c.largest_difference;
  }
  std::cout << dump(all) << '\n';
}

void print_table(const Arguments& a, const model::Pruned& pruned, const Comparison& c) {
  using enum Table::Align;
  Table channels({{"layer", left}, {"channels"}, {"left"}});
  for (const auto& layer : pruned.layers)
    channels.row({in_cell(layer.name), std::to_string(layer.channels_before), std::to_string(layer.channels_after)});
  channels.print(std::cout);
  std::cout << '\n';
  std::vector<Table::Column> heads = {{"", left}, {"parameters"}, {"MACs"}};
  if (c.before.quality) heads.insert(heads.end(), {{"accuracy"}, {"AUC"}});
  Table table(heads);
  for (const auto& [name, side] : {std::pair{"before", &c.before}, std::pair{"after", &c.after}}) {
    std::vector<std::string> cells = {name, human_count(side->parameters), human_count(side->macs)};
    if (const auto& q = side->quality) cells.insert(cells.end(), {accuracy_text(*q), auc_text(*q)});
    table.row(std::move(cells));
  }
  table.print(std::cout);
  if (c.images != 0)
    std::cout << "\nover " << counted(c.images, "image") << " in float: " << c.same_label
              << " with the same label as before, largest logit difference " << fixed(c.largest_difference, 4) << '\n';
  if (nothing_removed(pruned))
    std::cout << "\nnothing was removed: no layer has enough channels for --fraction " << a.fraction
              << " to take one of them, and one always stays\n";
  std::cout << "\npruned model  " << a.out.string() << "  (secret; mode 0600)\n";
}

Exit run(const Arguments& a) {
  CommandFiles files;
  files.reads_images(a.images).writes("pruned model", a.out, ".onnx", "--out");
  const auto network = import_model(a.model, files);
  if (!a.labels.empty()) value_of(model::check_labels(a.labels, network.layers.back().conv.out_channels));
  const auto pruned = model::prune(network, a.fraction, a.first_kept);
  if (!pruned)
    throw Failure(Exit::usage, "cannot prune " + protocol::in_quotes(a.model.string()) + ": " + pruned.error().what);
  const auto comparison = compare(a, network, pruned->network);
  value_of(model::export_onnx(pruned->network, a.out));
  if (a.json)
    print_json(a, *pruned, comparison);
  else
    print_table(a, *pruned, comparison);
  return comparison.status;
}

}  // namespace

void add_model_prune(CLI::App& model, Exit& status) {
  auto a = std::make_shared<Arguments>();
  auto* command = model.add_subcommand(
      "prune", "Remove the weakest channels of every layer but the last, and write what is left as an ONNX model");
  command->add_option("model", a->model, "The trained model")->required()->type_name("FILE.onnx");
  command->add_option("-o,--out", a->out, "Where to write the pruned model")->required()->type_name("PRUNED.onnx");
  command->add_option("--fraction", a->fraction, "Share of each layer's channels to remove, from 0 to below 1")
      ->required();
  command->add_option("--first-layers-kept", a->first_kept, "So many layers at the start stay whole")
      ->capture_default_str()
      ->type_name("N");
  command->add_option("--images", a->images, "Folders of images (or files) to compare on, before and after")
      ->type_name("DIR");
  add_folder_flags(*command, a->folders, a->most);
  add_labels_flag(*command, a->labels);
  command->add_option("--preprocess", a->preprocess, "How pixels become the network's numbers: imagenet or raw")
      ->check(CLI::IsMember({"imagenet", "raw"}));
  add_array_layout_flag(*command, a->array_layout);
  command->add_flag("--json", a->json, "One JSON object instead of the tables");
  command->footer(
      "A channel is weak when its filter, batch normalization included, has a small L1 norm. The model is not trained "
      "again.\n\n"
      "Example:\n  blindsight model prune skin.onnx --out pruned.onnx --fraction 0.25 --images test/malignant "
      "test/benign");
  command->callback([a, &status] { status = run(*a); });
}

}  // namespace blindsight::apps
