#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/commands.h"
#include "apps/compile_flags.h"
#include "apps/configs.h"
#include "apps/pictures.h"
#include "apps/protocols.h"
#include "apps/quality.h"
#include "apps/query.h"
#include "apps/terminal.h"
#include "model/onnx/import.h"
#include "model/plaintext/fixed_oracle.h"
#include "model/plaintext/float_oracle.h"

namespace blindsight::apps {
namespace {

using nlohmann::ordered_json;

struct Arguments {
  std::filesystem::path model, plan, weights, config;
  std::vector<std::filesystem::path> images;
  std::vector<std::string> folders;
  std::size_t most = 0;
  std::filesystem::path json_file;
  bool layers = false, json = false;
  std::string protocol;
  CompileFlags compile;
};

/// Float against fixed point at one layer, over all images.
struct LayerDifference {
  double largest_value = 0;       ///< of the float model's linear result
  double largest_difference = 0;  ///< of the two linear results, real units
  double worst = 0;               ///< share of the layer's bound that the integers used
};

/// One way to compute the logits, over all images.
struct Column {
  explicit Column(std::string shown) : name(std::move(shown)) {}

  std::string name;
  std::vector<std::vector<double>> logits;
  double largest_difference = 0;  ///< from the float model's
  std::size_t same_label = 0;     ///< as the float model's
  double slowest_s = 0, seconds = 0;

  void add(const std::vector<double>& reference, std::vector<double> mine) {
    for (std::size_t i = 0; i < mine.size(); ++i)
      largest_difference = std::max(largest_difference, std::abs(mine[i] - reference[i]));
    same_label += model::predicted(mine) == model::predicted(reference) ? 1 : 0;
    logits.push_back(std::move(mine));
  }
};

class Check {
 public:
  explicit Check(const Arguments& a) : a_(a), network_(value_or_mend(model::import_onnx(a.model))) {
    if (!a.protocol.empty()) protocol_ = &protocol_named(a.protocol);
    compiled_ = a.plan.empty() ? compile_with_flags(network_, a.compile, status_)
                               : load_or_compile(a.plan, a.weights, {}, status_);
    const auto& spec = compiled_.plan.network;
    if (spec.input != network_.input || spec.layers.size() != network_.layers.size() ||
        spec.layers.back().conv.out_channels != network_.layers.back().conv.out_channels)
      throw Failure(Exit::mend, "'" + a.plan.string() + "' was not compiled from '" + a.model.string() + "'");
    if (!a.config.empty()) {
      client_.emplace(read_client_config(a.config));
      const auto agreed = agree(*client_, a.protocol);
      protocol_ = &agreed.protocol;
      compiled_.plan.network.dealing = agreed.dealing;
    }
    if (protocol_ != nullptr) value_or_mend(protocol_->check(spec));
    layers_.resize(network_.layers.size());
  }

  Exit run() {
    Pictures pictures(a_.images, a_.compile.array_layout, a_.most);
    const bool exact = protocol_ == nullptr || protocol_->exact_relu;
    const model::FixedOracle oracle(compiled_.plan, compiled_.weights,
                                    exact ? model::Relu::exact : model::Relu::polynomial);
    {
      ProgressBar bar("images checked");
      const auto read = pictures.each(compiled_.plan.preprocessing, bar, [&](const Pictures::Loaded& loaded) {
        for (const auto& image : loaded.images) {
          check(oracle, image);
          files_.push_back(loaded.file);
        }
      });
      if (read != Exit::ok) status_ = read;
    }
    if (a_.json)
      print_json(std::cout);
    else
      print();
    if (!a_.json_file.empty()) {
      std::ofstream out(a_.json_file);
      print_json(out);
      if (!out) throw Failure(Exit::mend, "cannot write '" + a_.json_file.string() + "'");
    }
    return worst() <= 1 ? status_ : Exit::failed;
  }

 private:
  void check(const model::FixedOracle& oracle, const model::Image& image) {
    std::vector<std::vector<float>> linear;
    const auto real = model::run_float(
        network_, image.values, [&](std::size_t, const model::FloatTrace& trace) { linear.push_back(trace.linear); });
    const std::vector<double> reference(real.begin(), real.end());
    float_.add(reference, reference);

    const auto encoded = value_or_mend(model::encode_input(compiled_.plan, image.values));
    const auto run =
        oracle.run(encoded, model::Rounding::nearest, 0, [&](std::size_t i, const model::FixedTrace& trace) {
          const auto& spec = compiled_.plan.network.layers[i];
          const double unit = std::ldexp(compiled_.plan.calibration[i].scale, static_cast<int>(spec.fraction_bits));
          auto& seen = layers_[i];
          for (std::size_t k = 0; k < trace.linear.size(); ++k) {
            const double exact = linear[i][k];
            seen.largest_value = std::max(seen.largest_value, std::abs(exact));
            seen.largest_difference =
                std::max(seen.largest_difference, std::abs(static_cast<double>(trace.linear[k]) / unit - exact));
          }
          seen.worst = std::max(seen.worst, trace.worst);
        });
    fixed_.add(reference, model::decode_output(compiled_.plan, run.output));

    if (client_) {
      auto answer = value_or_fail(classify(*client_, *protocol_, compiled_.plan, image));
      encrypted_.add(reference, std::move(answer.logits));
      encrypted_.seconds += answer.report.online_s();
      encrypted_.slowest_s = std::max(encrypted_.slowest_s, answer.report.online_s());
    }
  }

  double worst() const { return std::ranges::max(layers_, {}, &LayerDifference::worst).worst; }

  std::vector<const Column*> columns() const {
    std::vector<const Column*> all = {&float_, &fixed_};
    if (client_) all.push_back(&encrypted_);
    return all;
  }

