#include "protocol/securenn/truncate.h"

#include <doctest/doctest.h>

#include "tests/protocol/securenn/three_routines.h"

namespace blindsight::protocol::securenn::testing {
namespace {

TEST_CASE("SecureNN's truncation is floor or one more, and fails as often as it states") {
  constexpr std::size_t n = 1 << 20;
  for (const std::int64_t a :
       {std::int64_t{1} << 54, -(std::int64_t{1} << 54), std::int64_t{123456789}, std::int64_t{-5}}) {
    const std::vector<std::int64_t> v(n, a);
    auto shares = shares_of(v, 11);
    truncate(PartyId::server0, 13, shares[0]);
    truncate(PartyId::server1, 13, shares[1]);
    std::size_t failed = 0;
    bool far = true;
    for (const std::int64_t y : revealed(shares)) {
      const std::int64_t error = y - (a >> 13);
      if (error == 0 || error == 1) continue;
      ++failed;
      far &= std::abs(std::abs(error) - (std::int64_t{1} << 51)) <= 1;
    }
    CHECK(far);
    // 2^20 · 2^-10 = 1024 expected, deviation 32; for the small values 2^20 · 2^-37.
    if (std::abs(a) >> 54)
      CHECK(std::abs(static_cast<double>(failed) - 1024) < 160);
    else
      CHECK(failed == 0);
  }
}

}  // namespace
}  // namespace blindsight::protocol::securenn::testing
