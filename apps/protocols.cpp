#include "apps/protocols.h"

#include <CLI/CLI.hpp>
#include <vector>

#include "apps/failure.h"
#include "protocol/core/text.h"

namespace blindsight::apps {
namespace {

std::string help(const std::string& otherwise) {
  std::string text = "How queries are computed" + otherwise + ":";
  for (const auto known : protocol::protocol_names())
    text += "\n" + std::string(known) + ": " + std::string(protocol::find_protocol(known)->summary);
  return text + "\nOf one that leaves a choice of dealing, that may follow: securenn/fresh/sent";
}

template <std::size_t n>
std::vector<std::string> words(const std::string_view (&names)[n]) {
  return {std::begin(names), std::end(names)};
}

/// One choice, said by --protocol, by its own flag or by neither.
std::string once(const char* flag, const std::string& by_flag, std::string_view by_protocol) {
  if (!by_flag.empty() && !by_protocol.empty() && by_flag != by_protocol)
    throw Failure(Exit::usage, "--protocol says " + std::string(by_protocol) + ", and " + flag + " says " + by_flag +
                                   ": leave one of both out");
  return by_flag.empty() ? std::string(by_protocol) : by_flag;
}

}  // namespace

CLI::Option* add_protocol_flag(CLI::App& command, std::string& text) {
  text = protocol::default_protocol().name;
  return command.add_option("--protocol", text, help({}))->capture_default_str()->type_name("NAME");
}

CLI::Option* add_optional_protocol_flag(CLI::App& command, std::string& text, const std::string& otherwise) {
  return command.add_option("--protocol", text, help(" (default: " + otherwise + ")"))->type_name("NAME");
}

void add_dealing_flags(CLI::App& command, DealingFlags& flags) {
  command
      .add_option("--triples", flags.triples,
                  "Of a protocol that has the choice: a weight is masked once a session (reused, the default) or anew "
                  "for each image (fresh)")
      ->check(CLI::IsMember(words(protocol::triples_names)));
  command
      .add_option("--randomness", flags.randomness,
                  "Of a protocol that has the choice: shares that may be uniform are expanded from common seeds "
                  "(seeded, the default) or sent (sent)")
      ->check(CLI::IsMember(words(protocol::randomness_names)));
}

bool Named::names(const protocol::Choice& choice) const {
  return protocol == choice.protocol && (triples.empty() || triples == protocol::name(choice.dealing.triples)) &&
         (randomness.empty() || randomness == protocol::name(choice.dealing.randomness));
}

protocol::Choice Named::choice() const {
  return value_of(
      protocol::choice_of(protocol != nullptr ? *protocol : protocol::default_protocol(), triples, randomness));
}

Named named(std::string_view protocol, const DealingFlags& flags) {
  protocol::Spelled spelled{};
  if (!protocol.empty()) spelled = value_of(protocol::parts_of(protocol));
  return {spelled.protocol, once("--triples", flags.triples, spelled.triples),
          once("--randomness", flags.randomness, spelled.randomness)};
}

protocol::Result<protocol::Choice> choice_in(const config::PartyConfig& config) {
  const auto spelled = protocol::parts_of(config.protocol);
  if (!spelled) return tl::unexpected(spelled.error());
  if (!spelled->triples.empty() || !spelled->randomness.empty())
    return protocol::fail(
        protocol::Fault::usage,
        "key `protocol` is " + protocol::in_quotes(config.protocol) +
            ", and it names a protocol alone: say how it deals by the keys `triples` and `randomness`");
  return protocol::choice_of(*spelled->protocol, config.triples, config.randomness);
}

}  // namespace blindsight::apps
