#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>

#include "apps/commands.h"
#include "apps/configs.h"
#include "apps/key_lines.h"
#include "net/key_file.h"

namespace blindsight::apps {
namespace {

namespace fs = std::filesystem;

/// Public knowledge of a key, so that it can be pasted: what is no line for a configuration is a comment.
void show(const wire::Credentials& key, const std::string& line) {
  std::cout << line << "\n# valid until " << wire::date_text(key.not_after()) << '\n';
}

void run_new(const fs::path& file) {
  const auto made = wire::Credentials::generate(file.stem().string(), std::chrono::system_clock::now());
  value_of(net::write_new_key(file, made));
  show(made, "pins = \"" + config::pin_text(made.fingerprint()) + '"');
}

void run_show(const fs::path& file) {
  if (file.extension() != ".toml") {
    const auto key = value_of(net::load_key(file));
    return show(key, "pins = \"" + config::pin_text(key.fingerprint()) + '"');
  }
  const auto named = read_named_key(file);
  const auto key = value_of(net::load_key(named.key));
  // A client has no name in its own file, and the parties may have given it another than its key's.
  show(key, named.role ? pin_line(*named.role, key)
                       : "clients." + key.name() + ".pins = [\"" + config::pin_text(key.fingerprint()) + "\"]");
}

}  // namespace

void add_key(CLI::App& app, Exit&) {
  auto* command = app.add_subcommand("key", "Make a key, or show what others need to know of it");
  command->require_subcommand(1);
  auto file = std::make_shared<fs::path>();

  auto* make = command->add_subcommand("new", "Make a key with its certificate, good for two years");
  make->add_option("file", *file, "Where to write it; a file that is there is kept")->required()->type_name("FILE");
  make->footer(
      "The file is readable by you alone and never leaves this machine: whoever has it is you. Printed is its pin,\n"
      "which is no secret. To change a key: make the new one, let the others write its pin beside the old one\n"
      "(pins.server0 = [\"OLD\", \"NEW\"]) and send SIGHUP to their parties, then name the new file in your own\n"
      "configuration and restart; afterwards the others remove the old pin.\n\n"
      "Example:\n  blindsight key new server0-2028.key");
  make->callback([file] { run_new(*file); });

  auto* tell = command->add_subcommand("show", "Print a key's pin, as the others write it into their configurations");
  tell->add_option("file", *file, "A key, or the configuration of a party or client that names one")
      ->required()
      ->type_name("FILE");
  tell->footer(
      "Example:\n  blindsight key show server0.toml     prints   pins.server0 = \"...\"   for the other parties and "
      "the "
      "clients");
  tell->callback([file] { run_show(*file); });
}

}  // namespace blindsight::apps