  std::optional<std::vector<std::size_t>> truth() const {
    return true_outputs(files_, a_.folders, compiled_.plan.labels, float_.logits.front().size());
  }

  void print() const {
    using enum Table::Align;
    const auto& plan = compiled_.plan;
    std::cout << plan.model_name << " over " << files_.size() << " images\n\n";
    if (a_.layers) {
      Table table({{"layer", left}, {"largest value"}, {"largest difference"}, {"worst / bound"}});
      for (std::size_t i = 0; i < layers_.size(); ++i)
        table.row({plan.network.layers[i].name, fixed(layers_[i].largest_value, 3),
                   fixed(layers_[i].largest_difference, 4), fixed(100 * layers_[i].worst, 1) + " %"});
      std::cout << "float against fixed point, linear results in real units\n";
      table.print(std::cout, "  ");
      std::cout << '\n';
    }
    const auto expected = truth();
    std::vector<Table::Column> heads = {{"", left}, {"largest logit difference"}, {"same label"}};
    if (expected) heads.insert(heads.end(), {{"accuracy"}, {"AUC"}});
    Table table(heads);
    for (const auto* column : columns()) {
      std::vector<std::string> cells = {column->name, fixed(column->largest_difference, 4),
                                        std::to_string(column->same_label) + " of " + std::to_string(files_.size())};
      if (expected) {
        const auto q = quality(column->logits, *expected);
        cells.insert(cells.end(), {fixed(100 * q.accuracy, 1) + " %", q.auc ? fixed(*q.auc, 4) : ""});
      }
      table.row(std::move(cells));
    }
    table.print(std::cout);
    std::cout << "\nlargest linear result: " << fixed(100 * worst(), 1) << " % of the bound"
              << (worst() <= 1
                      ? ""
                      : "\nAN IMAGE OVERFLOWS: calibrate on images like it, or compile with more --headroom-bits")
              << '\n';
    if (client_)
      std::cout << "online " << human_seconds(encrypted_.seconds / static_cast<double>(files_.size()))
                << " an image, at most " << human_seconds(encrypted_.slowest_s) << '\n';
  }

  void print_json(std::ostream& out) const {
    const auto expected = truth();
    ordered_json ways = ordered_json::object();
    for (const auto* column : columns()) {
      ordered_json way = {{"max_abs_diff", column->largest_difference}, {"same_label", column->same_label}};
      if (expected) {
        const auto q = quality(column->logits, *expected);
        way["accuracy"] = q.accuracy;
        if (q.auc) way["auc"] = *q.auc;
      }
      ways[column->name] = std::move(way);
    }
    ordered_json layers = ordered_json::array();
    for (std::size_t i = 0; i < layers_.size(); ++i)
      layers.push_back({{"name", compiled_.plan.network.layers[i].name},
                        {"largest", layers_[i].largest_value},
                        {"max_abs_diff", layers_[i].largest_difference},
                        {"worst", layers_[i].worst}});
    ordered_json all = {{"model", compiled_.plan.model_name}, {"images", files_.size()}, {"worst", worst()}};
    if (client_) {
      all["online_s"] = encrypted_.seconds / static_cast<double>(files_.size());
      all["online_max_s"] = encrypted_.slowest_s;
    }
    all["ways"] = std::move(ways);
    all["layers"] = std::move(layers);
    out << all.dump() << std::endl;
  }

  const Arguments& a_;
  const protocol::Protocol* protocol_ = nullptr;  ///< --protocol, or that of the servers
  model::FloatNetwork network_;
  model::Compiled compiled_;
  std::optional<actors::Client> client_;
  std::vector<std::filesystem::path> files_;  ///< after run(): one per image
  Exit status_ = Exit::ok;                    ///< failed when some image could not be read
  std::vector<LayerDifference> layers_;
  Column float_{"float"}, fixed_{"fixed point"}, encrypted_{"encrypted"};
};

}  // namespace

void add_model_check(CLI::App& model, Exit& status) {
  auto a = std::make_shared<Arguments>();
  auto* command = model.add_subcommand(
      "check", "Compare the trained model with its fixed-point form and, with --config, the encrypted run");
  command->add_option("model", a->model, "The trained model")->required()->type_name("FILE.onnx");
  command->add_option("--images", a->images, "Folders of images (or files) to compare on")
      ->required()
      ->type_name("DIR");
  command->add_option("--plan", a->plan, "The compiled plan (default: compile now, which needs --calibration)")
      ->type_name("FILE.plan");
  command->add_option("--weights", a->weights, "The plan's weights (default: NAME.weights beside NAME.plan)")
      ->type_name("FILE");
  command->add_option("--config", a->config, "Also predict under encryption; the parties must serve this very plan")
      ->type_name("client.toml");
  add_folder_flags(*command, a->folders, a->most);
  command->add_flag("--layers", a->layers,
                    "Layer by layer: float against fixed point, and how much of the bound is used");
  command->add_flag("--json", a->json, "One JSON object instead of the tables");
  command->add_option("--json-file", a->json_file, "Also write that object into a file")->type_name("FILE");
  add_optional_protocol_flag(
      *command, a->protocol,
      "one with exact ReLU or, with --config, as the servers say; plaintext only when it is named");
  add_compile_flags(*command, a->compile);
  command->footer(
      "The fixed-point column has ReLU as the protocol has it: under one without comparisons, the plan's polynomials, "
      "so that its difference from float shows what they cost.\n"
      "Exit status 1 also when an image drives a layer over its bound, and when one could not be read.\n\n"
      "Example:\n  blindsight model check skin.onnx --plan skin.plan --images photos/ --layers --config client.toml");
  command->callback([a, &status] { status = Check(*a).run(); });
}

}  // namespace blindsight::apps
