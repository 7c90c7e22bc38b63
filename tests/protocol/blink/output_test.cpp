#include "protocol/blink/output.h"

#include <doctest/doctest.h>

#include "tests/protocol/support/networks.h"
#include "tests/protocol/support/three_parties.h"

namespace blindsight::protocol::blink {
namespace {

constexpr Stream band{.pack = 3, .value = 1};

NetworkSpec network() {
  NetworkSpec n;
  n.input = {1, 1, 9};
  n.layers = {protocol::testing::layer("last", n.input, 6, {})};
  n.layers[0].relu = false;
  return n;
}

TEST_CASE_TEMPLATE("both servers' messages say their sum as signed numbers, and no share as it was", Word, Word16,
                   Word32) {
  const unsigned bits = widths(network(), 0).out;
  REQUIRE(bits == 12);
  const std::vector<std::int64_t> values{0, 1, -1, 2047, -2048, 77};
  std::array<Buffer<Word>, 2> shares{Buffer<Word>(6), Buffer<Word>(6)};
  for (std::size_t i = 0; i < 6; ++i) {
    shares[0][i] = static_cast<Word>(i * 0x9E37);
    // Higher bits, products of weights and masks, must not leave.
    shares[1][i] = static_cast<Word>(static_cast<Word>(values[i]) - shares[0][i] + static_cast<Word>(i << bits));
  }
  const auto keys = protocol::testing::keys_from_seed(1, band.pack);
  const std::array prgs{&keys[0]->with(PartyId::server1), &keys[1]->with(PartyId::server0)};
  std::array<Payload, 2> messages;
  for (unsigned j = 0; j < 2; ++j) {
    messages[j] = output_message<Word>(shares[j], bits, *prgs[j], band, j == 0);
    CHECK(messages[j].size() == output_bytes(6, bits));
    Payload plain(output_bytes(6, bits));
    tensor::pack_bits(std::span<const Word>(shares[j]), bits, plain);
    CHECK(messages[j] != plain);
  }
  const auto revealed = reveal_output(network(), messages);
  REQUIRE(revealed);
  CHECK(*revealed == values);
  // Another pack's sharing of zero is another one.
  CHECK(output_message<Word>(shares[0], bits, *prgs[0], {.pack = 4, .value = 1}, true) != messages[0]);
}

TEST_CASE("an answer of the wrong length is refused with the server that gave it") {
  const std::array<Payload, 2> good{Payload(9, 0), Payload(9, 0)};
  CHECK(reveal_output(network(), good));
  for (unsigned j = 0; j < 2; ++j)
    for (const std::size_t bytes : {0, 8, 10}) {
      auto messages = good;
      messages[j] = Payload(bytes, 0);
      const auto refused = reveal_output(network(), messages);
      REQUIRE_FALSE(refused);
      CHECK(refused.error().fault == Fault::violation);
      CHECK(refused.error().what.find("the answer of server" + std::to_string(j)) == 0);
    }
}

}  // namespace
}  // namespace blindsight::protocol::blink
