#pragma once

#include <string>
#include <vector>

#include "model/plan/plan.h"
#include "protocol/core/protocol.h"

namespace blindsight::model {

/// One layer of `model inspect`.
struct LayerReport {
  std::string name;
  std::string kind;  ///< "convolution 3×3" or "fully connected"
  tensor::Shape in, out;
  tensor::ConvAlgorithm algorithm = tensor::ConvAlgorithm::direct;
  std::uint64_t macs = 0;             ///< of the direct convolution
  std::uint64_t multiplications = 0;  ///< that the algorithm does
  std::uint64_t max_comparisons = 0, relu_comparisons = 0;
  unsigned fraction_bits = 0, activation_bits = 0, headroom_bits = 0, range_bits = 0;
  protocol::Rings rings{};        ///< the protocol's
  double worst_calibrated = 0;    ///< share of the bound that calibration reached
  double free_headroom_bits = 0;  ///< log2(1 / worst_calibrated)
  protocol::Cost online, offline, set_up;
  protocol::ReluFit relu_fit;  ///< the plan's, whether the protocol uses it or not
};

/// How well a polynomial stands for ReLU, in units of the calibrated range: "degree 4: worst 0.0586, rms 0.0123"; empty
/// when there is none.
std::string describe(const protocol::ReluFit& fit);

struct PlanReport {
  std::vector<LayerReport> layers;
  protocol::Cost input_online, input_offline;  ///< of the client's image
  std::uint64_t macs = 0, multiplications = 0, comparisons = 0, weights = 0;
  protocol::Cost online, offline, set_up;  ///< totals with the input; rounds add up over the layers
};

/// `bound`: to the plan's network.
PlanReport report(const Plan& plan, const protocol::Bound& bound);

}  // namespace blindsight::model
