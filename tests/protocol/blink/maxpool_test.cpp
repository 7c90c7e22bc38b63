#include "protocol/blink/maxpool.h"

#include <doctest/doctest.h>

#include "protocol/plaintext/maxpool.h"
#include "tests/protocol/blink/positive_part.h"
#include "tests/protocol/support/networks.h"
#include "tests/protocol/support/three_parties.h"

namespace blindsight::protocol::blink {
namespace {

using tensor::Window;

/// The layer, and one that reads it.
NetworkSpec pooled(std::vector<Window> pools) {
  NetworkSpec network;
  network.input = {14, 6, 2};
  LayerSpec l = protocol::testing::layer("pooled", network.input, 3, protocol::testing::same3);
  l.max_pools = std::move(pools);
  network.layers = {l, protocol::testing::layer("after", l.out(), 2, {})};
  return network;
}

/// The pools of one band of `map` (signed, `truncated` bits), by both servers with what the producer deals.
std::vector<std::int64_t> run(const NetworkSpec& network, const BandLayout& band, const std::vector<std::int64_t>& map,
                              std::uint16_t number) {
  const LayerSpec& l = network.layers[0];
  const Widths w = widths(network, 0);
  const auto levels = max_levels(l, band, w);
  const auto producer = protocol::testing::keys_from_seed(4, 1)[2];
  const Prg &p0 = producer->with(PartyId::server0), &p1 = producer->with(PartyId::server1), &own = producer->own();
  const Stream stream{.pack = 1, .value = 1, .band = number};
  Dealer dealer(p0, p1, stream, PartyId::server1);
  std::uint8_t level = 0;
  std::size_t bytes = 0;
  for (const CompareShape& s : levels) {
    deal_compare(dealer, own, s, level++);
    bytes += s.correction_bytes();
  }
  const Payload correction = dealer.take();
  CHECK(correction.size() == bytes);
  ShareSource s0(p0, stream, false, {}), s1(p1, stream, true, correction);
  std::array<std::vector<CompareMaterial>, 2> material;
  level = 0;
  for (const CompareShape& s : levels) {
    material[0].push_back(take_compare(s0, s, level));
    material[1].push_back(take_compare(s1, s, level++));
  }
  MaxPool at0(l, band, std::move(material[0]), true), at1(l, band, std::move(material[1]), false);

  const std::size_t row = l.conv_out().row_elements();
  std::array<Buffer<Word16>, 2> shares{Buffer<Word16>(band.conv.size() * row), Buffer<Word16>(band.conv.size() * row)};
  std::mt19937_64 rng(number);
  for (std::size_t i = 0; i < shares[0].size(); ++i) {
    shares[0][i] = static_cast<Word16>(rng());
    shares[1][i] = static_cast<Word16>(static_cast<Word16>(map[band.conv.begin * row + i]) - shares[0][i]);
  }
  auto to1 = at0.begin(std::move(shares[0])), to0 = at1.begin(std::move(shares[1]));
  std::size_t rounds = 0, declared = 0;
  for (const CompareShape& s : levels) declared += s.rounds();
  while (to0) {
    ++rounds;
    REQUIRE(to1);
    auto next1 = at0.advance(*to0), next0 = at1.advance(*to1);
    REQUIRE(next1);
    REQUIRE(next0);
    to1 = std::move(*next1), to0 = std::move(*next0);
  }
  CHECK(rounds == declared);
  return testing::revealed<Word16>(at0.take_result(), at1.take_result(), w.truncated);
}

TEST_CASE("max pools give the largest of each window, band by band, whatever the windows") {
  for (const auto& pools : std::vector<std::vector<Window>>{{{2, 2, 2, 2}},
                                                            {{3, 3, 2, 2, 1, 1, 1, 1}},
                                                            {{1, 3, 1, 2}, {3, 1, 3, 1}},
                                                            {{1, 1, 2, 2}},
                                                            {{1, 1, 2, 2}, {2, 1, 1, 1}}}) {
    const NetworkSpec network = pooled(pools);
    const LayerSpec& l = network.layers[0];
    const unsigned bits = widths(network, 0).truncated;
    CAPTURE(l.max_pools.front().height);
    std::mt19937_64 rng(7);
    // a - b takes all of the bits.
    auto map = protocol::testing::random_input(l.conv_out().elements(), (1 << (bits - 2)) - 1, rng);
    map[0] = -(1 << (bits - 2));
    plaintext::Values expected = map;
    tensor::Shape shape = l.conv_out();
    for (const Window& w : pools) {
      expected = plaintext::max_pool(shape, w, expected);
      shape = LayerSpec::after(shape, {w});
    }
    const auto all = protocol::bands(network, 0, 4);
    CHECK(all.size() > 1);
    std::vector<std::int64_t> got;
    for (std::size_t b = 0; b < all.size(); ++b)
      for (const std::int64_t v : run(network, all[b], map, static_cast<std::uint16_t>(b))) got.push_back(v);
    CHECK(got == expected);
  }
}

TEST_CASE("the comparisons of a pool: a tree over each window, with all outputs of the band at each level") {
  const NetworkSpec network = pooled({{3, 3, 3, 3}, {2, 1, 1, 1}});
  const BandLayout band = protocol::bands(network, 0, 100).front();
  const auto levels = max_levels(network.layers[0], band, widths(network, 0));
  // 4x2x3 outputs of nine candidates: 4, 2, 1 and 1 pairs; then 3x2x3 outputs of two.
  std::vector<std::size_t> sizes;
  for (const CompareShape& s : levels) {
    sizes.push_back(s.n);
    CHECK(s.width == 13);
    CHECK(s.summed == 13);
  }
  CHECK(sizes == std::vector<std::size_t>{4 * 24, 2 * 24, 24, 24, 18});
}

TEST_CASE("a message of the wrong length is refused in a pool") {
  const NetworkSpec network = pooled({protocol::testing::pool2});
  const LayerSpec& l = network.layers[0];
  const BandLayout band = protocol::bands(network, 0, 100).front();
  const Prg prg(Key({4}));
  ShareSource source(prg, {.pack = 1}, false, {});
  std::vector<CompareMaterial> material;
  for (const CompareShape& s : max_levels(l, band, widths(network, 0)))
    material.push_back(take_compare(source, s, static_cast<std::uint8_t>(material.size())));
  MaxPool pool(l, band, std::move(material), true);
  const auto sent = pool.begin(Buffer<Word16>(l.conv_out().elements(), 3));
  REQUIRE(sent);
  CHECK_FALSE(pool.advance(Payload(sent->size() - 1, 0)));
}

}  // namespace
}  // namespace blindsight::protocol::blink
