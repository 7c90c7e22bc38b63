#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "apps/commands.h"
#include "apps/compile_flags.h"
#include "apps/configs.h"
#include "apps/json.h"
#include "apps/outputs.h"
#include "apps/pictures.h"
#include "apps/protocols.h"
#include "apps/query.h"
#include "apps/terminal.h"
#include "client/timeline.h"
#include "model/files/files.h"
#include "model/plaintext/float_oracle.h"
#include "model/plan/output.h"
#include "protocol/core/text.h"

namespace blindsight::apps {
namespace {

using nlohmann::ordered_json;

/// Outputs shown to a person; more classes than that are ranked.
constexpr std::size_t most_outputs_shown = 5;

struct Arguments {
  std::vector<std::filesystem::path> images;
  std::filesystem::path config, plan, compare, timeline;
  std::string protocol;
  model::ArrayLayout array_layout = model::ArrayLayout::by_shape;
  bool json = false, layers = false;
};

/// The float model's word on the same image.
struct Comparison {
  std::vector<double> logits;
  double largest_difference = 0;
};

/// Logits leave this program with this many decimals: more would tell more of the weights than a prediction needs.
double printed(double logit) {
  return std::round(logit * 1e4) / 1e4;
}

std::vector<double> printed(const std::vector<double>& logits) {
  std::vector<double> all;
  all.reserve(logits.size());
  for (const double logit : logits) all.push_back(printed(logit));
  return all;
}

std::string label(const model::Plan& plan, std::size_t output) {
  return output < plan.labels.size() ? plan.labels[output] : std::to_string(output);
}

std::vector<std::size_t> chosen(const model::Plan& plan, const std::vector<double>& logits) {
  return model::chosen(plan.output, plan.threshold, logits);
}

/// The answer in words: a label, yes or no, the outputs above the threshold; numbers speak for themselves.
std::string in_words(const model::Plan& plan, const std::vector<double>& logits) {
  const auto named = chosen(plan, logits);
  switch (plan.output) {
    case model::OutputKind::softmax:
      return label(plan, named.front());
    case model::OutputKind::sigmoid:
      return (plan.labels.empty() ? "" : plan.labels.front() + ": ") + (named.empty() ? "no" : "yes");
    case model::OutputKind::independent: {
      std::string all;
      for (const auto output : named) all += (all.empty() ? "" : ", ") + label(plan, output);
      return all.empty() ? "none above " + percent(plan.threshold) : all;
    }
    case model::OutputKind::none:
      break;
  }
  std::string all;
  for (const double v : logits) all += (all.empty() ? "" : ", ") + fixed(v, 4);
  return all;
}

/// What the kind of output allows to be told, by key.
void add_answer(ordered_json& to, const model::Plan& plan, const std::vector<double>& logits) {
  to["output"] = model::name(plan.output);
  to["logits"] = printed(logits);
  if (plan.output == model::OutputKind::none) return;
  to["probabilities"] = printed(model::probabilities(plan.output, printed(logits)));
  const auto named = chosen(plan, logits);
  if (plan.output == model::OutputKind::softmax) to["label"] = label(plan, named.front());
  if (plan.output == model::OutputKind::sigmoid) to["positive"] = !named.empty();
  if (plan.output == model::OutputKind::independent) {
    to["above"] = ordered_json::array();
    for (const auto output : named) to["above"].push_back(label(plan, output));
  }
  if (model::has_threshold(plan.output)) to["threshold"] = plan.threshold;
}

/// By layer, the input first; each server's word on itself.
ordered_json layers_json(const wire::QueryReport& r) {
  const auto at_server = [](const wire::LayerReport& s) {
    return ordered_json({{"compute_s", s.compute_s},
                         {"wait_s", s.wait_s},
                         {"sent_bytes", s.sent_bytes},
                         {"dealt_bytes", s.dealt_bytes},
                         {"from_producer_bytes", s.from_producer_bytes},
                         {"to_producer_bytes", s.to_producer_bytes}});
  };
  const auto& [first, second] = r.servers;
  ordered_json all = ordered_json::array();
  for (std::size_t i = 0; i < std::min(first.layers.size(), second.layers.size()); ++i) {
    const auto& [a, b] = std::tie(first.layers[i], second.layers[i]);
    all.push_back({{"name", a.name},
                   {"rounds", std::max(a.rounds, b.rounds)},
                   {"server0", at_server(a)},
                   {"server1", at_server(b)}});
  }
  return all;
}

ordered_json to_json(const std::string& image, const model::Plan& plan, const client::Answer& answer,
                     const std::optional<Comparison>& comparison) {
  const auto& r = answer.report;
  ordered_json all = {{"image", image}, {"model", plan.model_name}};
  add_answer(all, plan, answer.logits);
  all.update({{"online_s", r.online_s()},
              {"offline_s", r.offline_s()},
              {"total_s", r.online_s() + r.offline_s()},
              {"client_s", r.total_s},
              {"bytes",
               {{"server0_to_server1", r.server0_to_server1()},
                {"server1_to_server0", r.server1_to_server0()},
                {"producer_to_server0", r.producer_to(0)},
                {"producer_to_server1", r.producer_to(1)},
                {"online_producer_to_server0", r.producer_online_to(0)},
                {"online_producer_to_server1", r.producer_online_to(1)},
                {"server0_to_producer", r.to_producer(0)},
                {"server1_to_producer", r.to_producer(1)},
                {"client", r.client_bytes()}}},
              {"rounds", r.rounds()},
              {"layers", layers_json(r)}});
  if (comparison)
    all["compare"] = {{"logits", printed(comparison->logits)},
                      {"max_abs_diff", std::round(comparison->largest_difference * 1e6) / 1e6}};
  return all;
}

/// Outputs in the order in which a person reads them: of many classes the likeliest few.
std::vector<std::size_t> shown(const model::Plan& plan, const std::vector<double>& logits) {
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (plan.output == model::OutputKind::softmax && order.size() > most_outputs_shown) {
    std::ranges::stable_sort(order, std::greater<>(), [&](std::size_t i) { return logits[i]; });
    order.resize(most_outputs_shown);
  }
  return order;
}

void print_outputs(const model::Plan& plan, const client::Answer& answer, const std::optional<Comparison>& comparison) {
  using enum Table::Align;
  const bool numbers = plan.output == model::OutputKind::none;
  const auto cells_of = [&](const std::vector<double>& logits, std::size_t i) -> std::vector<std::string> {
    if (numbers) return {fixed(logits[i], 4)};
    return {percent(model::probabilities(plan.output, logits)[i], 2), fixed(logits[i], 4)};
  };
  std::vector<Table::Column> heads = {{"", left}};
  for (const char* head : {"encrypted", "in clear"}) {
    if (heads.size() > 1 && !comparison) break;
    heads.push_back({head});
    if (!numbers) heads.push_back({"(logit)"});
  }
  if (model::has_threshold(plan.output)) heads.push_back({"above " + percent(plan.threshold), left});
  Table table(heads);
  const auto named = chosen(plan, answer.logits);
  for (const std::size_t i : shown(plan, answer.logits)) {
    std::vector<std::string> cells = {label(plan, i)};
    for (const auto* logits : {&answer.logits, comparison ? &comparison->logits : nullptr})
      if (logits != nullptr)
        for (auto& cell : cells_of(*logits, i)) cells.push_back(std::move(cell));
    if (model::has_threshold(plan.output)) cells.emplace_back(std::ranges::count(named, i) != 0 ? "yes" : "no");
    table.row(std::move(cells));
  }
  table.print(std::cout, "  ");
  if (comparison) {
    std::cout << "  largest " << (numbers ? "" : "logit ") << "difference " << fixed(comparison->largest_difference, 4);
    if (!numbers)
      std::cout << "; "
                << (chosen(plan, comparison->logits) == named
                        ? "the labels agree"
                        : "in clear the answer is " + in_words(plan, comparison->logits));
    std::cout << '\n';
  }
  if (numbers && answer.logits.size() == 1)
    std::cout << "  one output, told as a number; compile with --output sigmoid if it is the logit of a yes/no "
                 "question\n";
}

/// Whether the crypto producer took part in the query.
bool helped(const wire::QueryReport& r) {
  return r.producer_online_to(0) + r.producer_online_to(1) + r.to_producer(0) + r.to_producer(1) > 0;
}

void print_cost(const wire::QueryReport& r) {
  std::cout << "  online " << human_seconds(r.online_s()) << " + preprocessing " << human_seconds(r.offline_s())
            << " = total " << human_seconds(r.online_s() + r.offline_s()) << "; " << r.rounds() << " rounds\n";
  Table table({{"", Table::Align::left}, {""}});
  table.row({"server 0 to server 1", human_bytes(r.server0_to_server1())});
  table.row({"server 1 to server 0", human_bytes(r.server1_to_server0())});
  table.row({"crypto producer to server 0", human_bytes(r.producer_to(0))});
  table.row({"crypto producer to server 1", human_bytes(r.producer_to(1))});
  if (helped(r))
    for (const std::size_t server : {0u, 1u}) {
      const auto name = "server " + std::to_string(server);
      table.row({"crypto producer to " + name + ", online", human_bytes(r.producer_online_to(server))});
      table.row({name + " to crypto producer, online", human_bytes(r.to_producer(server))});
    }
  table.row({"client, both ways", human_bytes(r.client_bytes())});
  table.print(std::cout, "  ");
}

void print_layers(const wire::QueryReport& r) {
  const auto& [first, second] = r.servers;
  const bool online_producer = helped(r);
  std::vector<Table::Column> heads = {{"layer", Table::Align::left},
                                      {"compute"},
                                      {"waits"},
                                      {"0 to 1"},
                                      {"1 to 0"},
                                      {"rounds"},
                                      {"dealt to 0"},
                                      {"dealt to 1"},
                                      {"prepared in"}};
  if (online_producer) heads.insert(heads.end(), {{"to producer"}, {"from producer"}});
  Table table(heads);
  for (std::size_t i = 0; i < std::min(first.layers.size(), second.layers.size()); ++i) {
    const auto& [a, b] = std::tie(first.layers[i], second.layers[i]);
    std::vector<std::string> cells = {in_cell(a.name),
                                      human_seconds(std::max(a.compute_s, b.compute_s)),
                                      human_seconds(std::max(a.wait_s, b.wait_s)),
                                      human_bytes(a.sent_bytes),
                                      human_bytes(b.sent_bytes),
                                      std::to_string(std::max(a.rounds, b.rounds)),
                                      human_bytes(a.dealt_bytes),
                                      human_bytes(b.dealt_bytes),
                                      human_seconds(std::max(a.offline_compute_s, b.offline_compute_s))};
    if (online_producer)
      cells.insert(cells.end(), {human_bytes(a.to_producer_bytes + b.to_producer_bytes),
                                 human_bytes(a.from_producer_bytes + b.from_producer_bytes)});
    table.row(std::move(cells));
  }
  std::cout << "  per layer, at the slower server, all its bands added up (they overlap; a band waits while others "
               "compute)\n";
  table.print(std::cout, "  ");
}

class Predict {
 public:
  explicit Predict(const Arguments& a) : a_(a), config_(read_client_config(a.config)), client_(config_) {
    // What can be wrong with the caller's words and files is told before any connection is made.
    const auto wanted = named(a.protocol);
    const auto& file = a.plan.empty() ? config_.model.plan : a.plan;
    CommandFiles files;
    files.reads("the configuration", a.config).reads_plan(file, {});
    if (!a.timeline.empty()) files.reads_images(a.images);
    files.writes("timeline", a.timeline, ".svg", "--timeline", CommandFiles::Devices::allowed).check();
    if (!a.compare.empty()) network_ = import_model(a.compare, files);
    if (!file.empty()) plan_ = value_of(model::load_plan(file));
    pictures_.emplace(a.images, a.array_layout);
    if (!a.timeline.empty() && pictures_->files() > 1) refuse_timeline_of(pictures_->files());
    const auto choice = agree(client_, wanted);
    if (file.empty()) plan_ = value_of(client_.deployed_plan());
    model_ = value_of(client::Model::make(choice, plan_));
    if (network_ && (network_->input != plan_.network.input ||
                     network_->layers.back().conv.out_channels != plan_.network.layers.back().conv.out_channels))
      throw Failure(Exit::usage, protocol::in_quotes(a.compare.string()) +
                                     " reads or gives something else than the servers' model " + plan_.model_name);
  }

