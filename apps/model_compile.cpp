#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "apps/commands.h"
#include "apps/compile_flags.h"
#include "apps/protocols.h"
#include "apps/terminal.h"
#include "model/onnx/import.h"

namespace blindsight::apps {
namespace {

struct Arguments {
  std::filesystem::path model, plan, weights;
  std::string protocol;
  CompileFlags compile;
};

Exit run(const Arguments& a) {
  Exit status = Exit::ok;
  const auto& protocol = protocol_named(a.protocol);
  const auto network = value_or_mend(model::import_onnx(a.model));
  const auto compiled = compile_with_flags(network, a.compile, status);
  value_or_mend(protocol.check(compiled.plan.network));
  const auto weights = a.weights.empty() ? weights_beside(a.plan) : a.weights;
  value_or_mend(model::save_weights(compiled.weights, weights));
  value_or_mend(model::save_plan(compiled.plan, a.plan));
  std::cout << "plan     " << a.plan.string() << "  (public; digest " << model::to_hex(model::digest(compiled.plan))
            << ")\nweights  " << weights.string() << "  (secret; mode 0600)\n"
            << "a logit's rounding error under encryption is at most " << fixed(compiled.plan.stated_error, 4) << '\n';
  return status;
}

}  // namespace

void add_model_compile(CLI::App& model, Exit& status) {
  auto a = std::make_shared<Arguments>();
  auto* command = model.add_subcommand("compile", "Turn a trained ONNX model into a public plan and secret weights");
  command->add_option("model", a->model, "The trained model")->required()->type_name("FILE.onnx");
  command->add_option("-o,--output", a->plan, "Where to write the plan")->required()->type_name("NAME.plan");
  command->add_option("--weights", a->weights, "Where to write the weights (default: NAME.weights)")->type_name("FILE");
  add_protocol_flag(*command, a->protocol);
  add_compile_flags(*command, a->compile);
  command->footer(
      "The plan says shapes and scales and goes to all parties; the weights stay here and leave as shares only.\n\n"
      "Example:\n  blindsight model compile skin.onnx --calibration photos/ --labels melanoma,other -o skin.plan");
  command->callback([a, &status] { status = run(*a); });
}

}  // namespace blindsight::apps
