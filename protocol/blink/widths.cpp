#include "protocol/blink/widths.h"

#include <bit>

#include "protocol/blink/layout.h"
#include "protocol/blink/maxpool.h"

namespace blindsight::protocol::blink {
namespace {

constexpr unsigned small_word_bits = 16, linear_word_bits = 32;

unsigned linear_ring(const NetworkSpec& network, std::size_t layer) {
  const LayerSpec& l = network.layers[layer];
  // a - b of a max needs one bit more, and so does the lift of a signed value.
  const bool last = layer + 1 == network.layers.size();
  const bool signed_lift = !l.relu && !(last && l.average_pools.empty());
  return l.range_bits() + 1 + (!l.max_pools.empty() || signed_lift ? 1 : 0);
}

}  // namespace

Widths widths(const NetworkSpec& network, std::size_t layer) {
  const LayerSpec& l = network.layers[layer];
  const bool last = layer + 1 == network.layers.size();
  Widths w{};
  w.linear = linear_ring(network, layer);
  w.fraction = l.fraction_bits;
  w.truncated = w.linear - w.fraction;
  w.relu = l.activation_bits + l.headroom_bits + 1;
  const unsigned sum_bits = static_cast<unsigned>(std::bit_width(l.window_elements() - 1));
  w.sum_before_lift = l.relu && !l.average_pools.empty() && w.relu + sum_bits <= small_word_bits;
  w.summed = w.relu + (w.sum_before_lift ? sum_bits : 0);
  w.lifted = !last || (!l.average_pools.empty() && !w.sum_before_lift);
  w.out = !last ? linear_ring(network, layer + 1) : w.lifted ? w.relu + sum_bits + 1 : w.summed;
  return w;
}

Rings rings(const NetworkSpec& network, LayerId layer) {
  const Widths w = widths(network, layer);
  return {w.linear, w.truncated, linear_word_bits};
}

Result<void> check_layer(const NetworkSpec& network, LayerId layer) {
  const LayerSpec& l = network.layers[layer];
  const std::string bits = " bits (f " + std::to_string(l.fraction_bits) + ", A " + std::to_string(l.activation_bits) +
                           ", M " + std::to_string(l.headroom_bits) + ")";
  auto bad = [&](const std::string& what) { return fail(Fault::usage, "layer '" + l.name + "': " + what); };
  if (!tensor::supports(l.algorithm, l.conv))
    return bad(std::string(tensor::name(l.algorithm)) + " takes 3x3 filters of stride 1; use direct");
  if (l.activation_bits == 0 || l.headroom_bits > 16 || l.activation_bits > 32 || l.fraction_bits > 32)
    return bad("has widths out of bounds:" + bits);
  const Widths w = widths(network, layer);
  if (const unsigned spent = tensor::bits_spent(l.algorithm); w.linear + spent > linear_word_bits)
    return bad("needs a linear ring of " + std::to_string(w.linear) + bits + ", and its algorithm " +
               std::string(tensor::name(l.algorithm)) + " spends " + std::to_string(spent) + " more of the word's " +
               std::to_string(linear_word_bits) + ": lower the fraction, activation or headroom bits" +
               (spent > 0 ? ", or use direct" : ""));
  if (w.truncated > small_word_bits)
    return bad("needs a small ring of " + std::to_string(w.truncated) + bits + " in words of " +
               std::to_string(small_word_bits) + ": lower the activation or headroom bits");
  if (layer == 0 && network.input_bits > w.linear)
    return bad("its linear ring of " + std::to_string(w.linear) + bits + " does not hold an input of " +
               std::to_string(network.input_bits) + " bits: lower the input bits, or raise the fraction bits");
  return {};
}

Result<void> check(const NetworkSpec& network) {
  if (auto ok = check_shapes(network); !ok) return ok;
  for (LayerId i = 0; i < network.layers.size(); ++i) {
    const LayerSpec& l = network.layers[i];
    auto bad = [&](const std::string& what) { return fail(Fault::usage, "layer '" + l.name + "': " + what); };
    if (auto ok = check_layer(network, i); !ok) return ok;
    const Widths w = widths(network, i);
    // A stream's name has 16 bits for the band, the last value meaning the whole map, and 8 for the level.
    if (bands(network, i).size() >= Stream::whole_map || max_levels(l, bands(network, i).front(), w).size() >= 255)
      return bad("its map or its max pools are too large");
    const unsigned from = l.relu ? w.summed : w.truncated;
    if (w.lifted && (w.out <= from || w.out > linear_word_bits))
      return bad("its result has " + std::to_string(from) + " bits and cannot be lifted to the next linear ring of " +
                 std::to_string(w.out) + " bits: raise the next layer's fraction_bits");
  }
  return {};
}

}  // namespace blindsight::protocol::blink
