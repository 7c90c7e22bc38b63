#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <sstream>
#include <system_error>

#include "config/keys.h"
#include "config/validate.h"

namespace blindsight::config {
namespace {

constexpr std::uintmax_t largest_file_bytes = 1024 * 1024;
/// toml++ opens and frees the tables of a dotted key by recursion, as deep as there are dots, and a stack is finite.
/// Our keys have one dot, an address three.
constexpr std::ptrdiff_t most_dots = 1000;
/// A name beyond that is no key of ours, nor of a table that holds one.
constexpr std::size_t longest_name = 128;

std::string_view type_name(toml::node_type type) {
  switch (type) {
    case toml::node_type::none:
      return "nothing";
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a real number";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

/// Levenshtein's distance: insertions, deletions and replacements from one word to the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::string_view last_part(std::string_view key) {
  return key.substr(key.rfind('.') + 1);
}

/// For a person's terminal: control characters become '?'.
std::string printable(std::string_view text) {
  std::string out(text);
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  std::ranges::replace_if(out, is_control, '?');
  return out;
}

/// The beginning of a text that is too long to be read, cut between characters of UTF-8.
std::string shortened(std::string_view text) {
  std::size_t end = std::min(text.size(), longest_name / 2);
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return printable(text.substr(0, end)) + (end < text.size() ? "…" : "");
}

std::string in_quotes(std::string_view text) {
  return '"' + (text.size() > longest_name ? shortened(text) : printable(text)) + '"';
}

std::string choices_text(std::span<const std::string_view> choices) {
  std::string all;
  for (auto choice : choices) all += (all.empty() ? "" : ", ") + in_quotes(choice);
  return all;
}

/// Reads one file's tables into a configuration and gathers what is wrong with each key.
template <class Config>
class Reader {
 public:
  Config config;
  Lines lines;
  std::vector<Problem> problems;

  void read(const toml::table& root) {
    walk(root, "");
    for (const auto& key : keys<Config>()) {
      if (key.required && !met_.contains(key.name))
        problems.push_back({0, std::string(key.name) + " is missing: " + std::string(key.description)});
    }
  }

 private:
  std::set<std::string, std::less<>> met_;

  void walk(const toml::table& table, const std::string& prefix) {
    for (const auto& entry : table) {
      const toml::node& node = entry.second;
      const std::string name = prefix + std::string(entry.first.str());
      const auto line = node.source().begin.line;
      if (name.size() > longest_name) {
        problems.push_back({line, "unknown key " + shortened(name)});
        continue;
      }
      const auto all = keys<Config>();
      if (const auto key = std::ranges::find(all, std::string_view(name), &Key<Config>::name); key != all.end()) {
        met_.insert(name);
        const auto before = problems.size();
        std::visit([&](const auto& field) { assign(*key, node, field(config)); }, key->field);
        if (problems.size() == before) lines[name] = line;
        continue;
      }
      const bool is_group =
          std::ranges::any_of(all, [&](const auto& other) { return other.name.starts_with(name + '.'); });
      const auto* below = node.as_table();
      if (below && (is_group || !below->empty())) {
        walk(*below, name + '.');
      } else if (!below && is_group) {
        problems.push_back({line, printable(name) + " is a table of keys, not " + std::string(type_name(node.type())) +
                                      ": write [" + name + "] and its keys below"});
      } else if (!is_group) {
        problems.push_back({line, "unknown key " + printable(name) + suggestion(name)});
      }
    }
  }

  /// The key that was probably meant: few letters away, or of the same name in another table.
  static std::string suggestion(std::string_view wrong) {
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(2, wrong.size() / 3) + 1;
    for (const auto& key : keys<Config>()) {
      const std::size_t d = last_part(key.name) == last_part(wrong) ? 1 : distance(wrong, key.name);
      if (d < best_distance) best_distance = d, best = key.name;
    }
    return best.empty() ? std::string() : "; did you mean " + std::string(best) + "?";
  }

  template <class T>
  std::optional<T> value(const Key<Config>& key, const toml::node& node, std::string_view wanted) {
    if (const auto* v = node.as<T>()) return v->get();
    std::string unit = key.unit.empty() ? "" : " (" + std::string(key.unit) + ")";
    problem(key, node, "must be " + std::string(wanted) + unit + ", not " + std::string(type_name(node.type())));
    return std::nullopt;
  }

  void problem(const Key<Config>& key, const toml::node& node, const std::string& what) {
    problems.push_back({node.source().begin.line, std::string(key.name) + ' ' + what});
  }

  void assign(const Key<Config>& key, const toml::node& node, bool& out) {
    if (const auto v = value<bool>(key, node, "true or false")) out = *v;
  }

  void assign(const Key<Config>& key, const toml::node& node, std::uint32_t& out) {
    const auto v = value<std::int64_t>(key, node, "an integer");
    if (!v) return;
    if (*v < key.smallest || *v > key.largest) {
      return problem(key, node,
                     "= " + std::to_string(*v) + " is out of bounds: from " + std::to_string(key.smallest) + " to " +
                         std::to_string(key.largest) + (key.unit.empty() ? "" : ' ' + std::string(key.unit)));
    }
    out = static_cast<std::uint32_t>(*v);
  }

  void assign(const Key<Config>& key, const toml::node& node, std::string& out) {
    const auto v = value<std::string>(key, node, "a string");
    if (!v) return;
    if (v->empty()) return problem(key, node, "is empty");
    if (!key.choices.empty() && std::ranges::find(key.choices, *v) == key.choices.end()) {
      return problem(key, node, "= " + in_quotes(*v) + " is none of " + choices_text(key.choices));
    }
    out = *v;
  }

  void assign(const Key<Config>& key, const toml::node& node, std::filesystem::path& out) {
    const auto v = value<std::string>(key, node, "a path in quotes");
    if (!v) return;
    if (v->find('\0') != std::string::npos) return problem(key, node, "holds a zero byte");
    if (v->empty() && key.required) return problem(key, node, "is empty");
    out = *v;
  }

  void assign(const Key<Config>& key, const toml::node& node, Role& out) {
    const auto v = value<std::string>(key, node, "a string");
    if (!v) return;
    const auto found = std::ranges::find(role_names, *v);
    if (found == std::end(role_names))
      return problem(key, node, "= " + in_quotes(*v) + " is none of " + choices_text(role_names));
    out = static_cast<Role>(found - std::begin(role_names));
  }

  void assign(const Key<Config>& key, const toml::node& node, Address& out) {
    const auto v = value<std::string>(key, node, "a string \"host:port\"");
    if (v && !parse_address(*v, out))
      problem(key, node, "= " + in_quotes(*v) + " is not an address: write \"host:port\" with a port from 1 to 65535");
  }

  void assign(const Key<Config>& key, const toml::node& node, std::optional<Address>& out) {
    if (const auto* text = node.as_string(); text && text->get().empty()) return;
    Address address;
    const auto before = problems.size();
    assign(key, node, address);
    if (problems.size() == before) out = address;
  }
};

/// Peers are required by role, which the table of keys cannot say.
void require_peers(const PartyConfig& config, const Lines& lines, const toml::table& root,
                   std::vector<Problem>& problems) {
  if (!lines.contains("role")) return;
  for (Role peer : {Role::server0, Role::server1, Role::crypto_producer}) {
    if (peer == config.role || config.peers.of(peer)) continue;
    const std::string key = "peers." + std::string(name(peer));
    const auto written = root.at_path(key);
    if (written && !lines.contains(key)) continue;  // already reported as wrong
    problems.push_back({written ? written.node()->source().begin.line : 0,
                        key + (written ? " is empty" : " is missing") + ": where does " + std::string(name(peer)) +
                            " listen? Write \"host:port\""});
  }
}

void require_peers(const ClientConfig&, const Lines&, const toml::table&, std::vector<Problem>&) {}

template <class Config>
Loaded<Config> parse(std::string_view text, std::string_view file) {
  Problems problems{.file = std::string(file), .list = {}};
  if (const auto dots = std::ranges::count(text, '.'); dots > most_dots) {
    problems.list.push_back({0, "the file holds " + std::to_string(dots) + " dots, more than the " +
                                    std::to_string(most_dots) + " that a configuration may have"});
    return tl::make_unexpected(std::move(problems));
  }
  const toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    const auto& error = parsed.error();
    problems.list.push_back({error.source().begin.line, "this is not TOML: " + printable(error.description())});
    return tl::make_unexpected(std::move(problems));
  }
  Reader<Config> reader;
  reader.read(parsed.table());
  problems.list = std::move(reader.problems);
  require_peers(reader.config, reader.lines, parsed.table(), problems.list);
  const auto between = validate(reader.config, reader.lines);
  problems.list.insert(problems.list.end(), between.begin(), between.end());
  if (problems.list.empty()) return std::move(reader.config);
  // What is missing has no line and comes last.
  std::ranges::stable_sort(problems.list, {}, [](const Problem& p) { return p.line - 1; });
  return tl::make_unexpected(std::move(problems));
}

tl::expected<std::string, Problems> read_file(const std::filesystem::path& file) {
  const auto fail = [&](std::string what) {
    return tl::make_unexpected(Problems{file.string(), {{0, std::move(what)}}});
  };
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (status.type() == std::filesystem::file_type::not_found)
    return fail("there is no such file; config/local/ holds examples");
  if (status.type() != std::filesystem::file_type::regular)
    return fail("this is not a file that can be read as a configuration");
  if (const auto size = std::filesystem::file_size(file, error); !error && size > largest_file_bytes) {
    return fail("the file has " + std::to_string(size) + " bytes, more than the " + std::to_string(largest_file_bytes) +
                " that a configuration may have");
  }
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf() || in.peek() == std::char_traits<char>::eof()))
    return fail("the file cannot be read; may this user read it?");
  return std::move(text).str();
}

}  // namespace

std::string Problems::text() const {
  std::string out;
  for (const auto& problem : list) {
    out += file + (problem.line ? ':' + std::to_string(problem.line) : "") + ": " + problem.what + '\n';
  }
  return out;
}

Loaded<PartyConfig> parse_party(std::string_view toml, std::string_view file) {
  return parse<PartyConfig>(toml, file);
}
Loaded<ClientConfig> parse_client(std::string_view toml, std::string_view file) {
  return parse<ClientConfig>(toml, file);
}

Loaded<PartyConfig> load_party(const std::filesystem::path& file) {
  return read_file(file).and_then([&](const std::string& text) { return parse_party(text, file.string()); });
}

Loaded<ClientConfig> load_client(const std::filesystem::path& file) {
  return read_file(file).and_then([&](const std::string& text) { return parse_client(text, file.string()); });
}

}  // namespace blindsight::config
