#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <sstream>

#include "apps/commands.h"
#include "apps/compile_flags.h"
#include "apps/configs.h"
#include "apps/json.h"
#include "apps/outputs.h"
#include "apps/pictures.h"
#include "apps/protocols.h"
#include "apps/quality.h"
#include "apps/query.h"
#include "apps/terminal.h"
#include "model/files/files.h"
#include "model/plaintext/fixed_oracle.h"
#include "model/plaintext/float_oracle.h"
#include "model/plan/output.h"
#include "protocol/core/text.h"

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

/// Images that leave a range, told by name; the rest is counted.
constexpr std::size_t most_images_told = 10;

/// Those of them that are told one by one.
template <class T>
std::span<const T> told_of(const std::vector<T>& all) {
  return std::span(all).first(std::min(all.size(), most_images_told));
}

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
  double largest_difference = 0;   ///< from the float model's
  std::size_t same_label = 0;      ///< as the float model's
  std::vector<bool> void_answers;  ///< of images that leave a range: wrong, whatever they look like
  double slowest_s = 0, seconds = 0;

  void add(const Decision& decision, const std::vector<double>& reference, std::vector<double> mine,
           bool void_answer = false) {
    for (std::size_t i = 0; i < mine.size(); ++i)
      largest_difference = std::max(largest_difference, std::abs(mine[i] - reference[i]));
    same_label += !void_answer && decision.of(mine) == decision.of(reference) ? 1 : 0;
    logits.push_back(std::move(mine));
    void_answers.push_back(void_answer);
  }
};

/// An image that a layer's range does not hold, at the layer where it is worst: `reaches` of it.
struct Overflow {
  std::string image, layer;
  double reaches = 0;
};

/// An image that the plan's input does not hold.
struct LeftOut {
  std::string image, why;
};

/// Before any work.
CommandFiles checked(const Arguments& a) {
  (void)named(a.protocol);
  if (a.plan.empty() && !a.weights.empty())
    throw Failure(Exit::usage, "--weights are those of a compiled plan: name it with --plan, or leave --weights out");
  if (a.plan.empty() && !a.config.empty())
    throw Failure(Exit::usage,
                  "--config asks the parties for the model that they serve, and one that is compiled now is another, "
                  "even of the same file: name the plan that was deployed with --plan");
  if (!a.plan.empty()) refuse_compile_flags(a.compile, protocol::in_quotes(a.plan.string()) + " is compiled already");
  CommandFiles files;
  files.reads_plan(a.plan, a.weights).reads("the configuration", a.config);
  files.reads_images(a.images).reads_images(a.compile.calibration);
  files.writes("result", a.json_file, ".json", "--json-file", CommandFiles::Devices::allowed);
  return files;
}

class Check {
 public:
  explicit Check(const Arguments& a) : a_(a), network_(import_model(a.model, checked(a))) {
    const auto wanted = named(a.protocol);
    compiled_ = a.plan.empty() ? compile_with_flags(network_, a.compile, wanted.protocol, status_)
                               : load_or_compile(a.plan, a.weights, a.compile, wanted.protocol, status_);
    const auto& spec = compiled_.plan.network;
    if (spec.input != network_.input || spec.layers.size() != network_.layers.size() ||
        spec.layers.back().conv.out_channels != network_.layers.back().conv.out_channels)
      throw Failure(Exit::usage, protocol::in_quotes(a.plan.string()) + " was not compiled from " +
                                     protocol::in_quotes(a.model.string()));
    decision_ = {compiled_.plan.output, compiled_.plan.threshold};
    if (!a.config.empty()) {
      client_.emplace(read_client_config(a.config));
      const auto choice = agree(*client_, wanted);
      protocol_ = choice.protocol;
      model_ = value_of(client::Model::make(choice, compiled_.plan));
    } else if (wanted.protocol != nullptr) {
      protocol_ = wanted.protocol;
      value_of(wanted.choice().bind(spec));
    }
    layers_.resize(network_.layers.size());
  }

