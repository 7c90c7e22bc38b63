#include "protocol/pond/relu.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <utility>

#include "protocol/pond/fields.h"
#include "protocol/pond/truncate.h"

namespace blindsight::protocol::pond {
namespace {

using tensor::Signed128;

constexpr unsigned largest_degree = 8;
constexpr double largest_coefficient = 0x1p20, largest_failure = 0x1p-40;

/// Masks of u, y and then y² or v, and products of masks, by level.
enum Opening : std::uint8_t { open_u, open_y, open_last };
enum Product : std::uint8_t { u_squared, y_squared, y_cubed, last_squared };

double value(Signed128 fixed) {
  return std::ldexp(static_cast<double>(fixed), -static_cast<int>(coefficient_bits));
}

Signed128 multiply(Signed128 a, Signed128 b) {
  return a * b >> coefficient_bits;
}

/// a8·y⁴ + a6·y³ + a4·y² + a2·y + a0 = a8·(y² + b·y + c)² + e·y + g.
struct Nested {
  Signed128 b, c, e, g;
};

/// The polynomial in fixed point: integers, so that both servers multiply by the same ones on whatever machine.
struct Polynomial {
  std::array<Signed128, largest_degree / 2 + 1> even{};
  unsigned degree;
  unsigned in_bits, power_bits, out_bits;  ///< fractional bits of u, of its powers and of the result
  std::optional<Nested> nested;

  explicit Polynomial(const LayerSpec& layer)
      : degree(layer.relu_fit.degree()),
        in_bits(layer.fraction_bits + layer.activation_bits),
        power_bits(std::max(in_bits, coefficient_bits)),
        out_bits(layer.activation_bits) {
    if (degree == 0 || degree > largest_degree) throw std::logic_error("a ReLU that check_relu() refuses");
    for (std::size_t k = 0; k < layer.relu_fit.even.size(); ++k)
      even[k] = static_cast<Signed128>(
          std::nearbyint(std::ldexp(layer.relu_fit.even[k], static_cast<int>(coefficient_bits))));
    const auto size = [](Signed128 x) { return x < 0 ? -x : x; };
    if (even[4] == 0 || size(even[3]) > 8 * size(even[4]) || size(even[2]) > 32 * size(even[4])) return;
    Nested n{};
    n.b = (even[3] << (coefficient_bits - 1)) / even[4];
    n.c = ((even[2] << coefficient_bits) / even[4] - multiply(n.b, n.b)) / 2;
    const Signed128 scaled_c = multiply(even[4], n.c);
    n.e = even[1] - 2 * multiply(scaled_c, n.b);
    n.g = even[0] - multiply(scaled_c, n.c);
    nested = n;
  }

  unsigned openings() const { return std::min(degree / 2, 3u); }
  unsigned products() const { return nested ? 3 : degree / 2; }
};

struct Opened {
  Buffer<Word128> mask;  ///< this server's share of it
  Buffer<Word128> open;  ///< value - mask
};

Routine<Opened> open(Channel& channel, beaver::ShareSource& source, Opening level, Buffer<Word128> share) {
  const std::size_t n = share.size(), bytes = n * sizeof(Word128);
  Opened o{source.random<Word128>(slot(Field::relu_mask, level), n), std::move(share)};
  for (std::size_t i = 0; i < n; ++i) o.open[i] -= o.mask[i];
  source.note_opened(slot(Field::relu_mask, level), bytes);
  const PartyId peer = other(source.self());
  channel.send(peer, beaver::to_payload<Word128>(o.open));
  const Payload theirs = co_await channel.receive(peer, bytes, "masked powers of a ReLU");
  for (std::size_t i = 0; i < n; ++i) {
    Word128 word;
    std::memcpy(&word, theirs.data() + i * sizeof word, sizeof word);
    o.open[i] += word;
  }
  co_return o;
}

/// This server's share of x·y, truncated: E·F + a·F + E·b + ab, the public term at server 0 alone.
Buffer<Word128> multiply(beaver::ShareSource& source, Product level, const Opened& x, const Opened& y, unsigned bits) {
  Buffer<Word128> share = source.dealt<Word128>(slot(Field::relu_product, level), x.open.size());
  const bool first = source.self() == PartyId::server0;
  for (std::size_t i = 0; i < share.size(); ++i) {
    const Word128 own = first ? x.open[i] + x.mask[i] : x.mask[i];
    share[i] += own * y.open[i] + x.open[i] * y.mask[i];
  }
  truncate(share, bits, source.self());
  return share;
}

/// constant + sum of coefficient · share, truncated. The shares have p.power_bits fractional bits.
class Combination {
 public:
  Combination(const Polynomial& p, PartyId self, Signed128 constant, std::size_t n)
      : self_(self), sum_(n, self == PartyId::server0 ? static_cast<Word128>(constant) << p.power_bits : Word128{0}) {}

