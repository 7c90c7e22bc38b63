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

class FileSet;

using Digest = std::array<std::uint8_t, 32>;
using Nonce = std::array<std::uint8_t, 32>;

/// Layers of a plan that anybody reads.
constexpr std::size_t most_layers = 1024;
/// Pools of one kind in a layer that anybody reads.
constexpr std::size_t most_pools = 8;

/// What the outputs of a network are, and so what may be told of them.
///   softmax      classes of which one is right: probabilities that add up to 1
///   sigmoid      one output, the logit of a yes
///   independent  several questions, each output the logit of its own yes
///   none         numbers: no label and no probability
enum class OutputKind : std::uint8_t { softmax, sigmoid, independent, none };

/// The public half of a compiled model: what all parties and clients agree on before they work together. It says the
/// architecture, the layers' widths, and rounded numbers, nothing else of the weights or the calibration images.
struct Plan {
  std::string model_name;
  /// commitment() of the weights that belong to the plan: another training of the same network is another plan, and so
  /// is the same network compiled again. Whoever has no nonce learns nothing from it, not even whether a guess is
  /// right.
  Digest weights_commitment{};
  protocol::NetworkSpec network;
  Preprocessing preprocessing;
  double input_scale = 1;   ///< integers per unit of a preprocessed pixel; of the preprocessing alone
  double output_scale = 1;  ///< integers per unit of a logit; of eight bits
  /// How far the protocol's rounding may move a logit from the fixed-point oracle's: statistically, from calibration,
  /// up to two bits (1, 1.5, 2, 3, 4, … times a power of two).
  double stated_error = 0;
  OutputKind output = OutputKind::none;
  double threshold = 0.5;           ///< above this probability a sigmoid's output is a yes
  std::vector<std::string> labels;  ///< one per output, or none
  /// One per layer: largest |linear result| over the calibration images as a share of the bound 2^q that the layer's
  /// integers allow, up to two significant digits.
  std::vector<double> worst_calibrated;
  std::uint32_t calibration_images = 0;
};

/// The secret half. Leaves the model owner's machine as shares only.
struct Weights {
  std::vector<protocol::LayerWeights> layers;
  /// One per layer: exact ulps of the truncated result per real unit. No part of the commitment, for no answer depends
  /// on them: they say what the integers stand for (`model check --layers`).
  std::vector<double> scales;
  Nonce nonce{};  ///< fresh_nonce() when they were compiled; in no share
};

/// BLAKE2b-256 of the plan's canonical bytes: compared in every handshake.
Digest digest(const Plan& plan);

/// BLAKE2b-256 of the integer weights under their nonce as the key: it binds the plan to them and, as long as the nonce
/// is secret, cannot be told from a random number.
Digest commitment(const Weights& weights);
/// From the operating system's randomness.
Nonce fresh_nonce();

/// Cap'n Proto, canonical: equal plans have equal bytes.
std::vector<std::uint8_t> to_bytes(const Plan& plan);
/// Untrusted bytes: bounded, and every shape and width is checked (check_plan) before the plan is returned. Plans of
/// the format's version 2 are read, too: what they say beyond a Plan is left out.
protocol::Result<Plan> plan_from_bytes(std::span<const std::uint8_t> bytes);
std::vector<std::uint8_t> to_bytes(const Weights& weights);
/// The weights must have the shape of the plan's layers and its weights_commitment. Those of an earlier version of the
/// format have no nonce and are refused: their plan would give a hash of them to everybody.
protocol::Result<Weights> weights_from_bytes(std::span<const std::uint8_t> bytes, const Plan& plan);

/// Shapes that follow one another, windows that fit, widths that 64-bit integers can follow, one range per layer:
/// whatever does not depend on a protocol. What one needs is asked of it (Protocol::check).
protocol::Result<void> check_plan(const Plan& plan);

/// Both go into a set of files, which the caller commits; the weights with mode 0600.
protocol::Result<void> add_plan(FileSet& files, const Plan& plan, const std::filesystem::path& file);
protocol::Result<void> add_weights(FileSet& files, const Weights& weights, const std::filesystem::path& file);
protocol::Result<Plan> load_plan(const std::filesystem::path& file);
protocol::Result<Weights> load_weights(const std::filesystem::path& file, const Plan& plan);

/// A preprocessed image as the integers that are shared: round(x · input_scale). The error says the value that fits
/// least, what would fit, and what to look at.
protocol::Result<std::vector<std::int64_t>> encode_input(const Plan& plan, std::span<const float> image);
/// Revealed integers as logits.
std::vector<double> decode_output(const Plan& plan, std::span<const std::int64_t> output);

}  // namespace blindsight::model
