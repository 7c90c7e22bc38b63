#include "protocol/prg/prg.h"

#include <doctest/doctest.h>

#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/memory_image.h"
#include "tests/support/sanitized.h"

namespace blindsight::protocol {
namespace {

TEST_CASE("a stream is AES-128-CTR: first block of NIST SP 800-38A's key under an all-zero counter block") {
  // AES-128(key 2b7e1516 28aed2a6 abf71588 09cf4f3c, block of zeros)
  const Prg prg(Key({0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c}));
  std::array<std::uint8_t, 16> out;
  prg.fill({}, 0, out);
  const std::array<std::uint8_t, 16> expected{0x7d, 0xf7, 0x6b, 0x0c, 0x1a, 0xb8, 0x99, 0xb3,
                                              0x3e, 0x42, 0xf0, 0x47, 0xb9, 0x1b, 0x54, 0x6f};
  CHECK(out == expected);
}

TEST_CASE("any range of a stream is the same bytes as the whole") {
  const Prg prg(Key({1, 2, 3}));
  const Stream stream{.pack = 7, .value = 3, .band = 1, .kind = 4};
  std::vector<std::uint8_t> whole(100'000);
  prg.fill(stream, 0, whole);
  for (const std::size_t first : {0u, 1u, 15u, 16u, 17u, 16383u, 16384u, 50'001u})
    for (const std::size_t n : {0u, 1u, 15u, 16u, 33u, 40'000u}) {
      std::vector<std::uint8_t> part(n);
      prg.fill(stream, first, part);
      CHECK(std::equal(part.begin(), part.end(), whole.begin() + static_cast<std::ptrdiff_t>(first)));
    }
}

TEST_CASE("every field of a stream and every key gives other bytes") {
  std::set<std::array<std::uint8_t, 16>> seen;
  auto add = [&](const Prg& prg, const Stream& s) {
    std::array<std::uint8_t, 16> out;
    prg.fill(s, 0, out);
    CHECK(seen.insert(out).second);
  };
  const Prg key(Key({9}));
  add(key, {});
  add(Prg(Key({10})), {});
  add(key.derived("one purpose"), {});
  add(key.derived("another"), {});
  add(key, {.pack = 1});
  add(key, {.pack = std::uint64_t{1} << 40});
  add(key, {.value = 1});
  add(key, {.value = 256});
  add(key, {.band = 1});
  add(key, {.band = Stream::whole_map});
  add(key, {.kind = 1});
  add(key, {.level = 1});
}

TEST_CASE("what would repeat a stream is refused") {
  const Prg prg(Key({1}));
  std::array<std::uint8_t, 16> out;
  CHECK_THROWS_AS(prg.fill({.pack = std::uint64_t{1} << 48}, 0, out), std::length_error);
  CHECK_THROWS_AS(prg.fill({}, std::uint64_t{16} << 32, out), std::length_error);
  CHECK_NOTHROW(prg.fill({}, (std::uint64_t{16} << 32) - 16, out));
}

TEST_CASE("a cipher keeps nothing: neither the key, once its generator has gone, nor what a stream was drawn from") {
  if (tests::sanitized) return;
  using Bytes = std::span<const std::uint8_t, Key::size>;
  const tests::Unseen key(random_key().bytes());
  auto prg = std::make_unique<Prg>(key.copy());
  const tests::Unseen block = [&] {
    const SecretMemory bytes = secret_memory(Key::size);
    prg->fill({}, 96, {bytes.get(), Key::size});
    return tests::Unseen(Bytes(bytes.get(), Key::size));
  }();
  CHECK(tests::memory_holds(key));  // the search can find it
  std::array<std::uint8_t, 100> out;
  prg->fill({}, 3, out);  // ends inside of that block
  CHECK_FALSE(tests::memory_holds(block));
  prg.reset();
  CHECK_FALSE(tests::memory_holds(key));
}

}  // namespace
}  // namespace blindsight::protocol