  Exit run() {
    Pictures pictures(a_.images, a_.compile.array_layout, a_.most);
    const bool exact = protocol_ == nullptr || protocol_->compares;
    const model::FixedOracle oracle(compiled_.plan, compiled_.weights,
                                    exact ? protocol::plaintext::Relu::exact : protocol::plaintext::Relu::polynomial);
    {
      ProgressBar bar("images checked");
      const auto read = pictures.each(compiled_.plan.preprocessing, bar, [&](const Pictures::Loaded& loaded) {
        for (const auto& image : loaded.images) {
          if (check(bar, oracle, image)) files_.push_back(loaded.file);
        }
      });
      if (read != Exit::ok) status_ = read;
    }
    tell_left_out();
    tell_overflows();
    if (a_.json)
      print_json(std::cout);
    else
      print();
    if (!a_.json_file.empty()) {
      std::ostringstream out;
      print_json(out);
      value_of(model::write_file(a_.json_file, "result", out.str(), model::public_mode));
    }
    if (files_.empty()) std::cerr << "blindsight: no image could be run: none is in the range of the plan's input\n";
    return overflows_.empty() && left_out_.empty() ? status_ : Exit::failed;
  }

 private:
  /// False when the plan's input does not hold the image: said, and the others go on.
  bool check(ProgressBar& bar, const model::FixedOracle& oracle, const model::Image& image) {
    std::vector<std::vector<float>> linear;
    const auto real = model::run_float(
        network_, image.values, [&](std::size_t, const model::FloatTrace& trace) { linear.push_back(trace.linear); });
    const std::vector<double> reference(real.begin(), real.end());
    ordered_json line = {{"image", image.name}, {"float", model::after(network_.post, reference)}};

    const auto encoded = model::encode_input(compiled_.plan, image.values);
    if (!encoded) {
      left_out_.push_back({image.name, encoded.error().what});
      line["error"] = encoded.error().what;
      print_line(bar, line);
      return false;
    }
    float_.add(decision_, reference, reference);
    Overflow most{image.name, {}, 1};
    const auto run =
        oracle.run(*encoded, model::Rounding::nearest, 0, [&](std::size_t i, const model::FixedTrace& trace) {
          const auto& spec = compiled_.plan.network.layers[i];
          const double unit = std::ldexp(compiled_.weights.scales[i], static_cast<int>(spec.fraction_bits));
          auto& seen = layers_[i];
          for (std::size_t k = 0; k < trace.linear.size(); ++k) {
            const double exact = linear[i][k];
            seen.largest_value = std::max(seen.largest_value, std::abs(exact));
            seen.largest_difference =
                std::max(seen.largest_difference, std::abs(static_cast<double>(trace.linear[k]) / unit - exact));
          }
          seen.worst = std::max(seen.worst, trace.worst);
          // Layers after the first that overflows read numbers that mean nothing.
          if (most.layer.empty() && trace.worst > 1) most = {image.name, spec.name, trace.worst};
        });
    const bool overflows = !most.layer.empty();
    if (overflows) overflows_.push_back(std::move(most));
    fixed_.add(decision_, reference, model::decode_output(compiled_.plan, run.output), overflows);
    line["fixed"] = fixed_.logits.back();

    if (client_) {
      auto answer = value_of(client_->predict(model_, image));
      encrypted_.add(decision_, reference, std::move(answer.logits), overflows);
      encrypted_.seconds += answer.report.online_s();
      encrypted_.slowest_s = std::max(encrypted_.slowest_s, answer.report.online_s());
      line["encrypted"] = encrypted_.logits.back();
    }
    print_line(bar, line);
    return true;
  }

  void print_line(ProgressBar& bar, const ordered_json& line) const {
    if (!a_.json) return;
    bar.clear();
    std::cout << dump(line) << std::endl;
  }

  void tell_left_out() const {
    for (const auto& image : told_of(left_out_))
      std::cerr << "blindsight: " << protocol::in_quotes(image.image) << ": " << image.why << '\n';
    if (left_out_.size() > most_images_told)
      std::cerr << "blindsight: " << counted(left_out_.size() - most_images_told, "further image")
                << " outside of that range; --json names all\n";
  }

