// The proof of views of tests/spec/blink_spec.py, on the code that runs: over ALL randomness that a server does not
// know, what it receives is uniform and the same for every secret. One element of a vector is one value of the unknown
// randomness.
#include <doctest/doctest.h>

#include <map>

#include "protocol/blink/compare.h"
#include "protocol/blink/lift.h"

namespace blindsight::protocol::blink {
namespace {

/// In place of drawing: the party that looks knows its seeds (constants), all other bits come from the element's index.
class Enumerated final : public Prg {
 public:
  Enumerated(std::size_t n, bool known, unsigned& used, bool one_mask_for_all_wires)
      : Prg(Key({})), n_(n), known_(known), used_(used), one_mask_(one_mask_for_all_wires) {}

  struct Form {
    unsigned planes, word_bits;  ///< bit planes, or words of that many bits in force (16- or 32-bit words by `wide`)
    bool wide = false;
  };
  void form(Field field, Form f) { forms_[static_cast<std::uint8_t>(field)] = f; }

  void fill(const Stream& stream, std::uint64_t, std::span<std::uint8_t> out) const override {
    const Form f = forms_.at(stream.kind);
    if (!first_.contains(stream.kind)) {
      first_[stream.kind] = used_;
      if (!known_)
        used_ += one_mask_ && stream.kind == static_cast<std::uint8_t>(Field::wire_masks) ? 1 : f.planes + f.word_bits;
    }
    const unsigned first = first_[stream.kind];
    auto bit = [&](std::size_t i, unsigned b) -> unsigned {
      return known_ ? 0x9d3c5a7bu >> ((b + stream.kind) % 31) & 1 : i >> (first + b) & 1;
    };
    if (f.planes) {
      auto* words = reinterpret_cast<Word64*>(out.data());
      std::fill_n(words, f.planes * tensor::plane_words(n_), Word64{0});
      for (unsigned p = 0; p < f.planes; ++p)
        for (std::size_t i = 0; i < n_; ++i) {
          const unsigned b = one_mask_ && stream.kind == static_cast<std::uint8_t>(Field::wire_masks) ? 0 : p;
          words[p * tensor::plane_words(n_) + i / 64] |= Word64{bit(i, b)} << (i % 64);
        }
      return;
    }
    for (std::size_t i = 0; i < n_; ++i) {
      Word32 v = 0;
      for (unsigned b = 0; b < f.word_bits; ++b) v |= bit(i, b) << b;
      if (f.wide)
        reinterpret_cast<Word32*>(out.data())[i] = v;
      else
        reinterpret_cast<Word16*>(out.data())[i] = static_cast<Word16>(v);
    }
  }

 private:
  std::size_t n_;
  bool known_;
  unsigned& used_;
  bool one_mask_;
  std::map<std::uint8_t, Form> forms_;
  mutable std::map<std::uint8_t, unsigned> first_;
};

struct View {
  std::vector<std::uint64_t> value;
  unsigned width = 0;

