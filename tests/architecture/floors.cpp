#include "tests/architecture/floors.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string_view>

namespace blindsight::tests {
namespace {

namespace fs = std::filesystem;

struct Floor {
  /// Of its folder; "FLOOR/SUB" is a sub-floor.
  std::string_view name;
  /// The floors that it may include and link; a floor stands for its sub-floors.
  std::set<std::string_view> below;
};

const Floor floors[] = {
    {"tensor", {}},
    {"protocol", {"tensor"}},
    {"model", {"tensor", "protocol"}},
    {"config", {}},
    {"monitoring", {}},
    {"wire", {"tensor", "protocol", "model", "config"}},
    {"net", {"tensor", "protocol", "model", "config", "wire"}},
    {"client", {"tensor", "protocol", "model", "config", "net", "wire"}},
    // What links a party's processes, a session of three, what computes, who is served; above them, in the folder
    // itself, what puts a party together.
    {"actors/link", {"tensor", "protocol", "model", "config", "monitoring", "net", "wire"}},
    {"actors/session", {"tensor", "protocol", "model", "config", "monitoring", "net", "wire", "actors/link"}},
    {"actors/engine",
     {"tensor", "protocol", "model", "config", "monitoring", "net", "wire", "actors/link", "actors/session"}},
    {"actors/serve",
     {"tensor", "protocol", "model", "config", "monitoring", "net", "wire", "actors/link", "actors/session",
      "actors/engine"}},
    {"actors",
     {"tensor", "protocol", "model", "config", "monitoring", "net", "wire", "actors/link", "actors/session",
      "actors/engine", "actors/serve"}},
    {"apps", {"tensor", "protocol", "model", "config", "monitoring", "net", "wire", "client", "actors"}},
};

struct Outsider {
  /// How the include begins.
  std::string_view header;
  /// Where it may be included; a path that begins so.
  std::vector<std::string_view> homes;
};

/// Third-party libraries, and what of the system's would give a floor something that it must not know.
const Outsider outsiders[] = {
    {"caf/", {"actors/", "apps/"}},
    {"capnp/", {"wire/", "model/"}},
    {"kj/", {"wire/", "model/"}},
    {"CLI/", {"apps/"}},
    {"CivetServer.h", {"monitoring/"}},
    {"civetweb.h", {"monitoring/"}},
    {"onnx/", {"model/"}},
    {"google/protobuf", {"model/"}},
    {"openssl/", {"protocol/prg/", "wire/"}},
    {"prometheus/", {"monitoring/"}},
    {"toml++/", {"config/"}},
    {"toml.hpp", {"config/"}},
    {"utf8", {"protocol/core/"}},
    // A step has no sockets, threads, clocks or files.
    {"sys/socket.h", {"config/", "monitoring/", "net/", "client/", "actors/", "apps/"}},
    {"netinet/", {"config/", "monitoring/", "net/", "actors/", "apps/"}},
    {"thread", {"tensor/", "model/", "monitoring/", "net/", "client/", "actors/", "apps/"}},
    {"mutex", {"tensor/", "model/", "monitoring/", "net/", "client/", "actors/", "apps/"}},
    {"chrono", {"tensor/", "model/", "monitoring/", "net/", "wire/credentials", "client/", "actors/", "apps/"}},
    {"fstream", {"model/", "config/", "actors/", "apps/"}},
};

const Floor* floor_named(std::string_view name) {
  const auto found = std::ranges::find(floors, name, &Floor::name);
  return found == std::end(floors) ? nullptr : &*found;
}

std::string top_of(std::string_view floor) {
  return std::string(floor.substr(0, floor.find('/')));
}

/// The floor in which a path relative to the root lies; null when it lies in none.
const Floor* floor_of(const fs::path& path) {
  if (path.empty()) return nullptr;
  const std::string folder = path.parent_path().generic_string() + '/';
  for (const Floor& floor : floors)
    if (floor.name.find('/') != std::string_view::npos && folder.starts_with(std::string(floor.name) + '/'))
      return &floor;
  return floor_named(path.begin()->string());
}

/// A folder of its own inside a floor that has sub-floors, and is none of them.
bool lies_beside_sub_floors(const fs::path& path) {
  const Floor* floor = floor_of(path);
  return floor != nullptr && floor->name.find('/') == std::string_view::npos && path.parent_path() != floor->name &&
         std::ranges::any_of(floors,
                             [&](const Floor& f) { return f.name.starts_with(std::string(floor->name) + '/'); });
}

bool may_use(const Floor& floor, const Floor& target) {
  return &floor == &target || floor.below.contains(target.name) || floor.below.contains(top_of(target.name));
}

bool is_source(const fs::path& path) {
  static const std::set<std::string> endings = {".h", ".hpp", ".cpp", ".cc", ".inc", ".ipp"};
  return endings.contains(path.extension().string());
}

std::string read(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string place(const fs::path& file, std::size_t line) {
  return file.generic_string() + ':' + std::to_string(line) + ": ";
}

class Surveyor {
 public:
  explicit Surveyor(fs::path root) : root_(std::move(root)) {}

  Survey run() {
    for (const Floor& top : floors) {
      const fs::path folder = root_ / top.name;
      if (top.name.find('/') != std::string_view::npos || !fs::exists(folder)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file()) continue;
        const auto file = entry.path().lexically_relative(root_);
        if (lies_beside_sub_floors(file)) {
          survey_.violations.push_back(place(file, 1) + file.parent_path().generic_string() + " is no sub-floor of " +
                                       std::string(top.name));
          continue;
        }
        const Floor& floor = *floor_of(file);
        if (is_source(file)) read_includes(floor, file);
        if (file.filename() == "CMakeLists.txt" || file.extension() == ".cmake") read_links(floor, file);
      }
    }
    std::ranges::sort(survey_.violations);
    return std::move(survey_);
  }

 private:
  fs::path root_;
  Survey survey_;

  void read_includes(const Floor& floor, const fs::path& file) {
    static const std::regex include(R"re(^\s*#\s*include\s*(["<])([^">]+)[">])re");
    ++survey_.files;
    std::istringstream in(read(root_ / file));
    std::size_t number = 0;
    for (std::string line; std::getline(in, line);) {
      ++number;
      std::smatch match;
      if (!std::regex_search(line, match, include)) continue;
      ++survey_.includes;
      check_include(floor, file, number, match[2], match[1] == "\"");
    }
  }

