#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/compile_flags.h"
#include "apps/json.h"
#include "apps/outputs.h"
#include "apps/protocols.h"
#include "apps/terminal.h"
#include "model/files/files.h"
#include "model/plan/output.h"
#include "protocol/core/text.h"

namespace blindsight::apps {
namespace {

using nlohmann::ordered_json;

struct Arguments {
  std::filesystem::path model, plan, weights;
  std::string protocol;
  CompileFlags compile;
};

/// What the ranges rest on, for the model's owner: exact values tell of the weights and the images.
std::string calibration_json(const model::Compiled& compiled) {
  ordered_json layers = ordered_json::array();
  for (std::size_t i = 0; i < compiled.growth.size(); ++i) {
    const auto& g = compiled.growth[i];
    layers.push_back({{"name", g.layer},
                      {"scale", compiled.weights.scales[i]},
                      {"largest_of_a_quarter", g.quarter},
                      {"largest_of_half", g.half},
                      {"largest", g.all},
                      {"growth_per_doubling", g.per_doubling()}});
  }
  const ordered_json all = {{"model", compiled.plan.model_name},
                            {"weights_commitment", protocol::to_hex(compiled.plan.weights_commitment)},
                            {"images", compiled.plan.calibration_images},
                            {"layers", std::move(layers)}};
  return dump(all, 2) + '\n';
}

void print_growth(const model::Compiled& compiled) {
  using enum Table::Align;
  std::cout << "largest value of each layer over " << counted(compiled.plan.calibration_images, "image")
            << ", and over a quarter and half of them (expected of a random choice)\n";
  Table table({{"layer", left}, {"at 1/4"}, {"at 1/2"}, {"all"}, {"growth per doubling"}});
  for (const auto& g : compiled.growth)
    table.row({in_cell(g.layer), fixed(g.quarter, 3), fixed(g.half, 3), fixed(g.all, 3), percent(g.per_doubling(), 1)});
  table.print(std::cout, "  ");
}

void print_outputs(const model::Plan& plan) {
  const std::size_t count = plan.network.layers.back().conv.out_channels;
  std::cout << "outputs  " << count << ", told as " << model::name(plan.output);
  if (model::has_threshold(plan.output)) std::cout << ", a yes above " << percent(plan.threshold);
  if (plan.output == model::OutputKind::none)
    std::cout << (count == 1 ? ": a number, no label and no probability" : ": numbers, no label and no probability");
  std::cout << '\n';
}

Exit run(const Arguments& a) {
  Exit status = Exit::ok;
  const auto choice = named(a.protocol).choice();
  const auto weights = a.weights.empty() ? weights_beside(a.plan) : a.weights;
  const auto calibration = calibration_beside(weights);
  CommandFiles files;
  files.reads_images(a.compile.calibration);
  files.writes("plan", a.plan, ".plan", "-o").writes("weights", weights, ".weights", "--weights");
  files.writes("calibration's record", calibration, ".json", "--weights");
  const auto network = import_model(a.model, files);
  const auto compiled = compile_with_flags(network, a.compile, choice.protocol, status);
  value_of(choice.bind(compiled.plan.network));
  // The plan last: without it the others count for nothing.
  model::FileSet results;
  value_of(model::add_weights(results, compiled.weights, weights));
  value_of(results.add(calibration, "calibration's record", calibration_json(compiled), model::secret_mode));
  value_of(model::add_plan(results, compiled.plan, a.plan));
  value_of(results.commit());
  print_growth(compiled);
  std::cout << "plan     " << a.plan.string() << "  (public; digest " << protocol::to_hex(model::digest(compiled.plan))
            << ")\nweights  " << weights.string() << "  (secret; mode 0600)\nrecord   " << calibration.string()
            << "  (secret; mode 0600)\n";
  print_outputs(compiled.plan);
  std::cout << stated_error_text(compiled.plan) << '\n';
  return status;
}

}  // namespace

void add_model_compile(CLI::App& model, Exit& status) {
  auto a = std::make_shared<Arguments>();
  auto* command = model.add_subcommand("compile", "Turn a trained ONNX model into a public plan and secret weights");
  command->add_option("model", a->model, "The trained model")->required()->type_name("FILE.onnx");
  command->add_option("-o,--out", a->plan, "Where to write the plan")->required()->type_name("NAME.plan");
  command->add_option("--weights", a->weights, "Where to write the weights (default: NAME.weights)")
      ->type_name("NAME.weights");
  add_protocol_flag(*command, a->protocol);
  add_compile_flags(*command, a->compile);
  command->footer(
      "The plan says shapes, widths and rounded numbers and goes to all parties; the weights stay here and leave as "
      "shares only,\n"
      "and NAME.calibration.json beside them, which tells how each layer's largest value grew with the images. Plan "
      "and "
      "weights\n"
      "belong together: the plan has a commitment to these very weights, another one at each compilation.\n"
      "No file that the command is given is written over.\n\n"
      "Example:\n  blindsight model compile skin.onnx --calibration photos/ --labels melanoma,other -o skin.plan");
  command->callback([a, &status] { status = run(*a); });
}

}  // namespace blindsight::apps
