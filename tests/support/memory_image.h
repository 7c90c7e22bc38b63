#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "protocol/prg/key.h"

namespace blindsight::tests {

/// Sixteen bytes to look for, kept inverted, so that whoever looks finds them only where somebody else left them.
class Unseen {
 public:
  explicit Unseen(std::span<const std::uint8_t, protocol::Key::size> bytes) {
    for (std::size_t i = 0; i < inverted_.size(); ++i) inverted_[i] = static_cast<std::uint8_t>(~bytes[i]);
  }
  std::uint8_t operator[](std::size_t i) const { return static_cast<std::uint8_t>(~inverted_[i]); }
  protocol::Key copy() const {
    protocol::SecretMemory memory = protocol::secret_memory(inverted_.size());
    for (std::size_t i = 0; i < inverted_.size(); ++i) memory.get()[i] = (*this)[i];
    return {std::move(memory), 0};
  }

 private:
  std::array<std::uint8_t, protocol::Key::size> inverted_;
};

namespace memory_image {

struct Range {
  std::uintptr_t begin, end;
};

/// Parts that can be read and written. Those of gigabytes are a sanitizer's own.
inline std::vector<Range> writable() {
  std::vector<Range> ranges;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    Range r{};
    char dash = 0;
    std::string rights;
    words >> std::hex >> r.begin >> dash >> r.end >> rights;
    if (rights.starts_with("rw") && r.end - r.begin <= std::uintptr_t{1} << 30) ranges.push_back(r);
  }
  return ranges;
}

inline void look(std::span<const std::uint8_t> memory, std::span<const Unseen> all, std::vector<bool>& found) {
  std::vector<bool> begins(1 << 16);  // by two bytes: a process may hold hundreds of megabytes
  for (const Unseen& bytes : all) begins[bytes[0] << 8 | bytes[1]] = true;
  for (std::size_t i = 0; i + protocol::Key::size <= memory.size(); ++i) {
    if (!begins[memory[i] << 8 | memory[i + 1]]) continue;
    for (std::size_t k = 0; k < all.size(); ++k) {
      std::size_t same = 0;
      while (same < protocol::Key::size && memory[i + same] == all[k][same]) ++same;
      if (same == protocol::Key::size) found[k] = true;
    }
  }
}

}  // namespace memory_image

/// Which of them this process holds anywhere in memory that it can write: what an image of it, taken now, would show.
inline std::vector<bool> memory_holds(std::span<const Unseen> all) {
  constexpr std::size_t piece = 1 << 20, more = protocol::Key::size - 1;  // what lies across two pieces
  // A mapping of its own, so that what is read does not overwrite what was freed and is not found itself. Its flag
  // keeps the kernel from joining it with a neighbour.
  auto* const window = static_cast<std::uint8_t*>(
      mmap(nullptr, piece + more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  const int image = ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  if (window == MAP_FAILED || image < 0 || madvise(window, piece + more, MADV_DONTFORK) != 0)
    throw std::runtime_error("this process cannot look at its memory");
  const auto own = reinterpret_cast<std::uintptr_t>(window);
  std::vector<bool> found(all.size());
  for (const auto& r : memory_image::writable())
    for (auto at = r.begin; at < r.end && r.begin != own; at += piece) {
      const std::size_t most = std::min<std::size_t>(piece + more, r.end - at);
      const ssize_t n = ::pread(image, window, most, static_cast<off_t>(at));
      if (n > 0) memory_image::look({window, static_cast<std::size_t>(n)}, all, found);
    }
  ::close(image);
  munmap(window, piece + more);
  return found;
}

inline bool memory_holds(const Unseen& bytes) {
  return memory_holds(std::span(&bytes, 1))[0];
}

}  // namespace blindsight::tests
