#pragma once

#include <functional>
#include <vector>

#include "model/graph/float_network.h"
#include "model/image/image.h"
#include "model/quantize/relu_fit.h"
#include "protocol/core/result.h"

namespace blindsight::model {

/// What one layer showed over the calibration images, in real units.
struct LayerStatistics {
  double largest = 0;            ///< largest |linear result|, bias included, before pools and ReLU
  std::vector<double> by_image;  ///< the same of each image
  double input_mean_square = 0;  ///< of the layer's input
  MomentSums before_relu;        ///< of what ReLU reads; of layers with ReLU alone
};

/// Float runs over `images`. An error names the image whose size is not the network's or the layer that gave no finite
/// number.
protocol::Result<std::vector<LayerStatistics>> calibrate(const FloatNetwork& network, const std::vector<Image>& images,
                                                         const std::function<void(std::size_t, std::size_t)>& progress);

}  // namespace blindsight::model
