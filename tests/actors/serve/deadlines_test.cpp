#include "actors/serve/deadlines.h"

#include <doctest/doctest.h>

namespace blindsight::actors {
namespace {

using namespace std::chrono_literals;
using Time = Deadlines<int>::Time;

constexpr Time start{};

TEST_CASE("what is due is told once, the earliest first") {
  Deadlines<int> deadlines;
  deadlines.set(1, start + 3s);
  deadlines.set(2, start + 1s);
  deadlines.set(3, start + 5s);
  CHECK(deadlines.tick_after(start) == 1s);
  CHECK(deadlines.tick(start + 3s) == std::vector{2, 1});
  CHECK(deadlines.tick(start + 3s).empty());
  CHECK(deadlines.tick_after(start + 3s) == 2s);
}

TEST_CASE("one tick is under way at most, and none when nothing waits") {
  Deadlines<int> deadlines;
  CHECK_FALSE(deadlines.tick_after(start));
  for (int key = 0; key < 100; ++key) deadlines.set(key, start + 1s);
  CHECK(deadlines.tick_after(start) == 1s);
  CHECK_FALSE(deadlines.tick_after(start));
  for (int key = 0; key < 100; ++key) deadlines.erase(key);
  CHECK(deadlines.tick(start + 1s).empty());
  CHECK_FALSE(deadlines.tick_after(start + 1s));
}

TEST_CASE("a deadline that is moved or past is met where it is") {
  Deadlines<int> deadlines;
  deadlines.set(1, start + 1s);
  deadlines.set(1, start + 2s);
  CHECK(deadlines.tick(start + 1s).empty());
  CHECK(deadlines.tick_after(start + 10s) == 0s);
  CHECK(deadlines.tick(start + 10s) == std::vector{1});
}

}  // namespace
}  // namespace blindsight::actors
