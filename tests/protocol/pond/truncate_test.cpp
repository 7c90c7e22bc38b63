#include "protocol/pond/truncate.h"

#include <doctest/doctest.h>

#include "support.h"

namespace blindsight::protocol::pond {
namespace {

using testing::Signed128;

std::vector<Signed128> truncated(std::span<const Signed128> values, unsigned bits, std::mt19937_64& g) {
  auto shares = testing::share(values, g);
  truncate(shares[0], bits, PartyId::server0);
  truncate(shares[1], bits, PartyId::server1);
  return testing::reveal(shares);
}

TEST_CASE("Pond's truncation gives floor or floor + 1, unbiased") {
  std::mt19937_64 g(1);
  for (const unsigned bits : {0u, 1u, 12u, 24u, 62u}) {
    CAPTURE(bits);
    std::vector<Signed128> values(20'000);
    for (Signed128& v : values) v = static_cast<std::int64_t>(g()) >> 1;
    const auto result = truncated(values, bits, g);
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Signed128 error = result[i] - (values[i] >> bits);
      REQUIRE((error == 0 || error == 1));
      const Signed128 rest = values[i] - ((values[i] >> bits) << bits);
      sum += static_cast<double>(error) - std::ldexp(static_cast<double>(rest), -static_cast<int>(bits));
    }
    CHECK(std::abs(sum) < 4 * std::sqrt(20'000 / 6.0));
  }
}

TEST_CASE("Pond's truncation fails with probability |a| / 2^128, by 2^(128 - bits)") {
  std::mt19937_64 g(2);
  for (const int sign : {1, -1}) {
    const std::vector<Signed128> values(1 << 17, sign * (Signed128{1} << 118));
    std::size_t wrong = 0;
    for (const Signed128 v : truncated(values, 24, g)) {
      const Signed128 error = v - (values[0] >> 24);
      if (error == 0 || error == 1) continue;
      ++wrong;
      const Signed128 far = error + sign * (Signed128{1} << 104);
      REQUIRE((far == 0 || far == 1));
    }
    // 128 expected of 2^17 at 2^-10.
    CHECK(wrong > 128 - 5 * 11);
    CHECK(wrong < 128 + 5 * 11);
  }
}

}  // namespace
}  // namespace blindsight::protocol::pond
