#include "protocol/blink/widths.h"

#include <doctest/doctest.h>

#include "protocol/blink/layout.h"
#include "tests/protocol/support/networks.h"

namespace blindsight::protocol::blink {
namespace {

using protocol::testing::layer, protocol::testing::pool2, protocol::testing::same3;

/// Two layers of f = 12, A = 10, M = 1, the typical ones of docs/protocols/blink.md.
NetworkSpec typical() {
  NetworkSpec n;
  n.input = {16, 16, 4};
  n.layers = {layer("first", n.input, 8, same3, tensor::ConvAlgorithm::winograd4),
              layer("second", {16, 16, 8}, 8, same3)};
  return n;
}

template <class Change>
Widths widths_after(std::size_t index, const Change& change) {
  NetworkSpec n = typical();
  change(n);
  return widths(n, index);
}

TEST_CASE("rings of a layer: the table of docs/protocols/blink.md") {
  const auto as_is = [](NetworkSpec&) {};
  const Widths first = widths_after(0, as_is), last = widths_after(1, as_is);
  CHECK(first.linear == 24);
  CHECK(first.fraction == 12);
  CHECK(first.truncated == 12);
  CHECK(first.relu == 12);
  CHECK(first.summed == 12);
  CHECK(first.lifted);
  CHECK(first.out == 24);  // the next layer's linear ring
  CHECK_FALSE(last.lifted);
  CHECK(last.out == 12);

  // A max pool needs one bit more, and so does the next layer's where that one has it.
  const auto pooled = [](NetworkSpec& n) { n.layers[1].max_pools = {pool2}; };
  CHECK(widths_after(1, pooled).linear == 25);
  CHECK(widths_after(1, pooled).truncated == 13);
  CHECK(widths_after(1, pooled).relu == 12);
  CHECK(widths_after(0, pooled).out == 25);

  // So does the lift of a signed value: in the middle, and at the end where an average follows.
  CHECK(widths_after(0, [](NetworkSpec& n) { n.layers[0].relu = false; }).linear == 25);
  CHECK(widths_after(1, [](NetworkSpec& n) { n.layers[1].relu = false; }).linear == 24);
  CHECK(widths_after(1, [](NetworkSpec& n) {
          n.layers[1].relu = false;
          n.layers[1].average_pools = {pool2};
        }).linear == 25);
}

TEST_CASE("windows are summed before the lift where the small words hold their sum, and after it elsewhere") {
  const auto averaged = [](std::size_t side) {
    return [side](NetworkSpec& n) { n.layers[1].average_pools = {{side, side, 1, 1}}; };
  };
  const Widths four = widths_after(1, averaged(2)), sixteen = widths_after(1, averaged(4)),
               twenty_five = widths_after(1, averaged(5));
  CHECK(four.sum_before_lift);
  CHECK(four.summed == 14);
  CHECK_FALSE(four.lifted);
  CHECK(four.out == 14);
  CHECK(sixteen.sum_before_lift);
  CHECK(sixteen.summed == 16);
  CHECK_FALSE(twenty_five.sum_before_lift);
  CHECK(twenty_five.summed == 12);
  CHECK(twenty_five.lifted);
  CHECK(twenty_five.out == 12 + 5 + 1);
}

TEST_CASE("the rings that are told: linear, after truncation, and words of 32 bits") {
  NetworkSpec n = typical();
  n.layers[1].max_pools = {pool2};
  const Rings r = rings(n, 1);
  CHECK(r.linear_bits == 25);
  CHECK(r.small_bits == 13);
  CHECK(r.word_bits == 32);
}

/// What the check says after a change; empty: nothing.
template <class Change>
std::string refused(const Change& change) {
  NetworkSpec n = typical();
  change(n);
  const auto ok = check(n);
  if (ok) return {};
  CHECK(ok.error().fault == Fault::usage);
  return ok.error().what;
}

TEST_CASE("Blink refuses what its small rings and its convolutions cannot hold, with the layer's name") {
  const auto begins = [](const std::string& text, const char* start) {
    CAPTURE(text);
    CHECK(text.find(start) == 0);
  };
  CHECK(refused([](NetworkSpec&) {}).empty());
  // The ring of 28 bits and the 6 that winograd4 spends; direct has room for it.
  begins(refused([](NetworkSpec& n) { n.layers[0].fraction_bits = 16; }),
         "layer 'first': needs a linear ring of 28 bits");
  CHECK(refused([](NetworkSpec& n) {
          n.layers[0].fraction_bits = 16;
          n.layers[0].algorithm = tensor::ConvAlgorithm::direct;
        }).empty());
  begins(refused([](NetworkSpec& n) { n.layers[1].activation_bits = 16; }),
         "layer 'second': needs a small ring of 18 bits");
  begins(refused([](NetworkSpec& n) { n.layers[1].fraction_bits = 0; }),
         "layer 'first': its result has 12 bits and cannot be lifted");
  CHECK(refused([](NetworkSpec& n) { n.input_bits = 24; }).empty());
  begins(refused([](NetworkSpec& n) { n.input_bits = 25; }), "layer 'first': its linear ring of 24 bits");
  begins(refused([](NetworkSpec& n) {
           n.layers[0].conv.window.stride_x = 2;
           n.layers[1].conv.in = n.layers[0].out();
         }),
         "layer 'first': winograd4 takes 3x3 filters of stride 1");
  begins(refused([](NetworkSpec& n) { n.layers[0].activation_bits = 0; }), "layer 'first': has widths out of bounds");
  begins(refused([](NetworkSpec& n) { n.layers[0].headroom_bits = 60; }), "layer 'first': has widths out of bounds");
  begins(refused([](NetworkSpec& n) { n.layers[1].conv.in.channels = 9; }), "layer 'second': reads");
  CHECK_FALSE(refused([](NetworkSpec& n) { n.layers.clear(); }).empty());
}

TEST_CASE("Blink refuses pools of more levels than a stream's name can tell apart") {
  const auto pools = [](std::size_t count) {
    return refused([count](NetworkSpec& n) { n.layers[1].max_pools.assign(count, {1, 2, 1, 1, 0, 0, 0, 1}); });
  };
  CHECK(pools(254).empty());
  CHECK(pools(255) == "layer 'second': its map or its max pools are too large");
}

}  // namespace
}  // namespace blindsight::protocol::blink
