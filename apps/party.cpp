#include "actors/party.h"

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "apps/commands.h"
#include "apps/configs.h"
#include "apps/heap.h"
#include "apps/logging.h"
#include "apps/protocols.h"
#include "apps/readiness.h"
#include "apps/stop_signals.h"
#include "apps/version.h"
#include "monitoring/exporter.h"
#include "tensor/kernels/isa.h"

namespace blindsight::apps {
namespace {

/// Chooses the kernels once, at the start.
std::string chosen_isa() {
  try {
    return std::string(tensor::name(tensor::active_isa()));
  } catch (const std::invalid_argument& error) {
    throw Failure(Exit::usage, std::string("environment variable BLINDSIGHT_ISA: ") + error.what());
  }
}

/// What is wrong with the file is told, and what was in force stays so.
void reload(actors::Party& party, const std::filesystem::path& file) {
  const auto config = config::load_party(file);
  if (!config) {
    spdlog::error("SIGHUP: the configuration has problems, pins and clients stay as they were: {}",
                  config.error().text());
    return;
  }
  if (auto done = reopen_log(config->log); !done)
    spdlog::error("SIGHUP: the log goes on as before: {}", done.error().what);
  if (auto done = party.reload(*config); !done)
    spdlog::error("SIGHUP: pins and clients stay as they were: {}", done.error().what);
}

/// Where it listens, with the ports that were really bound.
nlohmann::ordered_json listeners(const config::PartyConfig& config, const actors::Party& party,
                                 const std::optional<monitoring::Exporter>& exporter) {
  nlohmann::ordered_json all = {{"role", config::name(config.role)},
                                {"clients", config::to_string(party.clients_address())}};
  if (const auto for_parties = party.parties_address()) all["parties"] = config::to_string(*for_parties);
  if (exporter) all["metrics"] = config::to_string({config.metrics.listen->host, exporter->port()});
  return all;
}

void run(const std::filesystem::path& file, int ready_descriptor) {
  ReadyLine ready(ready_descriptor);
  prepare_heap();
  const auto config = read_party_config(file);
  const auto& protocol = *value_of(choice_in(config)).protocol;
  StopSignals signals(true);
  start_logging(config.log);
  monitoring::Registry registry;
  registry.build_info({std::string(version()), std::string(commit()), chosen_isa(), config.protocol,
                       std::string(config::name(config.role))});
  std::optional<monitoring::Exporter> exporter;
  if (config.metrics.listen) {
    auto started = monitoring::Exporter::listen(registry, config.metrics.listen->host, config.metrics.listen->port);
    if (!started) throw Failure(Exit::usage, started.error());
    exporter = std::move(*started);
  }
  const auto party = value_of(actors::Party::start(config, protocol, registry));
  std::cout << config::name(config.role) << " listening on " << config::to_string(party->clients_address())
            << " for clients";
  if (const auto for_parties = party->parties_address())
    std::cout << ", on " << config::to_string(*for_parties) << " for parties";
  if (exporter)
    std::cout << ", metrics on http://" << config.metrics.listen->host << ':' << exporter->port() << "/metrics";
  std::cout << std::endl;
  ready.tell(listeners(config, *party, exporter));
  signals.on_signal([&party] { party->stop(); }, [&party, &file] { reload(*party, file); });
  party->wait();
}

}  // namespace

void add_party(CLI::App& app, Exit&) {
  struct Arguments {
    std::filesystem::path config;
    bool help_config = false;
    int ready_descriptor = -1;
  };
  auto a = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("party", "Run one of the three parties until it is stopped");
  auto* config = command->add_option("--config", a->config, "server0.toml, server1.toml or crypto_producer.toml")
                     ->type_name("FILE");
  auto* help = command->add_flag("--help-config", a->help_config, "All keys of the file: units, defaults, bounds");
  config->excludes(help);
  add_ready_flag(*command, a->ready_descriptor, "once it listens: its role, and its addresses by listener");
  command->footer(
      "The three can be started in any order and restarted; each keeps trying until the others are there. Interrupt "
      "it\n"
      "(Ctrl-C or SIGTERM) to end it: queries in flight fail with a message that says so. SIGHUP reads pins and "
      "clients\n"
      "again, the level of the log as well, and opens the log's file anew.\n\n"
      "Examples:\n  blindsight party init server0\n  blindsight party --config server0.toml");
  add_party_init(*command);
  command->callback([a, command] {
    if (!command->get_subcommands().empty()) return;
    if (a->help_config) {
      std::cout << config::describe_party();
    } else if (a->config.empty()) {
      throw Failure(Exit::usage, "party needs --config FILE; blindsight party --help tells more");
    } else {
      run(a->config, a->ready_descriptor);
    }
  });
}

}  // namespace blindsight::apps