  /// On standard error, in either form of the result: an answer that has overflowed looks like any other.
  void tell_overflows() {
    std::ranges::stable_sort(overflows_, std::greater<>(), &Overflow::reaches);
    for (const auto& o : told_of(overflows_))
      std::cerr << "blindsight: " << protocol::in_quotes(o.image) << " leaves the range of layer "
                << protocol::in_quotes(o.layer) << ": it reaches " << percent(o.reaches, 1)
                << " of the bound, and its answer would be wrong\n";
    if (overflows_.size() > most_images_told)
      std::cerr << "blindsight: " << counted(overflows_.size() - most_images_told, "further image")
                << " outside of a range; --json names all\n";
    if (!overflows_.empty())
      std::cerr << "blindsight: calibrate on images like these, or compile with more --headroom-bits\n";
  }

  double worst() const { return std::ranges::max(layers_, {}, &LayerDifference::worst).worst; }

  std::vector<const Column*> columns() const {
    std::vector<const Column*> all = {&float_, &fixed_};
    if (client_) all.push_back(&encrypted_);
    return all;
  }

  std::optional<std::vector<std::size_t>> truth() const {
    return true_outputs(files_, a_.folders, compiled_.plan.labels, network_.layers.back().conv.out_channels);
  }

  void print() const {
    using enum Table::Align;
    const auto& plan = compiled_.plan;
    std::cout << plan.model_name << " over " << counted(files_.size(), "image") << "\n\n";
    if (a_.layers) {
      Table table({{"layer", left}, {"largest value"}, {"largest difference"}, {"worst / bound"}});
      for (std::size_t i = 0; i < layers_.size(); ++i)
        table.row({in_cell(plan.network.layers[i].name), fixed(layers_[i].largest_value, 3),
                   fixed(layers_[i].largest_difference, 4), percent(layers_[i].worst, 1)});
      std::cout << "float against fixed point, linear results in real units\n";
      table.print(std::cout, "  ");
      std::cout << '\n';
    }
    const auto expected = truth();
    const bool labels = plan.output != model::OutputKind::none;
    std::vector<Table::Column> heads = {{"", left}, {labels ? "largest logit difference" : "largest difference"}};
    if (labels) heads.push_back({"same label"});
    if (expected) heads.insert(heads.end(), {{"accuracy"}, {"AUC"}});
    Table table(heads);
    for (const auto* column : columns()) {
      std::vector<std::string> cells = {column->name, fixed(column->largest_difference, 4)};
      if (labels) cells.push_back(std::to_string(column->same_label) + " of " + std::to_string(files_.size()));
      if (expected) {
        const auto q = quality(decision_, column->logits, *expected, column->void_answers);
        cells.insert(cells.end(), {accuracy_text(q), auc_text(q)});
      }
      table.row(std::move(cells));
    }
    table.print(std::cout);
    std::cout << "\nlargest linear result: " << percent(worst(), 1) << " of the bound\n";
    if (!overflows_.empty())
      std::cout << counted(overflows_.size(), "IMAGE OVERFLOWS", "IMAGES OVERFLOW")
                << ": such answers would be wrong, and count as wrong above"
                << (expected ? "; the AUC is of the other images\n" : "\n");
    if (!left_out_.empty())
      std::cout << counted(left_out_.size(), "IMAGE IS LEFT OUT", "IMAGES ARE LEFT OUT")
                << ": not in the range of the plan's input\n";
    if (client_ && !files_.empty())
      std::cout << "online " << human_seconds(encrypted_.seconds / static_cast<double>(files_.size()))
                << " an image, at most " << human_seconds(encrypted_.slowest_s) << '\n';
  }