  explicit View(std::size_t n) : value(n) {}
  void planes(std::span<const std::uint8_t> bytes, std::size_t count) {
    const std::size_t each = tensor::packed_bytes(value.size(), 1);
    for (std::size_t p = 0; p < count; ++p, ++width)
      for (std::size_t i = 0; i < value.size(); ++i)
        value[i] |= std::uint64_t{bytes[p * each + i / 8] >> (i % 8) & 1u} << width;
  }
  void words(std::span<const std::uint8_t> bytes, unsigned bits) {
    Buffer<Word32> w(value.size());
    tensor::unpack_bits(bytes, bits, std::span<Word32>(w));
    for (std::size_t i = 0; i < w.size(); ++i) value[i] |= std::uint64_t{w[i]} << width;
    width += bits;
  }
};

struct Outcome {
  bool same_and_uniform = true;
  bool exact = true;
};

/// Runs max(x, 0) on k bits (and the lift to `lifted` bits when not 0) for every secret, looking over `server`'s
/// shoulder.
Outcome look(PartyId server, PartyId receiver, unsigned k, unsigned summed, unsigned lifted, unsigned unknown_bits,
             bool planted_fault) {
  const std::size_t n = std::size_t{1} << unknown_bits;
  Outcome outcome;
  std::vector<std::uint32_t> reference;
  for (unsigned secret = 0; secret < 1u << k; ++secret) {
    unsigned used = 0;
    const CompareShape shape{n, k, summed, 1};
    const LiftShape lift_shape{n, summed, lifted};
    Enumerated seed0(n, server == PartyId::server0, used, planted_fault),
        seed1(n, server == PartyId::server1, used, planted_fault), own(n, false, used, false);
    for (Enumerated* e : {&seed0, &seed1, &own}) {
      e->form(Field::rho, {0, k});
      e->form(Field::monomials, {static_cast<unsigned>(shape.monomials()), 0});
      e->form(Field::top, {1, 0});
      e->form(Field::wire_masks, {static_cast<unsigned>(shape.wires()), 0});
      e->form(Field::wire_products, {static_cast<unsigned>(shape.products().size()), 0});
      e->form(Field::beta, {0, summed});
      e->form(Field::beta_rho, {0, summed});
      for (const Field f : {Field::carry, Field::msb, Field::beta_msb}) e->form(f, {0, summed - k});
      e->form(Field::producer_beta, {1, 0});
      e->form(Field::lift_mask, {1, 0});
      e->form(Field::lift_product, {0, lifted - summed, true});
    }
    Dealer dealer(seed0, seed1, {}, receiver);
    deal_compare(dealer, own, shape, 0);
    if (lifted) deal_lift(dealer, lift_shape);
    const Payload correction = dealer.take();
    REQUIRE(correction.size() == shape.correction_bytes() + (lifted ? lift_shape.correction_bytes() : 0));

    const Word16 share =
        static_cast<Word16>(0x2b & tensor::low_mask<Word16>(k));  // this server's own: fixed, it knows it
    std::array<Buffer<Word16>, 2> x{Buffer<Word16>(n, share), Buffer<Word16>(n, static_cast<Word16>(secret - share))};
    if (server == PartyId::server1) std::swap(x[0], x[1]);
    std::array<std::optional<PositivePart>, 2> party;
    std::array<std::optional<KnownSignLift>, 2> lift;
    for (unsigned p = 0; p < 2; ++p) {
      const auto id = static_cast<PartyId>(p);
      ShareSource source(p ? static_cast<const Prg&>(seed1) : seed0, {}, id == receiver, correction);
      party[p].emplace(take_compare(source, shape, 0), p == 0);
      if (lifted) lift[p].emplace(take_lift(source, lift_shape), p == 0);
    }
    CHECK(used == unknown_bits);  // nothing that is not enumerated, nothing enumerated in vain

    View view(n);
    if (server == receiver) {
      std::span<const std::uint8_t> rest(correction);
      auto take = [&](std::size_t bytes) {
        auto head = rest.first(bytes);
        rest = rest.subspan(bytes);
        return head;
      };
      const std::size_t count = shape.monomials() + 1 + shape.products().size();
      view.planes(take(planes_bytes(n, count)), count);
      for (int i = 0; i < 2; ++i) view.words(take(tensor::packed_bytes(n, summed)), summed);
      for (int i = 0; i < 3 && summed > k; ++i) view.words(take(tensor::packed_bytes(n, summed - k)), summed - k);
      if (lifted) view.words(take(tensor::packed_bytes(n, lifted - summed)), lifted - summed);
    }
    const unsigned other_index = server == PartyId::server0 ? 1 : 0;
    std::array<std::optional<Payload>, 2> sent{party[0]->begin(x[0]), party[1]->begin(x[1])};
    for (unsigned round = 0; sent[0]; ++round) {
      const Payload& seen = *sent[other_index];
      if (round == 0)
        view.words(seen, k);
      else
        view.planes(seen, seen.size() / tensor::packed_bytes(n, 1));
      auto a = party[0]->advance(*sent[1]), b = party[1]->advance(*sent[0]);
      REQUIRE(a);
      REQUIRE(b);
      sent = {*a, *b};
    }
    std::array<Buffer<Word32>, 2> y;
    const std::int64_t expected = std::max<std::int64_t>(tensor::as_signed(secret, k), 0);
    if (lifted) {
      const Payload a = lift[0]->begin(party[0]->take_result()), b = lift[1]->begin(party[1]->take_result());
      view.planes(other_index ? b : a, 1);
      y = {*lift[0]->finish(b), *lift[1]->finish(a)};
    } else {
      for (int p = 0; p < 2; ++p) {
        const Buffer<Word16> small = party[p]->take_result();
        y[p].assign(small.begin(), small.end());
      }
    }
    for (std::size_t i = 0; i < n; ++i)
      outcome.exact &= tensor::as_signed(y[0][i] + y[1][i], lifted ? lifted : summed) == expected;

    std::vector<std::uint32_t> histogram(std::size_t{1} << view.width);
    for (const std::uint64_t v : view.value) ++histogram[v];
    if (secret == 0) reference = histogram;
    outcome.same_and_uniform &= histogram == reference && std::ranges::min(histogram) == std::ranges::max(histogram);
  }
  return outcome;
}

// Bits unknown to a server: the other's rho and wire masks, the pads of what it is dealt (or the other's seeds), beta.
constexpr unsigned k = 3, tail = 2 + 1 + 1;  // digit monomials, top bit, one product of wire masks

TEST_CASE("a server's view of the comparison is uniform and the same for every secret") {
  for (const PartyId receiver : {PartyId::server0, PartyId::server1})
    for (const PartyId server : {PartyId::server0, PartyId::server1}) {
      CAPTURE(static_cast<int>(server));
      CAPTURE(static_cast<int>(receiver));
      // The receiver's pads are the other's seeds; the other server knows its own pads.
      const unsigned unknown = k + 1 + 2 + (server == receiver ? 2 * k + tail : 0);
      const Outcome o = look(server, receiver, k, k, 0, unknown, false);
      CHECK(o.same_and_uniform);
      CHECK(o.exact);
    }
}

TEST_CASE("a server's view of ReLU with the late lift is uniform and the same for every secret") {
  for (const PartyId server : {PartyId::server0, PartyId::server1}) {
    const bool receives = server == PartyId::server1;
    const Outcome o =
        look(server, PartyId::server1, k, k, k + 1, k + 1 + 2 + 1 + (receives ? 2 * k + tail + 1 : 0), false);
    CHECK(o.same_and_uniform);
    CHECK(o.exact);
  }
}

TEST_CASE("a server's view of the multiplex into a wider ring is uniform and the same for every secret") {
  for (const PartyId server : {PartyId::server0, PartyId::server1}) {
    const bool receives = server == PartyId::server1;
    const Outcome o =
        look(server, PartyId::server1, k, k + 1, 0, k + 1 + 2 + (receives ? 2 * (k + 1) + 3 + tail : 0), false);
    CHECK(o.same_and_uniform);
    CHECK(o.exact);
  }
}

TEST_CASE("a planted fault, one mask for two wires, is caught") {
  CHECK_FALSE(look(PartyId::server0, PartyId::server1, k, k, 0, k + 1 + 1, true).same_and_uniform);
}

}  // namespace
}  // namespace blindsight::protocol::blink