  Exit run() {
    const auto read = pictures_->each(plan_.preprocessing, bar_, [this](const Pictures::Loaded& loaded) {
      const auto& images = loaded.images;
      const std::size_t parts = images.size(), all = pictures_->files() * parts;
      if (!a_.timeline.empty() && parts > 1) refuse_timeline_of(parts);
      for (std::size_t k = 0; k < parts; ++k) {
        if (all > 1) bar_.show(loaded.number * parts + k, all);
        predict(images[k]);
      }
    });
    return status_ == Exit::ok ? read : status_;
  }

 private:
  void predict(const model::Image& image) {
    const auto answer = client_.predict(model_, image, {.timeline = !a_.timeline.empty()});
    if (!answer) return report_problem(exit_of(answer.error().fault), image.name + ": " + answer.error().what);
    std::optional<Comparison> comparison;
    if (network_) {
      const auto logits = model::run_float(*network_, image.values);
      comparison.emplace(Comparison{{logits.begin(), logits.end()}, 0});
      for (std::size_t i = 0; i < logits.size(); ++i)
        comparison->largest_difference =
            std::max(comparison->largest_difference, std::abs(comparison->logits[i] - answer->logits[i]));
    }
    bar_.clear();
    if (!a_.timeline.empty()) write_timeline(answer->report);
    if (a_.json) {
      std::cout << dump(to_json(image.name, plan_, *answer, comparison)) << std::endl;
      return;
    }
    std::cout << protocol::printable(image.name) << ": " << in_words(plan_, answer->logits) << '\n';
    print_outputs(plan_, *answer, comparison);
    print_cost(answer->report);
    if (a_.layers) print_layers(answer->report);
    std::cout << std::endl;
  }

