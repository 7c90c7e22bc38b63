#pragma once

#include <string>
#include <vector>

#include "model/graph/float_network.h"
#include "protocol/core/result.h"

namespace blindsight::model {

/// What became of one layer.
struct PrunedLayer {
  std::string name;
  std::size_t channels_before = 0, channels_after = 0;
  std::vector<std::size_t> removed;  ///< output channels of the layer as it was, rising
};

struct Pruned {
  FloatNetwork network;
  std::vector<PrunedLayer> layers;  ///< one per layer of the network
};

/// Structured pruning by magnitude (Li et al., Pruning Filters for Efficient ConvNets, ICLR 2017): of every layer but
/// the last linear one, floor(fraction · channels) output channels with the smallest L1 norm of their filters (batch
/// normalization is in them already) go, with their biases and with what the next layer made of them; of equal norms
/// the first go, and one channel stays. The `first_kept` first layers stay whole. What is left computes what the
/// network with the removed channels' filters and biases set to zero computes. Error: a fraction outside [0, 1), or a
/// network with no layer that may be pruned.
protocol::Result<Pruned> prune(const FloatNetwork& network, double fraction, std::size_t first_kept = 0);

std::size_t parameters(const FloatNetwork& network);
std::size_t macs(const FloatNetwork& network);

}  // namespace blindsight::model
