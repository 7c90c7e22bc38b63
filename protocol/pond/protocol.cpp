#include "protocol/pond/protocol.h"

#include <algorithm>
#include <cmath>

#include "protocol/beaver/program.h"
#include "protocol/pond/relu.h"
#include "protocol/pond/truncate.h"

namespace blindsight::protocol::pond {
namespace {

using beaver::BandContext;

std::size_t elements(const LayerSpec& layer, const BandLayout& band) {
  return band.conv.size() * layer.conv_out().row_elements();
}

/// A server's band behind the linear layer.
Routine<Buffer<Word128>> evaluate(Channel& channel, beaver::ShareSource& source, const BandContext& t, const Prg&,
                                  Buffer<Word128> linear) {
  if (t.layer.relu) {
    Buffer<Word128> y = co_await relu(channel, source, t.layer, std::move(linear));
    co_return y;
  }
  truncate(linear, t.layer.fraction_bits, source.self());
  co_return linear;
}

void deal(beaver::Dealer& dealer, const BandContext& t) {
  if (t.layer.relu) deal_relu(dealer, t.layer, elements(t.layer, t.layout));
}

beaver::NonlinearCost cost(const BandContext& t) {
  beaver::NonlinearCost c;
  if (!t.layer.relu) return c;
  const ReluSizes sizes = relu_sizes(t.layer, elements(t.layer, t.layout));
  c.online.rounds = sizes.rounds;
  c.online.server0_to_server1 = c.online.server1_to_server0 = sizes.opened_bytes;
  c.dealt.producer_to_server0 = sizes.bytes_sent(t.randomness, PartyId::server0);
  c.dealt.producer_to_server1 = sizes.bytes_sent(t.randomness, PartyId::server1);
  return c;
}

std::size_t working(const LayerSpec& layer, const BandLayout& band) {
  return layer.relu ? elements(layer, band) * relu_words_held * sizeof(Word128) : 0;
}

Result<void> check_layer(const LayerSpec& l) {
  auto bad = [&](const std::string& what) { return fail(Fault::usage, "layer '" + l.name + "': " + what); };
  if (!l.max_pools.empty())
    return bad(
        "Pond has no max pooling: it adds and multiplies shares and cannot compare them; train the model with "
        "average pooling, or use securenn or blink");
  if (l.range_bits() > 60 || l.fraction_bits == 0)
    return bad("fraction, activation and headroom bits are " + std::to_string(l.range_bits()) +
               " in all; 60 are possible, and at least one fraction bit");
  return l.relu ? check_relu(l) : Result<void>{};
}

/// Largest |p'(t)| for |t| <= 1, on a fine grid.
double steepest(const ReluFit& fit) {
  constexpr int points = 1000;
  double most = 0;
  for (int i = -points; i <= points; ++i) {
    const double t = static_cast<double>(i) / points;
    double slope = 0.5, power = t;
    for (std::size_t k = 1; k < fit.even.size(); ++k, power *= t * t)
      slope += 2 * static_cast<double>(k) * fit.even[k] * power;
    most = std::max(most, std::abs(slope));
  }
  return most;
}

/// relu_error(), and that the polynomial reads the linear result before its truncation: its slope times the ulp that
/// truncation may take, and the oracle's own rounding. Of every element of a window sum.
double stated_error(const LayerSpec& layer) {
  const double each = layer.relu ? std::ceil(relu_error(layer, 1) + steepest(layer.relu_fit) + 0.5) : 1;
  return each * static_cast<double>(layer.window_elements());
}

constexpr beaver::Scheme<Word128> scheme{
    .deals_ahead = true,
    .band_elements = 48 * 1024,
    .bands_at_once = 32,
    .evaluate = evaluate,
    .deal = deal,
    .help = nullptr,
    .cost = cost,
    .working = working,
    .check_layer = check_layer,
    .stated_error = stated_error,
};

}  // namespace

const Protocol& protocol() {
  static const beaver::BeaverProtocol<Word128> pond(
      {.name = "pond",
       .summary = "Pond: a polynomial in ReLU's place, average pooling only, 128-bit shares and triples dealt ahead; "
                  "semi-honest, no collusion",
       .compares = false},
      scheme);
  return pond;
}

}  // namespace blindsight::protocol::pond
