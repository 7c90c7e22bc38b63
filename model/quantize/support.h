#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/image/image.h"
#include "model/quantize/calibrate.h"
#include "protocol/core/result.h"

namespace blindsight::model {

/// Mean of the largest of `count` values taken at random from `values`, without repetition: exact, whatever their
/// order. 0 < count <= values.size().
double expected_largest(std::vector<double> values, std::size_t count);

/// How the largest value of a layer grew with the number of calibration images: over a quarter, half and all of them.
struct Growth {
  std::string layer;
  double quarter = 0, half = 0, all = 0;

  /// The last doubling's: 0.1 is 10 % more.
  double per_doubling() const { return half > 0 ? all / half - 1 : 0; }
};

/// One per layer; `names` are the layers'. `images`: those that count, by their place in LayerStatistics::by_image, at
/// least one: copies would make any growth look settled.
std::vector<Growth> growth_of(const std::vector<LayerStatistics>& seen, const std::vector<std::string>& names,
                              const std::vector<std::size_t>& images);

/// Below the first, calibration is refused; below the second, it is warned of.
constexpr std::size_t least_images = 8, enough_images = 32;
/// A range that the last doubling of the images still widened by more is not settled.
constexpr double settled_growth = 0.1;

/// What ranges can rest on: images that differ from each other and are not of one colour.
struct Support {
  std::size_t given = 0;             ///< calibration images
  std::size_t telling = 0;           ///< of them, those that differ and are not of one colour
  std::vector<std::size_t> counted;  ///< the telling ones by their places, rising; where there is none, the different
};
/// `channels` of a pixel.
Support support_of(const std::vector<Image>& images, std::size_t channels);

/// Refuses images that ranges cannot rest on: too few of them, or all alike.
protocol::Result<void> check_support(const Support& support);

/// What there is to say of ranges that rest on that and grew like that; nothing when all is well.
std::vector<std::string> support_warnings(const Support& support, const std::vector<Growth>& growth);

/// A bound on the layer's |linear result| for any inputs up to `largest_input`: max over outputs of |bias| + Σ|w| times
/// that.
double linear_bound(const FloatLayer& layer, double largest_input);

}  // namespace blindsight::model
