#include "protocol/blink/fields.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "tests/protocol/support/ledger.h"
#include "tests/protocol/support/three_parties.h"

namespace blindsight::protocol::blink {
namespace {

using protocol::testing::keys_from_seed;

constexpr Stream band{.pack = 4, .value = 2, .band = 1};

TEST_CASE("the receiver of corrections alternates over bands and values") {
  CHECK(correction_receiver(making(1, 9, 0)) != correction_receiver(making(1, 9, 1)));
  CHECK(correction_receiver(making(1, 9, 0)) != correction_receiver(making(2, 9, 0)));
  CHECK(correction_receiver(making(1, 9, 0)) == correction_receiver(making(1, 10, 0)));
}

TEST_CASE("dealt words and planes: the servers' shares make the value, in the order of dealing, with one message") {
  const auto keys = keys_from_seed(1, band.pack);
  const Prg &p0 = keys[2]->with(PartyId::server0), &p1 = keys[2]->with(PartyId::server1);
  constexpr std::size_t n = 77;
  Buffer<Word16> narrow(n);
  Buffer<Word32> wide(n);
  Buffer<Word64> planes(3 * tensor::plane_words(n));
  for (std::size_t i = 0; i < n; ++i)
    narrow[i] = static_cast<Word16>(i * 31 % 4096), wide[i] = (i * 999983) % (1 << 24);
  for (std::size_t i = 0; i < planes.size(); ++i) planes[i] = i * 0x9E3779B97F4A7C15;
  for (const PartyId receiver : {PartyId::server0, PartyId::server1}) {
    Dealer dealer(p0, p1, band, receiver);
    dealer.deal<Word16>(Field::beta, 1, 12, narrow);
    dealer.deal_planes(Field::monomials, 1, n, 3, planes);
    dealer.deal<Word32>(Field::product, 0, 24, wide);
    const Payload correction = dealer.take();
    CHECK(correction.size() == tensor::packed_bytes(n, 12) + planes_bytes(n, 3) + tensor::packed_bytes(n, 24));

    Buffer<Word16> narrow_sum(n, 0);
    Buffer<Word32> wide_sum(n, 0);
    Buffer<Word64> plane_sum(planes.size(), 0);
    for (const PartyId self : {PartyId::server0, PartyId::server1}) {
      ShareSource source(
          keys[static_cast<unsigned>(self)]->with(PartyId::producer), band, self == receiver,
          self == receiver ? std::span<const std::uint8_t>(correction) : std::span<const std::uint8_t>());
      Buffer<Word16> narrow_share(n);
      Buffer<Word32> wide_share(n);
      Buffer<Word64> plane_share(planes.size());
      source.dealt<Word16>(Field::beta, 1, 12, narrow_share);
      source.dealt_planes(Field::monomials, 1, n, 3, plane_share);
      source.dealt<Word32>(Field::product, 0, 24, wide_share);
      for (std::size_t i = 0; i < n; ++i) {
        CHECK(narrow_share[i] < 4096);
        narrow_sum[i] = static_cast<Word16>((narrow_sum[i] + narrow_share[i]) % 4096);
        wide_sum[i] = (wide_sum[i] + wide_share[i]) % (1 << 24);
      }
      for (std::size_t i = 0; i < planes.size(); ++i) plane_sum[i] ^= plane_share[i];
      if (self == receiver) CHECK_THROWS_AS(source.dealt<Word16>(Field::beta, 2, 12, narrow_share), std::logic_error);
    }
    CHECK(narrow_sum == narrow);
    CHECK(wide_sum == wide);
    // Pad bits of a plane have no meaning in memory.
    for (std::size_t p = 0; p < 3; ++p)
      for (std::size_t i = 0; i < n; ++i) {
        const std::size_t word = p * tensor::plane_words(n) + i / 64;
        CHECK((plane_sum[word] >> i % 64 & 1) == (planes[word] >> i % 64 & 1));
      }
  }
}

TEST_CASE("a server's own masks are those that the producer expands, cut to their bits, one for each field and level") {
  const auto keys = keys_from_seed(1, band.pack);
  const Prg &p0 = keys[2]->with(PartyId::server0), &p1 = keys[2]->with(PartyId::server1),
            &server = keys[1]->with(PartyId::producer);
  const Dealer dealer(p0, p1, band, PartyId::server0);
  const ShareSource source(server, band, false, {});
  Buffer<Word16> own(50), expected(50), other(50);
  source.own<Word16>(Field::rho, 2, 11, own);
  dealer.own<Word16>(PartyId::server1, Field::rho, 2, 11, expected);
  CHECK(own == expected);
  for (const Word16 word : own) CHECK(word < 1 << 11);
  for (const auto& [field, level] : {std::pair{Field::rho, 3}, {Field::beta, 2}}) {
    source.own<Word16>(field, static_cast<std::uint8_t>(level), 11, other);
    CHECK(own != other);
  }
  dealer.own<Word16>(PartyId::server0, Field::rho, 2, 11, other);
  CHECK(own != other);
  Buffer<Word64> plane(8), expected_plane(8);
  source.own_planes(Field::wire_masks, 2, plane);
  dealer.own_planes(PartyId::server1, Field::wire_masks, 2, expected_plane);
  CHECK(plane == expected_plane);
}

TEST_CASE("a mask of a map is addressed by absolute element, whatever the band, and so is its use") {
  protocol::testing::Ledger ledger(1);
  const auto keys = keys_from_seed(1, band.pack, &ledger);
  const Prg& prg = keys[0]->with(PartyId::producer);
  Buffer<Word32> whole(100), part(20);
  map_mask(prg, 4, 2, Field::input_mask, 0, 24, whole);
  map_mask(prg, 4, 2, Field::input_mask, 30, 24, part);
  CHECK(std::equal(part.begin(), part.end(), whole.begin() + 30));
  for (const Word32 word : whole) CHECK(word < 1 << 24);
  note_map_opened(prg, 4, 2, Field::input_mask, 0, 30);
  note_map_opened(prg, 4, 2, Field::input_mask, 30, 20);
  CHECK(ledger.bytes_opened == 50 * sizeof(Word32));
  CHECK(ledger.overlaps == 0);
  note_map_opened(prg, 4, 2, Field::input_mask, 49, 1);
  CHECK(ledger.overlaps == 1);
  const ShareSource source(prg, band, false, {});
  source.note_opened(Field::rho, 0, 4);
  source.note_opened(Field::rho, 1, 4);
  CHECK(ledger.overlaps == 1);
  source.note_opened(Field::rho, 1, 4);
  CHECK(ledger.overlaps == 2);
}

}  // namespace
}  // namespace blindsight::protocol::blink