  void add(Signed128 coefficient, std::span<const Word128> share) {
    for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += static_cast<Word128>(coefficient) * share[i];
  }
  Buffer<Word128> truncated(unsigned bits) {
    truncate(sum_, bits, self_);
    return std::move(sum_);
  }

 private:
  PartyId self_;
  Buffer<Word128> sum_;
};

constexpr Signed128 one = Signed128{1} << coefficient_bits;

/// |v| = |y² + b·y + c| at most, for |t| <= range.
double nested_size(const Nested& n, double y) {
  return y * y + std::abs(value(n.b)) * y + std::abs(value(n.c));
}

}  // namespace

ReluSizes relu_sizes(const LayerSpec& layer, std::size_t n) {
  const Polynomial p(layer);
  const std::size_t word = n * sizeof(Word128);
  return {p.openings(), p.openings() * word, p.openings() * word, p.products() * word};
}

double relu_failure(const LayerSpec& layer) {
  const Polynomial p(layer);
  const double y = std::ldexp(1.0, 2 * static_cast<int>(layer.headroom_bits));
  // Sizes of what is truncated, as reals: of powers with 2 · power_bits fractional bits, of combinations with
  // power_bits + coefficient_bits.
  double powers = y, combinations = std::sqrt(y) / 2, power = 1;
  for (unsigned k = 0; k <= p.degree / 2; ++k, power *= y) combinations += std::abs(value(p.even[k])) * power;
  if (p.degree >= 4) powers += y * y;
  if (p.nested) {
    const double v = nested_size(*p.nested, y);
    powers += v * v;
    combinations += v;
  } else {
    if (p.degree >= 6) powers += y * y * y;
    if (p.degree >= 8) powers += y * y * y * y;
  }
  return std::ldexp(powers, 2 * static_cast<int>(p.power_bits) - 128) +
         std::ldexp(combinations, static_cast<int>(p.power_bits + coefficient_bits) - 128);
}

double relu_error(const LayerSpec& layer, double range) {
  const Polynomial p(layer);
  const double y = range * range, unit = std::ldexp(1.0, -static_cast<int>(p.power_bits)),
               rounding = std::ldexp(1.0, -static_cast<int>(coefficient_bits));
  const auto a = [&](unsigned k) { return std::abs(value(p.even[k])); };
  // Errors of the powers as the truncations leave them; every truncation adds at most one ulp.
  const double e1 = unit, e2 = (2 * y + e1) * e1 + unit;
  double sum = a(1) * e1 + rounding;
  if (p.nested) {
    const Nested& n = *p.nested;
    const double b = std::abs(value(n.b)), c = std::abs(value(n.c)), v = nested_size(n, y);
    const double ev = e2 + b * e1 + unit + rounding * (y + 1);
    sum = a(4) * ((2 * v + ev) * ev + unit) + std::abs(value(n.e)) * e1 +
          rounding * (v * v + (2 * b + c + 3) * (1 + y) * (1 + c));
  } else {
    const double e3 = (y + e1) * e2 + y * y * e1 + unit, e4 = (2 * y * y + e2) * e2 + unit;
    sum += a(2) * e2 + a(3) * e3 + a(4) * e4 + rounding * y * (1 + y * (1 + y * (1 + y)));
  }
  return 1 + std::ldexp(sum, static_cast<int>(p.out_bits));
}

Result<void> check_relu(const LayerSpec& layer) {
  const ReluFit& fit = layer.relu_fit;
  const auto where = [&] { return "layer '" + layer.name + "': its polynomial for ReLU "; };
  if (fit.degree() == 0)
    return fail(Fault::usage, "layer '" + layer.name + "': Pond needs a polynomial for ReLU and the plan has none");
  if (fit.degree() > largest_degree)
    return fail(Fault::usage,
                where() + "has degree " + std::to_string(fit.degree()) + "; Pond computes degrees 2, 4, 6 and 8");
  for (const double c : fit.even)
    if (!(std::abs(c) < largest_coefficient))
      return fail(Fault::usage, where() + "has a coefficient of " + std::to_string(c) +
                                    "; Pond computes with coefficients below " + std::to_string(largest_coefficient));
  if (const double failure = relu_failure(layer); !(failure <= largest_failure))
    return fail(Fault::usage, where() + "could fail with a probability of 2^" +
                                  std::to_string(std::lround(std::log2(failure))) +
                                  " per element; lower its degree, or the layer's headroom (" +
                                  std::to_string(layer.headroom_bits) + " bits)");
  return {};
}

void deal_relu(beaver::Dealer& dealer, const LayerSpec& layer, std::size_t n) {
  const Polynomial p(layer);
  const auto deal = [&](Product level, std::span<const Word128> a, std::span<const Word128> b) {
    Buffer<Word128> product(n);
    for (std::size_t i = 0; i < n; ++i) product[i] = a[i] * b[i];
    dealer.deal<Word128>(slot(Field::relu_product, level), product);
  };
  const Buffer<Word128> u = dealer.random<Word128>(slot(Field::relu_mask, open_u), n);
  deal(u_squared, u, u);
  if (p.degree < 4) return;
  const Buffer<Word128> y = dealer.random<Word128>(slot(Field::relu_mask, open_y), n);
  deal(y_squared, y, y);
  if (p.degree < 6) return;
  const Buffer<Word128> last = dealer.random<Word128>(slot(Field::relu_mask, open_last), n);
  if (!p.nested) deal(y_cubed, y, last);
  if (p.degree >= 8) deal(last_squared, last, last);
}

Routine<Buffer<Word128>> relu(Channel& channel, beaver::ShareSource& source, const LayerSpec& layer,
                              Buffer<Word128> z) {
  const Polynomial p(layer);
  const PartyId self = source.self();
  const std::size_t n = z.size();
  // From power_bits + coefficient_bits fractional bits to those of the result.
  const unsigned to_result = p.power_bits + coefficient_bits - p.out_bits;

  // What is not needed any more goes at once: the maps are large (relu_words_held).
  Combination result(p, self, p.nested ? p.nested->g : p.even[0], n);
  Buffer<Word128> y;
  {
    for (Word128& x : z) x <<= p.power_bits - p.in_bits;
    result.add(one / 2, z);
    const Opened opened_u = co_await open(channel, source, open_u, std::move(z));
    y = multiply(source, u_squared, opened_u, opened_u, p.power_bits);
  }
  result.add(p.nested ? p.nested->e : p.even[1], y);
  if (p.degree < 4) co_return result.truncated(to_result);

  if (p.nested) {
    Combination sum(p, self, p.nested->c, n);
    sum.add(p.nested->b, y);
    Opened opened = co_await open(channel, source, open_y, std::move(y));
    sum.add(one, multiply(source, y_squared, opened, opened, p.power_bits));
    opened = co_await open(channel, source, open_last, sum.truncated(coefficient_bits));
    result.add(p.even[4], multiply(source, last_squared, opened, opened, p.power_bits));
    co_return result.truncated(to_result);
  }

  const Opened opened_y = co_await open(channel, source, open_y, std::move(y));
  Buffer<Word128> y2 = multiply(source, y_squared, opened_y, opened_y, p.power_bits);
  result.add(p.even[2], y2);
  if (p.degree < 6) co_return result.truncated(to_result);

  // y's opening serves again: the same value under the same mask, opened once.
  const Opened opened_y2 = co_await open(channel, source, open_last, std::move(y2));
  result.add(p.even[3], multiply(source, y_cubed, opened_y, opened_y2, p.power_bits));
  if (p.degree >= 8) result.add(p.even[4], multiply(source, last_squared, opened_y2, opened_y2, p.power_bits));
  co_return result.truncated(to_result);
}

}  // namespace blindsight::protocol::pond
