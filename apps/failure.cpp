#include "apps/failure.h"

#include <cerrno>
#include <cstring>
#include <fstream>

namespace blindsight::apps {

void check_writable(const std::string& what, const std::filesystem::path& file) {
  std::error_code ignored;
  const bool existed = std::filesystem::exists(std::filesystem::symlink_status(file, ignored));
  errno = 0;
  if (!std::ofstream(file, std::ios::app))
    throw Failure(Exit::mend, "cannot write " + what + " '" + file.string() + "': " + std::strerror(errno));
  if (!existed) std::filesystem::remove(file, ignored);
}

}  // namespace blindsight::apps
