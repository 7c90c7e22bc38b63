#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "actors/engine/memory.h"
#include "apps/commands.h"
#include "apps/compile_flags.h"
#include "apps/json.h"
#include "apps/protocols.h"
#include "apps/terminal.h"
#include "model/plan/output.h"
#include "model/plan/report.h"

namespace blindsight::apps {
namespace {

using nlohmann::ordered_json;
using protocol::Cost;

struct Arguments {
  std::filesystem::path model;
  std::string protocol;
  DealingFlags dealing;
  bool json = false;
  CompileFlags compile;
};

std::string text(const tensor::Shape& s) {
  return std::to_string(s.height) + "×" + std::to_string(s.width) + "×" + std::to_string(s.channels);
}

std::uint64_t between_servers(const Cost& c) {
  return c.server0_to_server1 + c.server1_to_server0;
}

/// What crosses without the client, whoever sends it.
std::uint64_t all_bytes(const Cost& c) {
  return c.producer_to_server0 + c.producer_to_server1 + c.server_to_producer + between_servers(c);
}

ordered_json to_json(const Cost& c) {
  return {{"rounds", c.rounds},
          {"server0_to_server1", c.server0_to_server1},
          {"server1_to_server0", c.server1_to_server0},
          {"producer_to_server0", c.producer_to_server0},
          {"producer_to_server1", c.producer_to_server1},
          {"server_to_producer", c.server_to_producer},
          {"client", c.client}};
}

/// A party's configuration as it is when its file sets nothing but the role.
config::PartyConfig default_config(config::Role role) {
  config::PartyConfig c;
  c.role = role;
  return c;
}

constexpr std::array roles = {config::Role::server0, config::Role::server1, config::Role::crypto_producer};

ordered_json memory_json(const protocol::Bound& bound) {
  ordered_json all;
  for (const auto role : roles) {
    const auto c = default_config(role);
    const bool server = role != config::Role::crypto_producer;
    const auto e = actors::estimate_memory(c, bound);
    all[std::string(config::name(role))] = {{"peak", e.peak(server ? c.preprocessing.depth : 0, e.answers)},
                                            {"process", e.process},
                                            {"links", e.links},
                                            {"deployment", e.deployment},
                                            {"set_up", e.set_up},
                                            {"per_pack", e.per_pack},
                                            {"per_query", e.per_query},
                                            {"working", e.working}};
  }
  return all;
}

/// The polynomials that a protocol without comparisons puts for ReLU.
void print_fits(const model::PlanReport& report) {
  std::cout << "\nReLU is a polynomial under this protocol; off by, in units of a layer's calibrated range\n";
  for (const auto& r : report.layers)
    if (const auto fit = model::describe(r.relu_fit); !fit.empty())
      std::cout << "  " << in_cell(r.name) << ": " << fit << '\n';
}

void print_memory(const protocol::Bound& bound) {
  std::cout << "\nmemory with the default configuration\n";
  for (const auto role : roles) {
    const auto c = default_config(role);
    std::cout << "  " << config::name(role) << ": "
              << actors::describe(actors::estimate_memory(c, bound), c, c.preprocessing.depth) << '\n';
  }
}

void print_json(const model::Plan& plan, const model::PlanReport& report, const protocol::Bound& bound, bool calibrated,
                const std::vector<std::string>& notes) {
  ordered_json layers = ordered_json::array();
  for (const auto& r : report.layers) {
    ordered_json layer = {
        {"name", r.name},
        {"kind", r.kind},
        {"in", {r.in.height, r.in.width, r.in.channels}},
        {"out", {r.out.height, r.out.width, r.out.channels}},
        {"algorithm", tensor::name(r.algorithm)},
        {"macs", r.macs},
        {"multiplications", r.multiplications},
        {"comparisons", r.max_comparisons + r.relu_comparisons},
        {"range_bits", r.range_bits},
        {"fraction_bits", r.fraction_bits},
        {"activation_bits", r.activation_bits},
        {"headroom_bits", r.headroom_bits},
        {"rings",
         {{"linear_bits", r.rings.linear_bits}, {"small_bits", r.rings.small_bits}, {"word_bits", r.rings.word_bits}}}};
    if (calibrated) layer["free_headroom_bits"] = r.free_headroom_bits;
    if (calibrated && !r.relu_fit.even.empty())
      layer["relu_fit"] = {{"degree", r.relu_fit.degree()},
                           {"even", r.relu_fit.even},
                           {"worst", r.relu_fit.worst},
                           {"rms", r.relu_fit.rms}};
    layer["online"] = to_json(r.online);
    layer["offline"] = to_json(r.offline);
    layers.push_back(std::move(layer));
  }
  ordered_json output = {{"kind", model::name(plan.output)},
                         {"count", plan.network.layers.back().conv.out_channels},
                         {"labels", plan.labels}};
  if (model::has_threshold(plan.output)) output["threshold"] = plan.threshold;
  std::cout << dump({{"model", plan.model_name},
                     {"orientation", plan.preprocessing.orientation == model::Orientation::exif ? "exif" : "ignore"},
                     {"calibration_images", calibrated ? plan.calibration_images : 0},
                     {"output", std::move(output)},
                     {"input", {{"online", to_json(report.input_online)}, {"offline", to_json(report.input_offline)}}},
                     {"layers", std::move(layers)},
                     {"macs", report.macs},
                     {"multiplications", report.multiplications},
                     {"comparisons", report.comparisons},
                     {"weights", report.weights},
                     {"online", to_json(report.online)},
                     {"offline", to_json(report.offline)},
                     {"set_up", to_json(report.set_up)},
                     {"memory", memory_json(bound)},
                     {"notes", notes}})
            << '\n';
}

/// What a producer that helps online sends and is sent; empty for one that does not.
std::string with_producer(const Cost& online) {
  if (online.producer_to_server0 + online.producer_to_server1 + online.server_to_producer == 0) return {};
  return "the crypto producer to server 0 " + human_bytes(online.producer_to_server0) + ", to server 1 " +
         human_bytes(online.producer_to_server1) + ", from both " + human_bytes(online.server_to_producer) + "; ";
}

void print_table(const model::Plan& plan, const model::PlanReport& report, const std::string& protocol,
                 bool calibrated) {
  std::cout << plan.model_name << ", reads " << text(plan.network.input) << ", under " << protocol << '\n';
  if (plan.preprocessing.orientation == model::Orientation::exif)
    std::cout << "pictures are turned upright as their EXIF orientation says\n";
  if (calibrated)
    std::cout << "calibrated on " << counted(plan.calibration_images, "image") << "; " << stated_error_text(plan)
              << '\n';
  else
    std::cout << "not calibrated: widths are defaults and nothing is known of ranges; add --calibration DIR\n";
  std::cout << counted(plan.network.layers.back().conv.out_channels, "output") << ", told as "
            << model::name(plan.output)
            << (model::has_threshold(plan.output) ? ", a yes above " + percent(plan.threshold) : "") << '\n';
  std::cout
      << "range q = f + A + M: bits of a layer's linear result; free: bits of it that calibration left unused\n\n";
  using enum Table::Align;
  Table table({{"layer", left},
               {"", left},
               {"in", left},
               {"out", left},
               {"algorithm", left},
               {"MACs"},
               {"comparisons"},
               {"range = f+A+M", left},
               {"free"},
               {"online"},
               {"offline"},
               {"rounds"}});
  table.row({"input", "", "", text(plan.network.input), "", "", "", "", "", human_bytes(all_bytes(report.input_online)),
             human_bytes(all_bytes(report.input_offline)), std::to_string(report.input_online.rounds)});
  for (const auto& r : report.layers)
    table.row({in_cell(r.name), r.kind, text(r.in), text(r.out), std::string(tensor::name(r.algorithm)),
               human_count(r.macs), human_count(r.max_comparisons + r.relu_comparisons),
               std::to_string(r.range_bits) + " = " + std::to_string(r.fraction_bits) + "+" +
                   std::to_string(r.activation_bits) + "+" + std::to_string(r.headroom_bits),
               calibrated ? fixed(r.free_headroom_bits, 1) : "", human_bytes(all_bytes(r.online)),
               human_bytes(all_bytes(r.offline)), std::to_string(r.online.rounds)});
  table.rule();
  table.row({"total", "", "", "", "", human_count(report.macs), human_count(report.comparisons), "", "",
             human_bytes(all_bytes(report.online)), human_bytes(all_bytes(report.offline)),
             std::to_string(report.online.rounds)});
  table.print(std::cout);
  std::cout << "\nweights " << human_count(report.weights) << "; multiplications after Winograd "
            << human_count(report.multiplications) << "\nonline: between the servers, "
            << human_bytes(report.online.server0_to_server1) << " and " << human_bytes(report.online.server1_to_server0)
            << " each way; " << with_producer(report.online) << "client " << human_bytes(report.online.client)
            << "\noffline, ahead of each prediction: the crypto producer to server 0 "
            << human_bytes(report.offline.producer_to_server0) << ", to server 1 "
            << human_bytes(report.offline.producer_to_server1)
            << "\nonce per deployment and session: " << human_bytes(between_servers(report.set_up))
            << " between the servers\n";
}

/// What the import made of nodes that are no layer; a large network has hundreds.
void print_notes(const std::vector<std::string>& notes) {
  constexpr std::size_t most = 20;
  if (notes.empty()) return;
  std::cout << "\nat import\n";
  for (std::size_t i = 0; i < std::min(most, notes.size()); ++i) std::cout << "  " << notes[i] << '\n';
  if (notes.size() > most) std::cout << "  and " << notes.size() - most << " more like these\n";
}

Exit run(const Arguments& a) {
  Exit status = Exit::ok;
  const auto choice = named(a.protocol, a.dealing).choice();
  model::Plan plan;
  std::vector<std::string> notes;
  bool calibrated = true;
  if (kind_of_model_file(a.model) == ModelFile::plan) {
    plan = load_compiled(a.model, a.compile);
  } else {
    const auto network = import_model(a.model, {});
    notes = network.notes;
    calibrated = !a.compile.calibration.empty();
    plan = calibrated ? compile_with_flags(network, a.compile, choice.protocol, status).plan
                      : lay_out_with_flags(network, a.compile, choice.protocol);
  }
  const auto bound = value_of(choice.bind(plan.network));
  const auto report = model::report(plan, bound);
  if (a.json) {
    print_json(plan, report, bound, calibrated, notes);
    return status;
  }
  print_table(plan, report, protocol::spelling(choice), calibrated);
  print_notes(notes);
  if (calibrated && !choice.protocol->compares) print_fits(report);
  print_memory(bound);
  return status;
}

}  // namespace

void add_model_inspect(CLI::App& model, Exit& status) {
  auto a = std::make_shared<Arguments>();
  auto* command =
      model.add_subcommand("inspect", "Per layer: shapes, work, ranges, bytes and rounds, before any network");
  command->add_option("model", a->model, "A trained model or a compiled plan")->required()->type_name("FILE");
  command->add_flag("--json", a->json, "One JSON object instead of the table");
  add_protocol_flag(*command, a->protocol);
  add_dealing_flags(*command, a->dealing);
  add_compile_flags(*command, a->compile);
  command->footer(
      "Examples:\n  blindsight model inspect skin.onnx\n"
      "  blindsight model inspect skin.onnx --calibration photos/     with the ranges that those photos reach\n"
      "  blindsight model inspect skin.plan --json");
  command->callback([a, &status] { status = run(*a); });
}

}  // namespace blindsight::apps
