#include "apps/configs.h"

#include "apps/failure.h"

namespace blindsight::apps {
namespace {

template <class T>
T or_problems(config::Loaded<T> loaded) {
  if (loaded) return *std::move(loaded);
  const auto& problems = loaded.error();
  const std::size_t n = problems.list.size();
  std::string text = problems.text();
  if (!text.empty() && text.back() == '\n') text.pop_back();
  throw Failure(Exit::usage,
                (n == 1 ? "1 problem" : std::to_string(n) + " problems") + " in the configuration\n" + text);
}

}  // namespace

config::PartyConfig read_party_config(const std::filesystem::path& file) {
  return or_problems(config::load_party(file));
}

std::optional<config::Role> role_in(const std::filesystem::path& file) {
  return or_problems(config::load_named_key(file)).role;
}

config::NamedKey read_named_key(const std::filesystem::path& file) {
  auto named = or_problems(config::load_named_key(file));
  if (named.key.empty())
    throw Failure(Exit::usage, "the configuration " + file.string() + " names no key: `key = \"FILE\"`");
  return named;
}

config::ClientConfig read_client_config(const std::filesystem::path& file) {
  return or_problems(config::load_client(file));
}

}  // namespace blindsight::apps
