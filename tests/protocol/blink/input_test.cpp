#include "protocol/blink/input.h"

#include <doctest/doctest.h>

#include "tests/protocol/support/ledger.h"
#include "tests/protocol/support/networks.h"
#include "tests/protocol/support/three_parties.h"

namespace blindsight::protocol::blink {
namespace {

using protocol::testing::keys_from_seed;

NetworkSpec network() {
  NetworkSpec n;
  n.input = {2, 2, 3};
  n.layers = {protocol::testing::layer("a", n.input, 2, {}), protocol::testing::layer("b", {2, 2, 2}, 2, {})};
  return n;
}

TEST_CASE("an input is shared on the first layer's ring, differently each time") {
  const unsigned bits = widths(network(), 0).linear;
  REQUIRE(bits == 24);
  const std::int64_t limit = 1 << (bits - 1);
  const std::vector<std::int64_t> x{0, 1, -1, limit - 1, -limit, 5, -5, 1000, -1000, 77, 78, 79};
  const auto shares = share_input(network(), x), again = share_input(network(), x);
  REQUIRE(shares);
  CHECK((*shares)[0] != (*again)[0]);
  std::array<Buffer<Word32>, 2> words{Buffer<Word32>(12), Buffer<Word32>(12)};
  for (unsigned j = 0; j < 2; ++j) {
    CHECK((*shares)[j].size() == tensor::packed_bytes(12, bits));
    tensor::unpack_bits((*shares)[j], bits, std::span<Word32>(words[j]));
  }
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(tensor::as_signed(Word64{words[0][i]} + words[1][i], bits) == x[i]);

  for (const std::int64_t far : {limit, -limit - 1}) {
    auto y = x;
    y[7] = far;
    const auto refused = share_input(network(), y);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what.find("does not fit") != std::string::npos);
  }
  CHECK(share_input(network(), std::span(x).first(11)).error().what.find("11 values, the model takes 12") !=
        std::string::npos);
}

TEST_CASE("both servers open X - A, and bits above the ring have no say") {
  constexpr PackId pack = 6;
  const auto keys = keys_from_seed(2, pack);
  constexpr ValueId value = 1;
  constexpr unsigned bits = 20;
  constexpr std::size_t first = 9, n = 30;
  const std::array prgs{&keys[0]->with(PartyId::producer), &keys[1]->with(PartyId::producer)};
  std::array<Buffer<Word32>, 2> share{Buffer<Word32>(n), Buffer<Word32>(n)}, mask = share, opened = share;
  Buffer<Word32> x(n);
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = static_cast<Word32>(i * 34567);
    share[0][i] = static_cast<Word32>(i * 0x9E3779B9);
    share[1][i] = x[i] - share[0][i] + (static_cast<Word32>(i) << bits);
  }
  MaskedOpening at0(*prgs[0], pack, value, bits, first), at1(*prgs[1], pack, value, bits, first);
  const Payload to1 = at0.begin(share[0]), to0 = at1.begin(share[1]);
  CHECK(to1.size() == MaskedOpening::online_bytes(n, bits));
  CHECK(at0.size() == n);
  for (const std::size_t bytes : {std::size_t{0}, to0.size() - 1, to0.size() + 1})
    CHECK_FALSE(at0.finish(Payload(bytes, 0), opened[0]));
  REQUIRE(at0.finish(to0, opened[0]));
  REQUIRE(at1.finish(to1, opened[1]));
  CHECK(opened[0] == opened[1]);
  for (unsigned j = 0; j < 2; ++j) map_mask(*prgs[j], pack, value, Field::input_mask, first, bits, mask[j]);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < n; ++i)
    wrong += opened[0][i] != ((x[i] - mask[0][i] - mask[1][i]) & tensor::low_mask<Word32>(bits));
  CHECK(wrong == 0);
}

TEST_CASE("an opening tells the ledger which elements of the mask it used") {
  protocol::testing::Ledger ledger(2);
  const auto keys = keys_from_seed(2, 6, &ledger);
  const Prg& prg = keys[0]->with(PartyId::producer);
  MaskedOpening(prg, 6, 1, 20, 0).begin(Buffer<Word32>(10, 1));
  MaskedOpening(prg, 6, 1, 20, 10).begin(Buffer<Word32>(10, 1));
  MaskedOpening(prg, 7, 1, 20, 0).begin(Buffer<Word32>(10, 1));
  MaskedOpening(prg, 6, 2, 20, 0).begin(Buffer<Word32>(10, 1));
  CHECK(ledger.bytes_opened == 40 * sizeof(Word32));
  CHECK(ledger.overlaps == 0);
  MaskedOpening(prg, 6, 1, 20, 5).begin(Buffer<Word32>(1, 1));
  CHECK(ledger.overlaps == 1);
}

}  // namespace
}  // namespace blindsight::protocol::blink
