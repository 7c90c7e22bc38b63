#include "protocol/core/choice.h"

#include <algorithm>
#include <tuple>

#include "protocol/core/text.h"

namespace blindsight::protocol {
namespace {

template <class Names>
std::string listed(const Names& names) {
  std::string all;
  for (const std::string_view name : names) all.append(all.empty() ? "" : ", ").append(name);
  return all;
}

/// The choice of that name; the default one for an empty name.
template <class Choice, std::size_t n>
Result<Choice> named(std::string_view key, const std::string_view (&names)[n], std::string_view text) {
  if (text.empty()) return Choice{};
  const auto found = std::ranges::find(names, text);
  if (found == std::end(names))
    return fail(Fault::usage, "key `" + std::string(key) + "` is " + in_quotes(text) + "; there are: " + listed(names));
  return static_cast<Choice>(found - std::begin(names));
}

}  // namespace

std::string_view name(Dealing::Triples triples) {
  return triples_names[static_cast<std::size_t>(triples)];
}

std::string_view name(Dealing::Randomness randomness) {
  return randomness_names[static_cast<std::size_t>(randomness)];
}

std::string spelling(const Choice& choice) {
  std::string text(choice.protocol->name);
  if (choice.dealing.triples != Dealing{}.triples) text.append("/").append(name(choice.dealing.triples));
  if (choice.dealing.randomness != Dealing{}.randomness) text.append("/").append(name(choice.dealing.randomness));
  return text;
}

Result<Spelled> parts_of(std::string_view text) {
  const auto next = [&] {
    const std::size_t end = text.find('/');
    const std::string_view part = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    return std::pair(part, end != std::string_view::npos);
  };
  auto [protocol, more] = next();
  Spelled spelled{find_protocol(protocol), {}, {}};
  if (spelled.protocol == nullptr)
    return fail(Fault::usage,
                "there is no protocol " + in_quotes(protocol) + "; there are: " + listed(protocol_names()));
  while (more) {
    std::string_view part;
    std::tie(part, more) = next();
    const bool of_triples = std::ranges::find(triples_names, part) != std::end(triples_names);
    if (!of_triples && std::ranges::find(randomness_names, part) == std::end(randomness_names))
      return fail(Fault::usage, in_quotes(part) + " is no way of dealing; there are: " + listed(triples_names) +
                                    " (of triples), " + listed(randomness_names) +
                                    " (of randomness), as in securenn/fresh/sent");
    std::string_view& said = of_triples ? spelled.triples : spelled.randomness;
    if (!said.empty())
      return fail(Fault::usage,
                  "of " + std::string(said) + " and " + std::string(part) + " one can be chosen: leave the other out");
    said = part;
  }
  return spelled;
}

Result<Choice> choice_of(std::string_view text) {
  const auto spelled = parts_of(text);
  if (!spelled) return tl::unexpected(spelled.error());
  return choice_of(*spelled->protocol, spelled->triples, spelled->randomness);
}

Result<Choice> choice_of(const Protocol& protocol, std::string_view triples, std::string_view randomness) {
  const auto chosen_triples = named<Dealing::Triples>("triples", triples_names, triples);
  if (!chosen_triples) return tl::unexpected(chosen_triples.error());
  const auto chosen_randomness = named<Dealing::Randomness>("randomness", randomness_names, randomness);
  if (!chosen_randomness) return tl::unexpected(chosen_randomness.error());
  const Choice choice{&protocol, {*chosen_triples, *chosen_randomness}};
  if (protocol.dealing_choices || choice.dealing == Dealing{}) return choice;
  std::string keys;
  const auto add = [&](const char* key, std::string_view value) {
    keys.append(keys.empty() ? "`" : " and `").append(key).append("` = \"").append(value).append("\"");
  };
  if (choice.dealing.triples != Dealing{}.triples) add("triples", triples);
  if (choice.dealing.randomness != Dealing{}.randomness) add("randomness", randomness);
  std::vector<std::string_view> choosers = protocol_names();
  std::erase_if(choosers, [](std::string_view name) { return !find_protocol(name)->dealing_choices; });
  return fail(Fault::usage,
              "protocol " + std::string(protocol.name) + " has no such choice: " + keys + "; leave that out" +
                  (choosers.empty() ? "" : ", or use a protocol that has the choice: " + listed(choosers)));
}

}  // namespace blindsight::protocol
