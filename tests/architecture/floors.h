#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace blindsight::tests {

/// What the sources and CMake files below `root` say against the floors of the architecture: "FILE:LINE: what" each,
/// sorted.
struct Survey {
  std::size_t files = 0, includes = 0, links = 0;
  std::vector<std::string> violations;
};

Survey survey_floors(const std::filesystem::path& root);

}  // namespace blindsight::tests
