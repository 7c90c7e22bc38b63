#include "model/quantize/calibrate.h"

#include <algorithm>
#include <cmath>

#include "model/fault.h"
#include "model/graph/graph.h"
#include "model/plaintext/float_oracle.h"

namespace blindsight::model {

using protocol::Result;

namespace {
double mean_square(std::span<const float> values) {
  double sum = 0;
  for (const float v : values) sum += static_cast<double>(v) * v;
  return sum / static_cast<double>(values.size());
}
}  // namespace

Result<std::vector<LayerStatistics>> calibrate(const FloatNetwork& network, const std::vector<Image>& images,
                                               const std::function<void(std::size_t, std::size_t)>& progress) {
  if (images.empty()) return fail("calibration needs at least one image");
  std::vector<LayerStatistics> all(network.layers.size());
  for (std::size_t n = 0; n < images.size(); ++n) {
    const Image& image = images[n];
    if (image.values.size() != network.input.elements())
      return fail("calibration image " + in_quotes(image.name) + " has " + std::to_string(image.values.size()) +
                  " values, the network reads " + std::to_string(network.input.elements()));
    double input = mean_square(image.values);
    run_float(network, image.values, [&](std::size_t i, const FloatTrace& trace) {
      double largest = 0;
      for (const float v : trace.linear) {
        const double size = std::abs(static_cast<double>(v));
        if (!(size <= largest)) largest = size;  // a NaN is kept too
      }
      all[i].by_image.push_back(largest);
      if (!(largest <= all[i].largest)) all[i].largest = largest;
      if (network.layers[i].relu) all[i].before_relu.add(trace.before_relu());
      all[i].input_mean_square += input / static_cast<double>(images.size());
      input = mean_square(trace.output);
    });
    for (std::size_t i = 0; i < all.size(); ++i)
      if (!std::isfinite(all[i].largest))
        return fail("layer " + in_quotes(network.layers[i].name) + " gave no finite number on " +
                    in_quotes(image.name) + ": are the weights and the preprocessing right?");
    if (progress) progress(n + 1, images.size());
  }
  return all;
}

}  // namespace blindsight::model
