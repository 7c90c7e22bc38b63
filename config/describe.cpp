#include <type_traits>

#include "config/keys.h"

namespace blindsight::config {
namespace {

std::string text(bool value) {
  return value ? "true" : "false";
}
std::string text(std::uint32_t value) {
  return std::to_string(value);
}
std::string text(const std::string& value) {
  return '"' + value + '"';
}
std::string text(const std::filesystem::path& value) {
  return '"' + value.string() + '"';
}
std::string text(Role value) {
  return '"' + std::string(name(value)) + '"';
}
std::string text(const Address& value) {
  return '"' + to_string(value) + '"';
}
std::string text(const std::optional<Address>& value) {
  return value ? text(*value) : "\"\"";
}

std::string text(const Pins&) {
  return "[]";
}
std::string text(const std::vector<std::string>&) {
  return "[]";
}

template <class T>
std::string type_name() {
  if constexpr (std::is_same_v<T, bool>) return "true or false";
  if constexpr (std::is_same_v<T, std::uint32_t>) return "integer";
  if constexpr (std::is_same_v<T, std::string>) return "string";
  if constexpr (std::is_same_v<T, std::filesystem::path>) return "path";
  if constexpr (std::is_same_v<T, Role>) return "string";
  if constexpr (std::is_same_v<T, Pins>) return "list of pins";
  if constexpr (std::is_same_v<T, std::vector<std::string>>) return "list of strings";
  return "\"host:port\"";
}

std::string join(std::span<const std::string_view> words) {
  std::string all;
  for (auto word : words) all += (all.empty() ? "" : ", ") + std::string(word);
  return all;
}

template <class Config>
std::vector<KeyDescription> describe_keys(const std::string& before = {}) {
  std::vector<KeyDescription> all;
  Config defaults;
  for (const auto& key : keys<Config>()) {
    KeyDescription d{.key = before + std::string(key.name),
                     .type = {},
                     .unit = std::string(key.unit),
                     .default_value = {},
                     .bounds = join(key.choices),
                     .description = std::string(key.description)};
    std::visit(
        [&](const auto& field) {
          using T = std::remove_cvref_t<decltype(field(defaults))>;
          d.type = type_name<T>();
          d.default_value = key.required ? "required" : text(field(defaults));
          if constexpr (std::is_same_v<T, std::uint32_t>) {
            d.bounds = std::to_string(key.smallest) + " to " + std::to_string(key.largest);
          }
          if constexpr (std::is_same_v<T, Role>) d.bounds = join(role_names);
        },
        key.field);
    all.push_back(std::move(d));
  }
  return all;
}

/// Breaks a sentence into lines of at most `width` characters, each after `indent`.
std::string wrapped(std::string_view sentence, std::string_view indent, std::size_t width) {
  std::string out;
  while (!sentence.empty()) {
    auto cut = sentence.size() <= width ? sentence.size() : sentence.rfind(' ', width);
    if (cut == std::string_view::npos) cut = sentence.size();
    out += std::string(indent) + std::string(sentence.substr(0, cut)) + '\n';
    sentence.remove_prefix(std::min(sentence.size(), cut + 1));
  }
  return out;
}

std::string describe(const std::vector<KeyDescription>& all) {
  std::string out;
  for (const auto& d : all) {
    out += d.key + "\n    " + d.type;
    if (!d.unit.empty()) out += " in " + d.unit;
    if (!d.bounds.empty()) out += "; " + d.bounds;
    out += d.default_value == "required" ? "; required\n" : "; default " + d.default_value + '\n';
    out += wrapped(d.description, "    ", 92);
  }
  return out;
}

}  // namespace

std::string as_comments(std::span<const KeyDescription> keys) {
  std::string out;
  for (const auto& key : keys)
    out += '\n' + wrapped(key.description + (key.bounds.empty() ? "" : " (" + key.bounds + ")"), "# ", 96) + "# " +
           key.key + " = " + key.default_value + '\n';
  return out;
}

std::vector<KeyDescription> party_keys() {
  auto all = describe_keys<PartyConfig>();
  auto of_clients = describe_keys<ClientRights>("clients.NAME.");
  all.insert(all.end(), of_clients.begin(), of_clients.end());
  return all;
}
std::vector<KeyDescription> client_keys() {
  return describe_keys<ClientConfig>();
}
std::string describe_party() {
  return describe(party_keys());
}
std::string describe_client() {
  return describe(client_keys());
}

}  // namespace blindsight::config
