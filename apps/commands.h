#pragma once

#include "apps/failure.h"

namespace CLI {
class App;
}

/// One function per subcommand, each in its own file: declares the command on `app` and, when it was chosen, sets
/// `status` or throws Failure.
namespace blindsight::apps {

void add_party(CLI::App& app, Exit& status);
void add_local(CLI::App& app, Exit& status);
void add_model(CLI::App& app, Exit& status);
void add_predict(CLI::App& app, Exit& status);
void add_doctor(CLI::App& app, Exit& status);
void add_key(CLI::App& app, Exit& status);
void add_client(CLI::App& app, Exit& status);

// Below `party`.
void add_party_init(CLI::App& party);

// Below `model`.
void add_model_inspect(CLI::App& model, Exit& status);
void add_model_compile(CLI::App& model, Exit& status);
void add_model_check(CLI::App& model, Exit& status);
void add_model_prune(CLI::App& model, Exit& status);
void add_model_deploy(CLI::App& model, Exit& status);

}  // namespace blindsight::apps
