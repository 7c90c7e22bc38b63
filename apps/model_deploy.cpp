#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "apps/commands.h"
#include "apps/compile_flags.h"
#include "apps/configs.h"
#include "apps/protocols.h"
#include "apps/query.h"
#include "protocol/core/text.h"

namespace blindsight::apps {
namespace {

struct Arguments {
  std::filesystem::path model, weights, config;
  std::string protocol, name;
  CompileFlags compile;
};

Exit run(const Arguments& a) {
  Exit status = Exit::ok;
  const auto wanted = named(a.protocol);
  client::Client client(read_client_config(a.config));
  const auto compiled = load_or_compile(a.model, a.weights, a.compile, wanted.protocol, status);
  const auto bound = value_of(agree(client, wanted).bind(compiled.plan.network));
  value_of(deploy(client, *bound.clients, compiled.plan, compiled.weights, a.name));
  std::cout << "the servers now serve " << compiled.plan.model_name << ", plan "
            << protocol::to_hex(model::digest(compiled.plan)) << '\n';
  return status;
}

}  // namespace

void add_model_deploy(CLI::App& model, Exit& status) {
  auto a = std::make_shared<Arguments>();
  auto* command = model.add_subcommand("deploy", "Share a model among the two servers and wait until they serve it");
  command->add_option("model", a->model, "A compiled plan, or a trained model to compile now")
      ->required()
      ->type_name("FILE");
  command->add_option("--weights", a->weights, "The plan's weights (default: NAME.weights beside NAME.plan)")
      ->type_name("FILE");
  command
      ->add_option("--name", a->name,
                   "The model's name, for which the parties give the right to bring it (default: the file's)")
      ->type_name("NAME");
  command->add_option("--config", a->config, "Where the parties are")->required()->type_name("client.toml");
  add_optional_protocol_flag(*command, a->protocol, "as the servers say; plaintext only when it is named");
  add_compile_flags(*command, a->compile);
  command->footer(
      "The plan goes to all three parties, one random-looking share of the weights to each server. What was deployed\n"
      "before is replaced when all three have the new one.\n\n"
      "Examples:\n  blindsight model deploy skin.plan --config client.toml\n"
      "  blindsight model deploy skin.onnx --calibration photos/ --config client.toml");
  command->callback([a, &status] { status = run(*a); });
}

}  // namespace blindsight::apps