  [[noreturn]] static void refuse_timeline_of(std::size_t images) {
    throw Failure(Exit::usage, "--timeline draws the query of one image, and these are " + std::to_string(images) +
                                   "; name one of them");
  }

  void write_timeline(const wire::QueryReport& report) {
    const auto svg = client::timeline_svg(report, plan_.model_name);
    if (const auto ok = model::write_file(a_.timeline, "timeline", svg, model::public_mode); !ok)
      report_problem(Exit::usage, ok.error().what);
  }

  void note(const std::string& text) {
    bar_.clear();
    std::cerr << "blindsight: " << protocol::printable_lines(text) << '\n';
  }

  /// One image that fails does not keep the others from being predicted. What the caller cannot mend weighs more.
  void report_problem(Exit status, const std::string& what) {
    note(what);
    if (status_ != Exit::failed) status_ = status;
  }

  const Arguments& a_;
  config::ClientConfig config_;
  client::Client client_;
  std::optional<model::FloatNetwork> network_;
  model::Plan plan_;
  client::ModelPtr model_;
  std::optional<Pictures> pictures_;
  ProgressBar bar_{"images predicted"};
  Exit status_ = Exit::ok;
};

}  // namespace

void add_predict(CLI::App& app, Exit& status) {
  auto a = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("predict", "Classify images without showing them to any server");
  command->add_option("images", a->images, "JPEG, PNG, .npy or .idx3-ubyte files, or folders of them")
      ->required()
      ->type_name("IMAGE...");
  command->add_option("--config", a->config, "Where the parties are")->required()->type_name("client.toml");
  command->add_flag("--json", a->json, "One JSON object a line for each image");
  command->add_option("--compare", a->compare, "Also run this trained model in clear, here, and show the difference")
      ->type_name("MODEL.onnx");
  command->add_flag("--layers", a->layers, "Also a table of what each layer cost");
  command->add_option("--timeline", a->timeline, "Draw when each layer computed, waited and sent; one image only")
      ->type_name("FILE.svg");
  command->add_option("--plan", a->plan, "Ask for this very plan instead of the one that the servers have")
      ->type_name("FILE.plan");
  add_array_layout_flag(*command, a->array_layout);
  add_optional_protocol_flag(*command, a->protocol, "as the servers say; plaintext only when it is named");
  command->footer(
      "The image is preprocessed and split into two random-looking shares here; each server gets one of them.\n"
      "Images of another size are resized. An image that fails does not stop the others; the exit status is then 1, or "
      "2\n"
      "when none could be read.\n"
      "online: from the start at the servers to their last message. preprocessing: dealing and preparing the pack of\n"
      "randomness that this query used, which mostly happens beforehand. total: both, as if nothing had been "
      "prepared.\n\n"
      "Examples:\n  blindsight predict photo.jpg --config client.toml\n"
      "  blindsight predict photos/ --config client.toml --json | jq .label\n"
      "  blindsight predict photo.jpg --config client.toml --compare skin.onnx --layers\n"
      "  blindsight predict photo.jpg --config client.toml --timeline query.svg      open it in a browser\n\n"
      "What is told depends on what the model's outputs are, which its plan says (`model compile --output`): the\n"
      "likeliest label, yes or no of a single output, the outputs above the threshold, or numbers.\n\n"
      "JSON: image, model, output (softmax, sigmoid, independent or none), logits, probabilities (but for none), then\n"
      "label (softmax), positive (sigmoid: whether above threshold) or above (independent: labels of the outputs "
      "above\n"
      "threshold), threshold (sigmoid and independent), online_s, offline_s, total_s, client_s (wall clock here,\n"
      "from sending the shares to both answers), bytes (server0_to_server1, server1_to_server0, producer_to_server0,\n"
      "producer_to_server1: dealt; online_producer_to_server0, online_producer_to_server1, server0_to_producer,\n"
      "server1_to_producer: while the query ran, under a protocol whose producer helps; client), rounds\n"
      "(declared, where the producer helps),\n"
      "layers (name, rounds, and for server0 and server1: compute_s, wait_s, sent_bytes, dealt_bytes,\n"
      "from_producer_bytes, to_producer_bytes); with --compare also compare (logits, max_abs_diff).");
  command->callback([a, &status] { status = Predict(*a).run(); });
}

}  // namespace blindsight::apps
