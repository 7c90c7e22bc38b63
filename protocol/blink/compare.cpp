#include "protocol/blink/compare.h"

#include <bit>
#include <set>

#include "tensor/kernels/elementwise.h"

namespace blindsight::protocol::blink {
namespace {

constexpr Word64 all_ones = ~Word64{0};

std::string expected_bytes(std::size_t got, std::size_t want, const char* what) {
  return std::string(what) + " has " + std::to_string(got) + " bytes, expected " + std::to_string(want);
}

/// The n bits of one plane as words 0 or 1.
Buffer<Word16> bits_as_words(std::span<const Word64> plane, std::size_t n) {
  Buffer<Word16> ones(n, 1), zeros(n, 0);
  tensor::select_by_plane<Word16>(plane, ones, zeros, ones);
  return ones;
}

}  // namespace

std::size_t CompareShape::monomials() const {
  std::size_t planes = 0;
  for (unsigned j = 0; j < digits(); ++j) planes += (std::size_t{1} << digit_bits(j)) - 1;
  return planes;
}

std::vector<unsigned> CompareShape::terms() const {
  const unsigned d = digits();
  std::vector<unsigned> result;
  for (unsigned j = 0; j + 1 < d; ++j) {
    unsigned term = 1u << (d - 1 + j);
    for (unsigned i = j + 1; i < d; ++i) term |= 1u << (i - 1);
    result.push_back(term);
  }
  return result;
}

std::vector<unsigned> CompareShape::products() const {
  std::set<unsigned> result;
  for (const unsigned term : terms())
    for (unsigned s = term; s; s = (s - 1) & term)
      if (std::popcount(s) >= 2) result.insert(s);
  return {result.begin(), result.end()};
}

std::size_t CompareShape::correction_bytes() const {
  const std::size_t bits = tensor::packed_bytes(n, summed),
                    extra = summed > width ? tensor::packed_bytes(n, summed - width) : 0;
  return planes_bytes(n, monomials() + 1 + products().size()) + 2 * bits + 3 * extra;
}

std::size_t CompareShape::material_bytes() const {
  return sizeof(Word16) * n * (summed > width ? 6 : 3) +
         sizeof(Word64) * tensor::plane_words(n) * (monomials() + 1 + wires() + products().size());
}

std::size_t CompareMaterial::bytes() const {
  return sizeof(Word16) * (rho.size() + beta.size() + beta_rho.size() + carry.size() + msb.size() + beta_msb.size()) +
         sizeof(Word64) * (monomials.size() + top.size() + wire_masks.size() + wire_products.size());
}

void deal_compare(Dealer& dealer, const Prg& own, const CompareShape& shape, std::uint8_t level) {
  const std::size_t n = shape.n, words = tensor::plane_words(n);
  Buffer<Word16> rho(n), other_rho(n);
  dealer.own<Word16>(PartyId::server0, Field::rho, level, shape.width, rho);
  dealer.own<Word16>(PartyId::server1, Field::rho, level, shape.width, other_rho);
  const unsigned extra = shape.summed - shape.width;
  Buffer<Word16> carry(extra ? n : 0);
  for (std::size_t i = 0; i < carry.size(); ++i)
    carry[i] = static_cast<Word16>((std::uint32_t{rho[i]} + other_rho[i]) >> shape.width);
  tensor::add<Word16>(rho, other_rho, shape.width, rho);

  Buffer<Word64> planes(shape.width * words);
  tensor::to_planes(rho, shape.width, planes);
  Buffer<Word64> products(shape.monomials() * words);
  std::size_t at = 0;
  for (unsigned j = 0; j < shape.digits(); ++j) {
    tensor::monomials(planes.data() + std::size_t{shape.digit} * j * words, shape.digit_bits(j), words,
                      products.data() + at);
    at += ((std::size_t{1} << shape.digit_bits(j)) - 1) * words;
  }
  dealer.deal_planes(Field::monomials, level, n, shape.monomials(), products);
  dealer.deal_planes(Field::top, level, n, 1, std::span(planes).last(words));

  if (shape.wires()) {
    Buffer<Word64> masks(shape.wires() * words), other_masks(shape.wires() * words);
    dealer.own_planes(PartyId::server0, Field::wire_masks, level, masks);
    dealer.own_planes(PartyId::server1, Field::wire_masks, level, other_masks);
    for (std::size_t i = 0; i < masks.size(); ++i) masks[i] ^= other_masks[i];
    const auto sets = shape.products();
    Buffer<Word64> ands(sets.size() * words, all_ones);
    for (std::size_t s = 0; s < sets.size(); ++s)
      for (unsigned w = 0; w < shape.wires(); ++w)
        if (sets[s] >> w & 1)
          for (std::size_t i = 0; i < words; ++i) ands[s * words + i] &= masks[w * words + i];
    dealer.deal_planes(Field::wire_products, level, n, sets.size(), ands);
  }

  Buffer<Word64> beta_plane(words);
  own.words<Word64>(dealer.stream(Field::producer_beta, level), 0, beta_plane);
  const Buffer<Word16> beta = bits_as_words(beta_plane, n);
  Buffer<Word16> product(n);
  dealer.deal<Word16>(Field::beta, level, shape.summed, beta);
  for (std::size_t i = 0; i < n; ++i) product[i] = beta[i] ? rho[i] : Word16{0};
  dealer.deal<Word16>(Field::beta_rho, level, shape.summed, product);
  if (extra) {
    dealer.deal<Word16>(Field::carry, level, extra, carry);
    for (std::size_t i = 0; i < n; ++i) product[i] = static_cast<Word16>(rho[i] >> (shape.width - 1));
    dealer.deal<Word16>(Field::msb, level, extra, product);
    for (std::size_t i = 0; i < n; ++i) product[i] = static_cast<Word16>(product[i] & beta[i]);
    dealer.deal<Word16>(Field::beta_msb, level, extra, product);
  }
}

CompareMaterial take_compare(ShareSource& source, const CompareShape& shape, std::uint8_t level) {
  const std::size_t n = shape.n, words = tensor::plane_words(n);
  CompareMaterial m;
  m.shape = shape;
  m.rho.resize(n);
  source.own<Word16>(Field::rho, level, shape.width, m.rho);
  source.note_opened(Field::rho, level, n * sizeof(Word16));
  m.monomials.resize(shape.monomials() * words);
  source.dealt_planes(Field::monomials, level, n, shape.monomials(), m.monomials);
  m.top.resize(words);
  source.dealt_planes(Field::top, level, n, 1, m.top);
  if (shape.wires()) {
    m.wire_masks.resize(shape.wires() * words);
    source.own_planes(Field::wire_masks, level, m.wire_masks);
    source.note_opened(Field::wire_masks, level, m.wire_masks.size() * sizeof(Word64));
    const std::size_t count = shape.products().size();
    m.wire_products.resize(count * words);
    source.dealt_planes(Field::wire_products, level, n, count, m.wire_products);
  }
  m.beta.resize(n);
  source.dealt<Word16>(Field::beta, level, shape.summed, m.beta);
  m.beta_rho.resize(n);
  source.dealt<Word16>(Field::beta_rho, level, shape.summed, m.beta_rho);
  if (const unsigned extra = shape.summed - shape.width) {
    for (auto [field, out] :
         {std::pair{Field::carry, &m.carry}, {Field::msb, &m.msb}, {Field::beta_msb, &m.beta_msb}}) {
      out->resize(n);
      source.dealt<Word16>(field, level, extra, *out);
    }
  }
  return m;
}

Payload PositivePart::begin(std::span<const Word16> x) {
  Buffer<Word16> own(shape().n);
  tensor::add<Word16>(x, m_.rho, shape().width, own);
  Payload out(shape().value_bytes());
  tensor::pack_bits(std::span<const Word16>(own), shape().width, out);
  state_ = AwaitingMaskedValue{std::move(own)};
  return out;
}

Result<std::optional<Payload>> PositivePart::advance(std::span<const std::uint8_t> message) {
  if (auto* s = std::get_if<AwaitingMaskedValue>(&state_)) {
    if (message.size() != shape().value_bytes())
      return fail(expected_bytes(message.size(), shape().value_bytes(), "masked value"));
    Buffer<Word16> c(shape().n);
    tensor::unpack_bits(message, shape().width, std::span<Word16>(c));
    tensor::add<Word16>(c, s->own, shape().width, c);
    return open_wires(std::move(c));
  }
  if (auto* s = std::get_if<AwaitingWires>(&state_)) {
    if (message.size() != shape().wires_bytes())
      return fail(expected_bytes(message.size(), shape().wires_bytes(), "masked digit bits"));
    join_wires(*s, message);
    return open_sign(std::move(s->c), std::move(s->sign));
  }
  if (auto* s = std::get_if<AwaitingSign>(&state_)) {
    if (message.size() != shape().sign_bytes())
      return fail(expected_bytes(message.size(), shape().sign_bytes(), "masked sign"));
    state_ = Done{multiplex(*s, message)};
    return std::nullopt;
  }
  return fail("a message although none is awaited");
}

Payload PositivePart::open_wires(Buffer<Word16> c) {
  const std::size_t words = tensor::plane_words(shape().n);
  const unsigned d = shape().digits();
  Buffer<Word64> planes(shape().width * words);
  tensor::to_planes(c, shape().width, planes);
  // [c_0 = r_0] has no use; it lands in `unused`. Wires in the order of CompareShape::terms, then the top digit's [c <
  // r].
  Buffer<Word64> wires(shape().wires() * words), sign(words), unused(words);
  std::size_t at = 0;
  for (unsigned j = 0; j < d; ++j) {
    Word64* less = j + 1 < d ? wires.data() + (d - 1 + j) * words : sign.data();
    Word64* equal = j ? wires.data() + (j - 1) * words : unused.data();
    tensor::compare_digit(planes.data() + std::size_t{shape().digit} * j * words, m_.monomials.data() + at,
                          shape().digit_bits(j), constants_, words, less, equal);
    at += ((std::size_t{1} << shape().digit_bits(j)) - 1) * words;
  }
  // NOT(c_msb XOR rho_msb XOR [c' < rho']) XOR beta, as far as it needs no AND.
  Buffer<Word64> beta(words);
  tensor::to_planes(m_.beta, 1, beta);
  const Word64* c_top = planes.data() + (shape().width - 1) * words;
  const Word64 constant = constants_ ? all_ones : 0;
  for (std::size_t i = 0; i < words; ++i) sign[i] ^= m_.top[i] ^ beta[i] ^ (~c_top[i] & constant);
  if (!shape().wires()) return open_sign(std::move(c), std::move(sign));

  for (std::size_t i = 0; i < wires.size(); ++i) wires[i] ^= m_.wire_masks[i];
  Payload out(shape().wires_bytes());
  const std::size_t bytes = tensor::packed_bytes(shape().n, 1);
  for (std::size_t w = 0; w < shape().wires(); ++w)
    tensor::pack_plane(std::span(wires).subspan(w * words, words), shape().n, std::span(out).subspan(w * bytes, bytes));
  state_ = AwaitingWires{std::move(c), std::move(sign), std::move(wires)};
  return out;
}

/// Adds the ANDs to the sign: the product over w of (opened_w XOR mask_w), multiplied out over the dealt products of
/// masks.
void PositivePart::join_wires(AwaitingWires& s, std::span<const std::uint8_t> message) const {
  const std::size_t words = tensor::plane_words(shape().n), bytes = tensor::packed_bytes(shape().n, 1);
  Buffer<Word64> theirs(words);
  for (std::size_t w = 0; w < shape().wires(); ++w) {
    tensor::unpack_plane(message.subspan(w * bytes, bytes), shape().n, theirs);
    for (std::size_t i = 0; i < words; ++i) s.own[w * words + i] ^= theirs[i];
  }
  const auto sets = shape().products();
  const Word64 constant = constants_ ? all_ones : 0;
  constexpr std::size_t block = 8;
  for (const unsigned term : shape().terms()) {
    for (unsigned subset = term;; subset = (subset - 1) & term) {
      const Word64* mask = nullptr;
      if (std::popcount(subset) == 1) mask = m_.wire_masks.data() + std::countr_zero(subset) * words;
      if (std::popcount(subset) >= 2)
        mask = m_.wire_products.data() + (std::lower_bound(sets.begin(), sets.end(), subset) - sets.begin()) * words;
      const unsigned opened = term & ~subset;
      for (std::size_t i = 0; i < words; i += block) {
        Word64 product[block];
        for (std::size_t k = 0; k < block; ++k) product[k] = mask ? mask[i + k] : constant;
        for (unsigned rest = opened; rest; rest &= rest - 1) {
          const Word64* wire = s.own.data() + std::countr_zero(rest) * words + i;
          for (std::size_t k = 0; k < block; ++k) product[k] &= wire[k];
        }
        for (std::size_t k = 0; k < block; ++k) s.sign[i + k] ^= product[k];
      }
      if (subset == 0) break;
    }
  }
}

Payload PositivePart::open_sign(Buffer<Word16> c, Buffer<Word64> sign) {
  Payload out(shape().sign_bytes());
  tensor::pack_plane(sign, shape().n, out);
  state_ = AwaitingSign{std::move(c), std::move(sign)};
  return out;
}

/// y = d ? x - beta·x : beta·x with x = c - rho; where summed > width, x is exact for x >= 0 only: c - rho +
/// 2^width·msb(rho)·(1 - msb(c)).
Buffer<Word16> PositivePart::multiplex(const AwaitingSign& s, std::span<const std::uint8_t> message) const {
  Buffer<Word64> d(s.own.size());
  tensor::unpack_plane(message, shape().n, d);
  for (std::size_t i = 0; i < d.size(); ++i) d[i] ^= s.own[i];
  Buffer<Word16> y(shape().n);
  const tensor::Multiplex::High high{m_.carry, m_.msb, m_.beta_msb};
  tensor::multiplex({.d = d,
                     .c = s.c,
                     .r = m_.rho,
                     .b = m_.beta,
                     .br = m_.beta_rho,
                     .high = m_.carry.empty() ? nullptr : &high,
                     .width = shape().width,
                     .with_c = constants_},
                    y);
  return y;
}

}  // namespace blindsight::protocol::blink
