#include <CLI/CLI.hpp>

#include "apps/commands.h"

namespace blindsight::apps {

void add_model(CLI::App& app, Exit& status) {
  auto* model = app.add_subcommand("model", "Look at a model, prune it, compile it, check it, bring it to the servers");
  model->require_subcommand(1);
  add_model_inspect(*model, status);
  add_model_prune(*model, status);
  add_model_compile(*model, status);
  add_model_check(*model, status);
  add_model_deploy(*model, status);
}

}  // namespace blindsight::apps
