#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/plan/plan.h"
#include "model/quantize/relu_fit.h"
#include "model/quantize/support.h"
#include "protocol/core/protocol.h"

namespace blindsight::model {

constexpr unsigned default_input_bits = 12;

/// What a person may choose; the defaults suit the models that we have measured.
struct CompileOptions {
  /// Whose limits the plan keeps, all of them: their rings hold its widths and its algorithms. A plan of none is for
  /// exact integers.
  std::vector<const protocol::Protocol*> protocols = {&protocol::default_protocol()};
  unsigned activation_bits = 10;  ///< A at least: bits of the largest calibrated activation
  unsigned headroom_bits = 1;     ///< M: bits above it
  unsigned fraction_bits = 12;    ///< f at least; a layer whose weights need finer steps gets more
  /// Weights as integers of so many bits, two's complement: f of a layer is lowered, below fraction_bits if need be,
  /// until its largest |weight| is at most 2^(weight_bits - 1) - 1. 0: as many as they need.
  unsigned weight_bits = 0;
  unsigned output_bits = 12;  ///< A of the last layer: bits of the largest calibrated logit
  /// Of an encoded pixel, two's complement. Above default_input_bits as many as the first layer's weights can follow:
  /// finer pixels make its weights' integers coarser, and beyond that the results worse.
  unsigned input_bits = default_input_bits;
  /// Rounding weights to integers may cost this much of a layer's result, root mean square, in ulps after truncation
  /// (the protocol's own rounding costs about 0.4); a layer that loses more gets more fraction bits, as far as its
  /// algorithm's words allow.
  double weight_noise = 0.2;
  /// A layer whose outputs are small beside its largest value gets more activation bits until their root mean square is
  /// this many ulps: the protocol's rounding of 0.4 ulps is then below 2 % of a typical value.
  double least_resolution = 20;
  bool winograd = true;
  unsigned relu_degree = 4;  ///< of the polynomial that protocols without comparisons put for ReLU: 2, 4, 6, 8; 0: none
  ReluWeight relu_fit = ReluWeight::calibrated;  ///< what that polynomial is fitted to
  std::optional<OutputKind> output;  ///< what the outputs are; without it as the graph says, see output_kind()
  std::optional<double> threshold;   ///< from 0 to 1, of sigmoid and independent outputs alone; 0.5 without it
  std::vector<std::string> labels;   ///< one per output, or none
  /// Whether ranges may rest on what check_support() refuses, and those of a layer that gave nothing but zeros on a
  /// bound for any input. What people call sets it to false unless they say so.
  bool accept_few_images = true;
};

struct Compiled {
  Plan plan;
  Weights weights;
  std::vector<Growth> growth;         ///< how each layer's range grew with the images: as secret as the weights
  std::vector<std::string> warnings;  ///< sentences for the model's owner
};

/// Whether the options go with one another and with the network: all that can be told before any image is read.
protocol::Result<void> check_options(const FloatNetwork& network, const Preprocessing& preprocessing,
                                     const CompileOptions& options);

/// Calibrates on `images` (float runs; at least one) and turns the network into integers. The same twice is equal but
/// for the weights' nonce, which is fresh, and the commitment. `progress(done, total)`, when given, is called per run
/// of an image, in float and then in integers. An error names the layer whose widths or calibrated range do not fit.
protocol::Result<Compiled> compile(const FloatNetwork& network, const Preprocessing& preprocessing,
                                   const std::vector<Image>& images, const CompileOptions& options,
                                   const std::function<void(std::size_t, std::size_t)>& progress = {});

/// The plan as far as it does not depend on calibration: shapes, algorithms and the widths that the options ask for.
/// Runs nothing; ranges, scales and the weights' commitment mean nothing, and it serves no weights.
protocol::Result<Plan> lay_out(const FloatNetwork& network, const Preprocessing& preprocessing,
                               const CompileOptions& options);

}  // namespace blindsight::model
