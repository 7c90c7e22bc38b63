#include "apps/protocols.h"

#include <CLI/CLI.hpp>

#include "apps/failure.h"

namespace blindsight::apps {
namespace {

std::string names() {
  std::string all;
  for (const auto name : protocol::protocol_names()) all += (all.empty() ? "" : ", ") + std::string(name);
  return all;
}

}  // namespace

void add_protocol_flag(CLI::App& command, std::string& name) {
  name = "blink";
  std::string help = "How queries are computed:";
  for (const auto known : protocol::protocol_names())
    help += "\n" + std::string(known) + ": " + std::string(protocol::find_protocol(known)->summary);
  command.add_option("--protocol", name, help)->capture_default_str()->type_name("NAME");
}

const protocol::Protocol& protocol_named(const std::string& name) {
  const auto* found = protocol::find_protocol(name);
  if (found == nullptr) throw Failure(Exit::mend, "there is no protocol '" + name + "'; there are: " + names());
  return *found;
}

}  // namespace blindsight::apps