  void print_json(std::ostream& out) const {
    const auto expected = truth();
    ordered_json ways = ordered_json::object();
    for (const auto* column : columns()) {
      ordered_json way = {{"max_abs_diff", column->largest_difference}};
      if (decision_.kind != model::OutputKind::none) way["same_label"] = column->same_label;
      if (expected) {
        const auto q = quality(decision_, column->logits, *expected, column->void_answers);
        if (q.accuracy) way["accuracy"] = *q.accuracy;
        if (q.auc) {
          way["auc"] = *q.auc;
          way["auc_images"] = {q.positive, q.negative};
        }
      }
      ways[column->name] = std::move(way);
    }
    ordered_json layers = ordered_json::array();
    for (std::size_t i = 0; i < layers_.size(); ++i)
      layers.push_back({{"name", compiled_.plan.network.layers[i].name},
                        {"largest", layers_[i].largest_value},
                        {"max_abs_diff", layers_[i].largest_difference},
                        {"worst", layers_[i].worst}});
    ordered_json overflows = ordered_json::array();
    for (const auto& o : overflows_)
      overflows.push_back({{"image", o.image}, {"layer", o.layer}, {"reaches", o.reaches}});
    ordered_json left_out = ordered_json::array();
    for (const auto& image : left_out_) left_out.push_back({{"image", image.image}, {"error", image.why}});
    ordered_json all = {
        {"model", compiled_.plan.model_name}, {"output", model::name(decision_.kind)},  {"images", files_.size()},
        {"left_out", left_out_.size()},       {"left_out_images", std::move(left_out)}, {"worst", worst()},
        {"overflows", std::move(overflows)}};
    if (client_ && !files_.empty()) {
      all["online_s"] = encrypted_.seconds / static_cast<double>(files_.size());
      all["online_max_s"] = encrypted_.slowest_s;
    }
    all["ways"] = std::move(ways);
    all["layers"] = std::move(layers);
    out << dump(all) << std::endl;
  }

  const Arguments& a_;
  const protocol::Protocol* protocol_ = nullptr;  ///< --protocol, or that of the servers
  model::FloatNetwork network_;
  model::Compiled compiled_;
  std::optional<client::Client> client_;
  client::ModelPtr model_;
  std::vector<std::filesystem::path> files_;  ///< after run(): one per image
  Decision decision_;
  std::vector<Overflow> overflows_;  ///< after run(): the worst first
  std::vector<LeftOut> left_out_;    ///< after run(), in the order of the images
  Exit status_ = Exit::ok;           ///< failed when some image could not be read
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
  command
      ->add_option("--config", a->config,
                   "Also predict under encryption; the parties must serve the very plan that --plan names")
      ->type_name("client.toml");
  add_folder_flags(*command, a->folders, a->most);
  command->add_flag("--layers", a->layers,
                    "Layer by layer: float against fixed point, and how much of the bound is used");
  command->add_flag("--json", a->json, "JSON instead of the tables: a line for each image, then one of all");
  command->add_option("--json-file", a->json_file, "Also write the last line into a file")->type_name("FILE.json");
  add_optional_protocol_flag(
      *command, a->protocol,
      "one with exact ReLU or, with --config, as the servers say; plaintext only when it is named");
  add_array_layout_flag(*command, a->compile.array_layout);
  add_compile_flags(*command, a->compile);
  command->footer(
      "The fixed-point column has ReLU as the protocol has it: under one without comparisons, the plan's polynomials, "
      "so that its difference from float shows what they cost.\n"
      "Exit status 1 also when an image leaves a layer's range, or that of the plan's input, or could not be read. Of "
      "those\n"
      "that leave a range the worst ten are named on standard error, and all with --json; their answers count as wrong "
      "(labels,\n"
      "accuracy), and the AUC is of the others. Images beyond the plan's input are left out.\n\n"
      "JSON, a line for each image: image, float (the trained network's own outputs, after its softmax or sigmoid),\n"
      "fixed and encrypted (logits), or error. Last line: model, output, images, left_out (how many), left_out_images\n"
      "(image, error), worst (share of a bound), overflows (image, layer, reaches), ways (max_abs_diff, same_label,\n"
      "accuracy, auc, auc_images: how many of the yes and of the no it is of), layers.\n\n"
      "Example:\n  blindsight model check skin.onnx --plan skin.plan --images photos/ --layers --config client.toml");
  command->callback([a, &status] { status = Check(*a).run(); });
}

}  // namespace blindsight::apps
