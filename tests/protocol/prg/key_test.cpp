#include "protocol/prg/key.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "tests/support/locked_memory.h"
#include "tests/support/memory_image.h"
#include "tests/support/sanitized.h"

namespace blindsight::protocol {
namespace {

TEST_CASE("derived keys depend on secret, context and salt, and keys from the system differ") {
  const std::array<std::uint8_t, 32> secret{1};
  const std::array<std::uint8_t, 3> salt{1, 2, 3};
  auto bytes = [](const Key& k) { return std::vector<std::uint8_t>(k.bytes().begin(), k.bytes().end()); };
  CHECK(bytes(derive_key(secret, "a", salt)) == bytes(derive_key(secret, "a", salt)));
  CHECK(bytes(derive_key(secret, "a", salt)) != bytes(derive_key(secret, "b", salt)));
  CHECK(bytes(derive_key(secret, "a", salt)) != bytes(derive_key(secret, "a", {})));
  CHECK(bytes(derive_key(secret, "ab", {})) != bytes(derive_key(secret, "a", std::array<std::uint8_t, 1>{'b'})));
  CHECK(bytes(derive_key(std::array<std::uint8_t, 32>{2}, "a", salt)) != bytes(derive_key(secret, "a", salt)));
  CHECK_THROWS_AS(derive_key(std::array<std::uint8_t, 4>{1}, "a", salt), std::invalid_argument);
  std::array<std::uint8_t, 65> too_long;
  CHECK_THROWS_AS(derive(too_long, secret, "a", salt), std::invalid_argument);
  CHECK(bytes(random_key()) != bytes(random_key()));
}

/// What the kernel says of the mapping that an address lies in: the line "VmFlags" of /proc/self/smaps.
std::string flags_of(const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0, end = 0;
    char dash = 0;
    if (std::istringstream range(line); range >> std::hex >> begin >> dash >> end && dash == '-')
      inside = begin <= at && at < end;
    if (inside && line.starts_with("VmFlags:")) return line + " ";
  }
  return {};
}

TEST_CASE("secrets that cannot be locked in memory serve all the same, and that they cannot is noticed") {
  if (tests::sanitized) return;
  bool lockable = true, served = false;
  std::string flags;
  tests::without_locked_memory([&] {
    lockable = can_lock_secrets(1);
    const Key key({1, 2, 3});
    served = key.bytes()[2] == 3;
    flags = flags_of(key.bytes().data());
  });
  CHECK_FALSE(lockable);
  CHECK(served);
  CHECK(flags.find(" dd ") != std::string::npos);
  CHECK(flags.find(" lo ") == std::string::npos);
  CHECK(can_lock_secrets(1));
  const Key key({1, 2, 3});
  CHECK(flags_of(key.bytes().data()).find(" lo ") != std::string::npos);
}

TEST_CASE("a key is moved and never copied, and lies where no core dump goes") {
  static_assert(!std::is_copy_constructible_v<Key> && !std::is_copy_assignable_v<Key>);
  static_assert(std::is_nothrow_move_constructible_v<Key> && std::is_nothrow_move_assignable_v<Key>);
  Key key({1, 2, 3});
  const auto* at = key.bytes().data();
  CHECK(flags_of(at).find(" dd ") != std::string::npos);  // MADV_DONTDUMP
  const Key moved = std::move(key);
  CHECK(moved.bytes().data() == at);
  CHECK(moved.bytes()[2] == 3);
  CHECK_THROWS_AS((void)key.bytes(), std::logic_error);  // NOLINT(bugprone-use-after-move): that it is refused
}

TEST_CASE("keys that lie together are wiped with the last of them, and leave nothing on the stack either") {
  if (tests::sanitized) return;
  std::shared_ptr<std::uint8_t> memory = secret_memory(2 * Key::size);
  random_bytes({memory.get(), 2 * Key::size});
  using Bytes = std::span<const std::uint8_t, Key::size>;
  const tests::Unseen first(Bytes(memory.get(), Key::size)), second(Bytes(memory.get() + Key::size, Key::size));
  auto a = std::make_unique<Key>(memory, 0), b = std::make_unique<Key>(memory, Key::size);
  memory.reset();
  CHECK(std::ranges::equal(a->bytes(), first.copy().bytes()));
  CHECK(std::ranges::equal(b->bytes(), second.copy().bytes()));
  CHECK(tests::memory_holds(first));
  a.reset();
  CHECK(tests::memory_holds(second));
  b.reset();
  CHECK_FALSE(tests::memory_holds(first));
  CHECK_FALSE(tests::memory_holds(second));
}

}  // namespace
}  // namespace blindsight::protocol
