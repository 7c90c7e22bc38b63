#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "model/plan/plan.h"
#include "protocol/plaintext/relu.h"

namespace blindsight::model {

/// How Z becomes t. The protocol gives floor(Z / 2^f) + {0, 1}, +1 with probability (Z mod 2^f) / 2^f: unbiased.
enum class Rounding {
  floor,    ///< the lower of the two: what a layer's test compares with; biased by half an ulp per layer of a network
  nearest,  ///< floor(Z / 2^f + 1/2): the likelier of the two, the network's best estimate
  dither,   ///< one draw of the protocol's own rounding, from a seed
};

/// One layer in exact integers.
struct FixedTrace {
  std::vector<std::int64_t> linear;  ///< Z: convolution and bias
  std::vector<std::int64_t> output;  ///< after truncation, max pools, ReLU and window sums: the next layer's input
  std::int64_t smallest = 0, largest = 0;  ///< of Z
  double worst = 0;  ///< how much of [-2^q, 2^q - 2^f] Z uses: > 1 is an overflow that no party could notice
};

/// What a run gave.
struct FixedRun {
  std::vector<std::int64_t> output;  ///< integers at the plan's output scale
  std::vector<double> worst;         ///< per layer, as FixedTrace::worst
};

/// The network in exact integers, as the protocol computes it but for the rounding. Holds prepared filters; const and
/// thread-safe.
class FixedOracle {
 public:
  /// The plan must outlive the oracle. `relu`: what the protocol evaluates; see Traits::compares.
  FixedOracle(const Plan& plan, const Weights& weights,
              protocol::plaintext::Relu relu = protocol::plaintext::Relu::exact);
  ~FixedOracle();
  FixedOracle(const FixedOracle&) = delete;
  FixedOracle& operator=(const FixedOracle&) = delete;

  FixedTrace run_layer(std::size_t layer, std::span<const std::int64_t> in, Rounding rounding,
                       std::uint64_t seed = 0) const;
  /// `input` as encode_input() made it. `layer(index, trace)`, when given, sees each layer. `seed` matters for dither
  /// alone.
  FixedRun run(std::span<const std::int64_t> input, Rounding rounding, std::uint64_t seed = 0,
               const std::function<void(std::size_t, const FixedTrace&)>& layer = {}) const;

 private:
  struct Prepared;
  const Plan& plan_;
  protocol::plaintext::Relu relu_;
  std::vector<Prepared> prepared_;
};

/// Bound for how far one logit may lie from the nearest-rounded run because of the protocol's dither, in logit units:
/// eight times the root mean square over the logits of `draws` dithered runs of each input (five deviations, and room
/// for inputs that spread more than these), and one output ulp. An answer is certain where the two best logits differ
/// by more than twice this.
double dither_error(const FixedOracle& oracle, const Plan& plan, std::span<const std::vector<std::int64_t>> inputs,
                    unsigned draws, std::uint64_t seed);

}  // namespace blindsight::model
