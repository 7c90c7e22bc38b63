#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "apps/failure.h"
#include "apps/key_lines.h"
#include "config/keys.h"
#include "config/toml_string.h"
#include "model/files/files.h"
#include "net/key_file.h"
#include "protocol/core/text.h"

namespace blindsight::apps {
namespace {

namespace fs = std::filesystem;
using config::Role;
using config::toml_string;

constexpr Role all_roles[] = {Role::server0, Role::server1, Role::crypto_producer};

void refuse_if_there(const fs::path& file) {
  if (fs::exists(fs::symlink_status(file)))
    throw Failure(Exit::usage, "there is a file " + protocol::in_quotes(file.string()) +
                                   " already: choose another --dir, or remove it if nobody needs it");
}

/// A folder of its owner's, and in it a key of that name; nothing that is there is touched.
wire::Credentials make_key(const fs::path& folder, const fs::path& key, const fs::path& configuration) {
  std::error_code error;
  const bool is_new = fs::create_directories(folder, error);
  if (error)
    throw Failure(Exit::usage,
                  "cannot make the folder " + protocol::in_quotes(folder.string()) + ": " + error.message());
  if (is_new) fs::permissions(folder, fs::perms::owner_all, error);
  refuse_if_there(configuration);
  refuse_if_there(key);
  auto made = wire::Credentials::generate(key.stem().string(), std::chrono::system_clock::now());
  value_of(net::write_new_key(key, made));
  return made;
}

void write_configuration(const fs::path& file, const std::string& text) {
  value_of(model::write_file(file, "configuration", text, model::secret_mode));
}

/// Keys that have a default and that the text above does not have, as comments. `self`: what a party does not say of
/// itself is left out.
std::string other_keys(std::vector<config::KeyDescription> all, const std::string& above, std::string_view self = {}) {
  std::erase_if(all, [&](const auto& key) {
    return key.default_value == "required" || key.key.starts_with("clients.") ||
           (!self.empty() && (key.key.ends_with("." + std::string(self)) || key.key.starts_with("peers."))) ||
           above.find("\n" + key.key + " = ") != std::string::npos ||
           above.find("\n# " + key.key + " = ") != std::string::npos;
  });
  return config::as_comments(all);
}

struct PartyArguments {
  std::string role, listen_parties = "0.0.0.0:7100", listen_clients = "0.0.0.0:7110", metrics = "127.0.0.1:9100";
  std::string server0, server1;
  fs::path dir = ".";
};

void init_party(const PartyArguments& a) {
  const auto found = std::ranges::find(all_roles, a.role, [](Role role) { return config::name(role); });
  if (found == std::end(all_roles)) throw Failure(Exit::usage, "there is no role " + protocol::in_quotes(a.role));
  const Role role = *found;
  const auto home = fs::absolute(a.dir).lexically_normal();
  const auto configuration = home / (a.role + ".toml"), key = home / (a.role + ".key");
  const auto made = make_key(home, key, configuration);

  std::string text =
      "# " + a.role + " of a Blindsight deployment: one of three organisations runs it.\n" +
      "# Tables ([name]) come last in this file, if there are any: what stands below a table belongs to it.\n\n" +
      "role = " + toml_string(a.role) + "\n\n# The other two have the same.\nprotocol = \"blink\"\n\n";
  if (role != Role::crypto_producer)
    text +=
        "# Where the other parties connect to this one: open this port to their machines alone.\nlisten.parties = " +
        toml_string(a.listen_parties) + '\n';
  text += "# Where clients connect, each by its own key (below).\nlisten.clients = " + toml_string(a.listen_clients) +
          "\n# Where Prometheus reads, without authentication: keep it on this machine, or behind a proxy.\n"
          "metrics.listen = " +
          toml_string(a.metrics) +
          "\n\n# Shares of the weights. Losing it costs a deployment, nothing else.\ndata_dir = " +
          toml_string((home / "data").string()) +
          "\n\n# Who this party is. Never leaves this machine; a copy in a safe place saves changing the pins "
          "elsewhere.\nkey = " +
          toml_string(key.string()) + "\n\n";
  for (const Role peer : config::dialed_by(role)) {
    const auto& address = peer == Role::server0 ? a.server0 : a.server1;
    text += "# listen.parties of " + std::string(config::name(peer)) + ", as this machine reaches it.\n" +
            (address.empty() ? "# " : "") + "peers." + std::string(config::name(peer)) + " = " +
            toml_string(address.empty() ? "HOST:7100" : address) + '\n';
  }
  text +=
      "\n# The lines that the other two operators send you (their `blindsight party init` or `key show` prints "
      "them):\n";
  for (const Role other : all_roles)
    if (other != role) text += "# pins." + std::string(config::name(other)) + " = \"\"\n";
  text +=
      "\n# Clients: the line that each sends you (its `blindsight client init` prints it), with what you let it do:\n"
      "# predict, deploy = [names of models], status, queries_per_minute. SIGHUP reads pins and clients again.\n"
      "# clients.clinic = { pins = [\"\"], predict = true }\n"
      "# clients.owner = { pins = [\"\"], deploy = [\"skin\"], status = true }\n";
  text += "\n# All other keys, with their defaults.\n" + other_keys(config::party_keys(), text, a.role);
  write_configuration(configuration, text);

  std::cerr << "made " << configuration.string() << " and its key, valid until " << wire::date_text(made.not_after())
            << ".\nSend this line to the other two operators and to every client (it is no secret, but it must reach "
               "them unchanged):\n";
  std::cout << pin_line(role, made) << std::endl;
  std::cerr << "Write the lines that they send you into " << configuration.filename().string()
            << ", then: blindsight party --config " << configuration.string() << '\n';
}

struct ClientArguments {
  std::string name, server0, server1, crypto_producer;
  std::vector<std::string> deploy;
  fs::path dir = ".";
};

void init_client(const ClientArguments& a) {
  const auto home = fs::absolute(a.dir).lexically_normal();
  const auto configuration = home / "client.toml", key = home / "client.key";
  const auto made = make_key(home, key, configuration);
  std::string text =
      "# For `blindsight predict`, `model deploy` and `doctor`: where the three parties are, and who asks.\n\n";
  const std::pair<Role, const std::string&> parties[] = {
      {Role::server0, a.server0}, {Role::server1, a.server1}, {Role::crypto_producer, a.crypto_producer}};
  for (const auto& [role, address] : parties)
    text += "# listen.clients of " + std::string(config::name(role)) + ", as this machine reaches it.\n" +
            (address.empty() ? "# " : "") + std::string(config::name(role)) + " = " +
            toml_string(address.empty() ? "HOST:7110" : address) + '\n';
  text += "\n# Who this client is. Never leaves this machine.\nkey = " + toml_string(key.string()) +
          "\n\n# The lines that the three operators send you:\n";
  for (const Role role : all_roles) text += "# pins." + std::string(config::name(role)) + " = \"\"\n";
  text += "\n# All other keys, with their defaults.\n" + other_keys(config::client_keys(), text);
  write_configuration(configuration, text);

  std::cerr << "made " << configuration.string() << " and its key, valid until " << wire::date_text(made.not_after())
            << ".\nSend this line to the three operators, who decide what it may do:\n";
  std::cout << client_line({.name = a.name,
                            .pins = {made.fingerprint()},
                            .predict = a.deploy.empty(),
                            .deploy = a.deploy,
                            .status = !a.deploy.empty()})
            << std::endl;
  std::cerr << "Write the lines that they send you into " << configuration.filename().string()
            << ", then: blindsight doctor --config " << configuration.string() << '\n';
}

/// "host:port", told before anything is made.
std::string check_address(const std::string& text) {
  const auto loaded = config::parse_client("server0 = " + toml_string(text), "");
  for (const auto& problem : loaded ? std::vector<config::Problem>{} : loaded.error().list)
    if (problem.line == 1) return problem.what;
  return {};
}

CLI::Option* add_address(CLI::App& command, const std::string& flag, std::string& address, const std::string& what) {
  return command.add_option(flag, address, what)->type_name("HOST:PORT")->check(check_address);
}

}  // namespace

void add_party_init(CLI::App& party) {
  auto a = std::make_shared<PartyArguments>();
  auto* command = party.add_subcommand("init", "Write a commented configuration with a key of its own for one party");
  command->add_option("role", a->role, "server0, server1 or crypto_producer")
      ->required()
      ->check(CLI::IsMember({"server0", "server1", "crypto_producer"}));
  command->add_option("--dir", a->dir, "Folder for ROLE.toml, ROLE.key and data")
      ->capture_default_str()
      ->type_name("DIR");
  add_address(*command, "--listen-parties", a->listen_parties, "Where the other parties connect to this server")
      ->capture_default_str();
  add_address(*command, "--listen-clients", a->listen_clients, "Where clients connect")->capture_default_str();
  add_address(*command, "--metrics", a->metrics, "Where Prometheus reads")->capture_default_str();
  add_address(*command, "--server0", a->server0, "listen.parties of server 0, as this machine reaches it");
  add_address(*command, "--server1", a->server1, "listen.parties of server 1, as this machine reaches it");
  command->footer(
      "Standard output is one line, pins.ROLE = \"...\", for the other two operators and all clients. Nothing that is\n"
      "there already is overwritten.\n\n"
      "Example:\n  blindsight party init server1 --dir /etc/blindsight --server0 server0.example.org:7100");
  command->callback([a] { init_party(*a); });
}

void add_client(CLI::App& app, Exit&) {
  auto* command = app.add_subcommand("client", "Set up this machine as a client of three parties");
  command->require_subcommand(1);
  auto a = std::make_shared<ClientArguments>();
  auto* init = command->add_subcommand("init", "Write client.toml with a key of its own");
  init->add_option("name", a->name, "How the parties shall call this client: letters, digits, - and _")
      ->required()
      ->check(config::problem_of_client_name);
  init->add_option("--dir", a->dir, "Folder for client.toml and client.key")->capture_default_str()->type_name("DIR");
  add_address(*init, "--server0", a->server0, "listen.clients of server 0, as this machine reaches it");
  add_address(*init, "--server1", a->server1, "listen.clients of server 1, as this machine reaches it");
  add_address(*init, "--crypto-producer", a->crypto_producer,
              "listen.clients of the crypto producer, as this machine reaches it");
  init->add_option("--deploy", a->deploy, "Ask for the right to bring these models instead of the right to predict")
      ->type_name("MODEL");
  init->footer(
      "Standard output is one line, clients.NAME = { ... }, for the three operators; they decide what to allow. "
      "Nothing\n"
      "that is there already is overwritten.\n\n"
      "Examples:\n  blindsight client init clinic --server0 s0.example.org:7110 --server1 s1.example.org:7110 "
      "--crypto-producer p.example.org:7110\n  blindsight client init owner --deploy skin");
  init->callback([a] { init_client(*a); });
}

}  // namespace blindsight::apps