  void check_include(const Floor& floor, const fs::path& file, std::size_t line, const std::string& header,
                     bool quoted) {
    // A quoted include is first looked for beside the file.
    const auto beside = (file.parent_path() / header).lexically_normal();
    const bool is_beside = quoted && fs::exists(root_ / beside);
    if (const Floor* target = floor_of(is_beside ? beside : fs::path(header).lexically_normal())) {
      if (!may_use(floor, *target)) {
        survey_.violations.push_back(place(file, line) + std::string(floor.name) + " must not include " + header);
      }
      return;
    }
    for (const auto& outsider : outsiders) {
      const bool whole =
          outsider.header.find_first_of("/.") == std::string_view::npos;  // a standard header without folder
      if (whole ? header != outsider.header : !header.starts_with(outsider.header)) continue;
      const auto at_home = [&](std::string_view home) { return file.generic_string().starts_with(home); };
      if (std::ranges::none_of(outsider.homes, at_home)) {
        survey_.violations.push_back(place(file, line) + header + " does not belong here");
      }
    }
  }

  void read_links(const Floor& floor, const fs::path& file) {
    static const std::regex comment(R"(#[^\n]*)");
    static const std::regex link(R"(target_link_libraries\s*\(\s*(\S+)([^)]*)\))");
    static const std::regex ours(R"(\bblindsight_([a-z]+)\w*)");
    const std::string text = std::regex_replace(read(root_ / file), comment, "");
    const std::sregex_iterator end;
    for (std::sregex_iterator call(text.begin(), text.end(), link); call != end; ++call) {
      const std::string libraries = (*call)[2];
      const auto line = 1 + std::count(text.begin(), text.begin() + call->position(), '\n');
      for (std::sregex_iterator one(libraries.begin(), libraries.end(), ours); one != end; ++one) {
        ++survey_.links;
        const Floor* target = floor_named((*one)[1].str());
        if (target && !may_use(floor, *target)) {
          survey_.violations.push_back(place(file, static_cast<std::size_t>(line)) + std::string(floor.name) +
                                       " must not link " + one->str());
        }
      }
    }
  }
};

}  // namespace

Survey survey_floors(const fs::path& root) {
  return Surveyor(root).run();
}

}  // namespace blindsight::tests
