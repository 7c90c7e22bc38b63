#include "apps/protocols.h"

#include <CLI/CLI.hpp>

#include "apps/failure.h"
#include "protocol/core/dealing.h"
#include "protocol/core/text.h"

namespace blindsight::apps {
namespace {

std::string names() {
  std::string all;
  for (const auto name : protocol::protocol_names()) all += (all.empty() ? "" : ", ") + std::string(name);
  return all;
}

std::string help(const std::string& otherwise) {
  std::string text = "How queries are computed" + otherwise + ":";
  for (const auto known : protocol::protocol_names())
    text += "\n" + std::string(known) + ": " + std::string(protocol::find_protocol(known)->summary);
  return text;
}

}  // namespace

CLI::Option* add_protocol_flag(CLI::App& command, std::string& name) {
  name = protocol::default_protocol().name;
  return command.add_option("--protocol", name, help({}))->capture_default_str()->type_name("NAME");
}

CLI::Option* add_optional_protocol_flag(CLI::App& command, std::string& name, const std::string& otherwise) {
  return command.add_option("--protocol", name, help(" (default: " + otherwise + ")"))->type_name("NAME");
}

void add_dealing_flags(CLI::App& command, DealingFlags& flags) {
  command
      .add_option("--triples", flags.triples,
                  "Of a protocol that has the choice: a weight is masked once a session (reused, the default) or anew "
                  "for each image (fresh)")
      ->check(CLI::IsMember({"reused", "fresh"}));
  command
      .add_option("--randomness", flags.randomness,
                  "Of a protocol that has the choice: shares that may be uniform are expanded from common seeds "
                  "(seeded, the default) or sent (sent)")
      ->check(CLI::IsMember({"seeded", "sent"}));
}

protocol::Dealing dealing_of(const DealingFlags& flags, const protocol::Protocol& protocol) {
  if (const auto wrong = protocol::dealing_refusal(protocol, flags.triples, flags.randomness); !wrong.empty())
    throw Failure(Exit::mend, wrong);
  return protocol::dealing_of(flags.triples, flags.randomness);
}

const protocol::Protocol& protocol_named(const std::string& name) {
  const auto* found = protocol::find_protocol(name);
  if (found == nullptr)
    throw Failure(Exit::mend, "there is no protocol " + protocol::in_quotes(name) + "; there are: " + names());
  return *found;
}

const protocol::Protocol* protocol_if_named(const std::string& name) {
  return name.empty() ? nullptr : &protocol_named(name);
}

}  // namespace blindsight::apps
