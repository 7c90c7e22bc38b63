#include "model/quantize/widths.h"

#include "model/fault.h"
#include "model/graph/graph.h"

namespace blindsight::model {

namespace {
/// max(a, b) compares a − b, and a lift without ReLU adds an offset: either needs a bit above the range.
unsigned extra_bit(const protocol::NetworkSpec& network, std::size_t i) {
  const auto& layer = network.layers[i];
  const bool last = i + 1 == network.layers.size();
  return !layer.max_pools.empty() || (!last && !layer.relu) ? 1 : 0;
}
}  // namespace

unsigned linear_ring_bits(const protocol::NetworkSpec& network, std::size_t i) {
  return network.layers[i].range_bits() + 1 + extra_bit(network, i);
}

unsigned small_ring_bits(const protocol::NetworkSpec& network, std::size_t i) {
  return network.layers[i].activation_bits + network.layers[i].headroom_bits + 1 + extra_bit(network, i);
}

protocol::Result<void> check_widths(const protocol::NetworkSpec& network, std::size_t i) {
  constexpr unsigned linear_word = 32, small_word = 16, largest_part = 32;
  const auto& layer = network.layers[i];
  const std::string where = "layer " + in_quotes(layer.name);
  const std::string widths = " (f " + std::to_string(layer.fraction_bits) + ", A " +
                             std::to_string(layer.activation_bits) + ", M " + std::to_string(layer.headroom_bits) + ")";
  if (layer.fraction_bits == 0 || layer.fraction_bits > largest_part || layer.activation_bits == 0 ||
      layer.activation_bits > largest_part || layer.headroom_bits > largest_part)
    return fail(where + " has widths out of bounds" + widths);
  const unsigned linear = linear_ring_bits(network, i), spent = tensor::bits_spent(layer.algorithm),
                 small = small_ring_bits(network, i);
  if (linear + spent > linear_word)
    return fail(where + " needs a ring of " + std::to_string(linear) + " bits" + widths + ", and its algorithm " +
                std::string(tensor::name(layer.algorithm)) + " spends " + std::to_string(spent) +
                " more of the word's " + std::to_string(linear_word) +
                ": lower the fraction, activation or headroom bits");
  if (small > small_word)
    return fail(where + " needs a small ring of " + std::to_string(small) + " bits" + widths + " in words of " +
                std::to_string(small_word) + ": lower the activation or headroom bits");
  return {};
}

}  // namespace blindsight::model
