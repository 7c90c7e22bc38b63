#include "protocol/core/numbers.h"

#include <doctest/doctest.h>

namespace blindsight::protocol {
namespace {

TEST_CASE("bytes and counts have three digits, and no number becomes a thousand of its prefix by rounding") {
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(999) == "999 B");
  CHECK(human_bytes(1000) == "1.00 kB");
  CHECK(human_bytes(9'994) == "9.99 kB");
  CHECK(human_bytes(9'996) == "10.0 kB");
  CHECK(human_bytes(99'960) == "100 kB");
  CHECK(human_bytes(999'499) == "999 kB");
  CHECK(human_bytes(999'500) == "1.00 MB");
  CHECK(human_bytes(1'234'567'890) == "1.23 GB");
  CHECK(human_bytes(18'446'744'073'709'551'615u) == "18447 PB");
  CHECK(human_count(7) == "7");
  CHECK(human_count(1'230'000'000) == "1.23 G");
}

TEST_CASE("times below a second are in milliseconds") {
  CHECK(human_seconds(0.00123) == "1.23 ms");
  CHECK(human_seconds(0.0456) == "45.6 ms");
  CHECK(human_seconds(0.5) == "500 ms");
  CHECK(human_seconds(0.9994) == "999 ms");
  CHECK(human_seconds(0.9996) == "1.00 s");
  CHECK(human_seconds(1.234) == "1.23 s");
  CHECK(human_seconds(12.34) == "12.3 s");
}

TEST_CASE("one of a thing, several of them") {
  CHECK(counted(1, "image") == "1 image");
  CHECK(counted(0, "image") == "0 images");
  CHECK(counted(2, "entry", "entries") == "2 entries");
  CHECK(counted(1, "entry", "entries") == "1 entry");
}

TEST_CASE("a percentage has the digits that its share has, or those asked for") {
  CHECK(percent(0.125) == "12.5 %");
  CHECK(percent(0.07) == "7 %");  // 100 · 0.07 is no 7 in binary
  CHECK(percent(0.999) == "99.9 %");
  CHECK(percent(1) == "100 %");
  CHECK(percent(1. / 3, 2) == "33.33 %");
  CHECK(fixed(2.5, 3) == "2.500");
}

}  // namespace
}  // namespace blindsight::protocol
