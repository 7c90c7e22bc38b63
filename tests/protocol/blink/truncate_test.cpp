#include "protocol/blink/truncate.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/protocol/blink/positive_part.h"

namespace blindsight::protocol::blink {
namespace {

using testing::revealed;

TEST_CASE("truncation gives floor or floor + 1, unbiased, for every value in range and every sharing") {
  for (const auto& [f, q] : {std::pair{3u, 5u}, {3u, 7u}, {1u, 4u}, {4u, 8u}}) {
    const unsigned K = q + 1;
    for (std::int64_t z = -(1 << q); z <= (1 << q) - (1 << f); ++z) {
      Buffer<Word32> share0(std::size_t{1} << K), share1(share0.size());
      for (std::size_t i = 0; i < share0.size(); ++i) {
        share0[i] = static_cast<Word32>(i) | 0xabc00000u;  // bits above the ring have no say
        share1[i] = static_cast<Word32>(z) - static_cast<Word32>(i);
      }
      Buffer<Word16> t0(share0.size()), t1(share0.size());
      truncate(share0, K, f, false, t0);
      truncate(share1, K, f, true, t1);
      std::int64_t ups = 0;
      for (const std::int64_t v : revealed<Word16>(t0, t1, K - f)) {
        const std::int64_t error = v - (z >> f);
        REQUIRE((error == 0 || error == 1));
        ups += error;
      }
      REQUIRE(ups == (z & ((1 << f) - 1)) << (K - f));
    }
  }
}

TEST_CASE("above its range truncation turns the largest value into the most negative: why a plan must refuse it") {
  Buffer<Word32> share0(4096), share1(4096);
  for (std::size_t i = 0; i < share0.size(); ++i) {
    share0[i] = static_cast<Word32>(i * 4099);
    share1[i] = ((1u << 23) - 1) - share0[i];
  }
  Buffer<Word16> t0(4096), t1(4096);
  truncate(share0, 24, 12, false, t0);
  truncate(share1, 24, 12, true, t1);
  const auto v = revealed<Word16>(t0, t1, 12);
  CHECK(std::find(v.begin(), v.end(), -2048) != v.end());
}

}  // namespace
}  // namespace blindsight::protocol::blink
