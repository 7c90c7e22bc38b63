#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "model/graph/float_network.h"
#include "model/image/image.h"
#include "protocol/core/layer_spec.h"
#include "protocol/core/result.h"

namespace blindsight::model {

using Digest = std::array<std::uint8_t, 32>;
/// Lower-case hexadecimal.
std::string to_hex(const Digest& digest);

/// Layers of a plan that anybody reads.
constexpr std::size_t most_layers = 1024;

/// What calibration saw at one layer.
struct CalibratedRange {
  double scale = 1;         ///< units of the truncated result per real unit
  double largest_real = 0;  ///< largest |linear result| over the calibration images
  double worst = 0;         ///< the same as a share of the bound 2^q that the layer's integers allow
  bool operator==(const CalibratedRange&) const = default;
};

/// The public half of a compiled model: what all parties and clients agree on before they work together. It says the
/// architecture and the scales, nothing else of the weights.
struct Plan {
  std::string model_name;
  Digest weights_digest{};  ///< of the integer weights: another training of the same network is another plan
  protocol::NetworkSpec network;
  Preprocessing preprocessing;
  double input_scale = 1;    ///< integers per unit of a preprocessed pixel
  unsigned input_bits = 12;  ///< encoded pixels fit this many bits, two's complement
  double output_scale = 1;   ///< integers per unit of a logit
  double stated_error =
      0;  ///< largest deviation of a logit from the fixed-point oracle that the protocol's rounding may cause
  PostOperation post = PostOperation::none;
  std::vector<std::string> labels;           ///< one per output, or none
  std::vector<CalibratedRange> calibration;  ///< one per layer
  std::uint32_t calibration_images = 0;
};

/// The secret half. Leaves the model owner's machine as shares only.
struct Weights {
  std::vector<protocol::LayerWeights> layers;
};

/// BLAKE2b-256 of the plan's canonical bytes: compared in every handshake.
Digest digest(const Plan& plan);
Digest digest(const Weights& weights);

/// Cap'n Proto, canonical: equal plans have equal bytes.
std::vector<std::uint8_t> to_bytes(const Plan& plan);
/// Untrusted bytes: bounded, and every shape and width is checked (check_plan) before the plan is returned.
protocol::Result<Plan> plan_from_bytes(std::span<const std::uint8_t> bytes);
std::vector<std::uint8_t> to_bytes(const Weights& weights);
/// The weights must have the shape of the plan's layers and its weights_digest.
protocol::Result<Weights> weights_from_bytes(std::span<const std::uint8_t> bytes, const Plan& plan);

/// Shapes that follow one another, windows that fit, widths in bounds, one range per layer: whatever does not depend on
/// a protocol.
protocol::Result<void> check_plan(const Plan& plan);

protocol::Result<void> save_plan(const Plan& plan, const std::filesystem::path& file);
protocol::Result<Plan> load_plan(const std::filesystem::path& file);
/// Written with mode 0600.
protocol::Result<void> save_weights(const Weights& weights, const std::filesystem::path& file);
protocol::Result<Weights> load_weights(const std::filesystem::path& file, const Plan& plan);

/// A preprocessed image as the integers that are shared: round(x · input_scale). The error says which value does not
/// fit.
protocol::Result<std::vector<std::int64_t>> encode_input(const Plan& plan, std::span<const float> image);
/// Revealed integers as logits.
std::vector<double> decode_output(const Plan& plan, std::span<const std::int64_t> output);
/// Softmax of the logits, whatever the post-operation: what a person reads.
std::vector<double> probabilities(std::span<const double> logits);
/// Index of the largest logit.
std::size_t predicted(std::span<const double> logits);

}  // namespace blindsight::model
