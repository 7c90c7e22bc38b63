#include <algorithm>
#include <cmath>
#include <optional>

#include "model/fault.h"
#include "model/passes/limits.h"
#include "model/passes/passes.h"

namespace blindsight::model {

using protocol::Result;
using tensor::Shape;
using tensor::Window;

namespace {

/// Products that making biases out of shifts may take, of all nodes together: seconds.
constexpr double most_shift_work = 1e10;

bool per_channel(const Affine& affine, const Shape& map) {
  return affine.scale.size() == map.channels;
}

/// Whether a pool only averages what is there: then the average of x·s + t is the average of x, times s, plus t.
bool lets_through(const ChainNode& node) {
  const auto* pool = std::get_if<AveragePool>(&node.op);
  if (pool == nullptr) return false;
  const Window& w = pool->window;
  return w.pad_top + w.pad_left + w.pad_bottom + w.pad_right == 0;
}

/// The scale of each channel where no position has one of its own.
std::optional<std::vector<float>> channel_scale(const Affine& affine, const Shape& map) {
  std::vector<float> scale(affine.scale.begin(), affine.scale.begin() + static_cast<std::ptrdiff_t>(map.channels));
  for (std::size_t i = 0; i < affine.scale.size(); ++i)
    if (affine.scale[i] != scale[i % map.channels]) return std::nullopt;
  return scale;
}

/// (x·W + b)·s + t = x·(W·s) + (b·s + t). False when a position has a scale of its own.
bool fold_back(Linear& linear, const Affine& affine, const Shape& map) {
  const auto scale = channel_scale(affine, map);
  if (!scale) return false;
  const std::size_t out = map.channels;
  for (std::size_t i = 0; i < linear.filter.size(); ++i) linear.filter[i] *= (*scale)[i % out];
  // One bias for each element as soon as one side has it.
  if (affine.shift.size() > linear.bias.size()) {
    std::vector<float> bias(affine.shift.size());
    for (std::size_t i = 0; i < bias.size(); ++i) bias[i] = linear.bias[i % linear.bias.size()];
    linear.bias = std::move(bias);
  }
  for (std::size_t i = 0; i < linear.bias.size(); ++i)
    linear.bias[i] = linear.bias[i] * (*scale)[i % out] + affine.shift[i % affine.shift.size()];
  return true;
}

/// What a layer makes of a map that is `shift` everywhere, shift[c] or shift of the element: added to its bias.
void add_shift(Linear& linear, const std::vector<float>& shift) {
  const tensor::ConvShape& conv = linear.conv;
  const Window& w = conv.window;
  const Shape out = conv.out(), in = conv.in;
  const std::size_t channels = out.channels;
  const bool same_everywhere = shift.size() == in.channels && w.pad_top + w.pad_left + w.pad_bottom + w.pad_right == 0;
  const std::size_t positions = same_everywhere ? 1 : out.height * out.width;
  if (positions * channels > linear.bias.size()) {
    std::vector<float> bias(positions * channels);
    for (std::size_t i = 0; i < bias.size(); ++i) bias[i] = linear.bias[i % linear.bias.size()];
    linear.bias = std::move(bias);
  }
  std::vector<double> sum(channels);
  for (std::size_t p = 0; p < positions; ++p) {
    std::fill(sum.begin(), sum.end(), 0.0);
    for (std::size_t cell = 0; cell < w.height * w.width; ++cell) {
      const std::size_t y = p / out.width * w.stride_y + cell / w.width,
                        x = p % out.width * w.stride_x + cell % w.width;
      if (y < w.pad_top || y - w.pad_top >= in.height || x < w.pad_left || x - w.pad_left >= in.width) continue;
      const std::size_t pixel = ((y - w.pad_top) * in.width + x - w.pad_left) * in.channels;
      for (std::size_t c = 0; c < in.channels; ++c) {
        const double t = shift[shift.size() == in.channels ? c : pixel + c];
        if (t == 0) continue;
        const float* row = linear.filter.data() + (cell * in.channels + c) * channels;
        for (std::size_t o = 0; o < channels; ++o) sum[o] += t * row[o];
      }
    }
    for (std::size_t i = p * channels; i < linear.bias.size(); i += positions * channels)
      for (std::size_t o = 0; o < channels; ++o) linear.bias[i + o] += static_cast<float>(sum[o]);
  }
}

/// W·(x·s + t) + b = (W·s)·x + (W·t + b). False when a position has a scale of its own that the layer cannot take, or
/// the biases would be too many or too much work; `work` is what is left of that.
bool fold_forward(Linear& linear, const Affine& affine, const Shape& map, double& work) {
  const std::size_t out = linear.conv.out_channels;
  Affine a = affine;
  if (linear.flattened) {
    // Every element of the map is an input of its own.
    a.scale.resize(map.elements());
    a.shift.resize(map.elements());
    for (std::size_t i = 0; i < map.elements(); ++i) {
      a.scale[i] = affine.scale[i % affine.scale.size()];
      a.shift[i] = affine.shift[i % affine.shift.size()];
    }
  } else {
    const auto scale = channel_scale(affine, map);
    if (!scale) return false;
    a.scale = *scale;
  }
  const bool shifts = std::ranges::any_of(a.shift, [](float t) { return t != 0; });
  if (shifts && !linear.flattened && linear.conv.out().elements() > largest_made) return false;
  const double products = static_cast<double>(linear.conv.out().height) * static_cast<double>(linear.conv.out().width) *
                          static_cast<double>(linear.filter.size());
  if (shifts && products > work) return false;
  if (shifts) work -= products;
  if (shifts) add_shift(linear, a.shift);  // with the weights as they are
  for (std::size_t i = 0; i < linear.filter.size(); ++i) linear.filter[i] *= a.scale[i / out % a.scale.size()];
  return true;
}

/// Two in a row as one: (x·s + t)·u + v.
Affine composed(const Affine& first, const Affine& second) {
  Affine out{std::vector<float>(std::max(first.scale.size(), second.scale.size())),
             {},
             first.evens_out_average || second.evens_out_average};
  out.shift.resize(out.scale.size());
  for (std::size_t i = 0; i < out.scale.size(); ++i) {
    const std::size_t a = i % first.scale.size(), b = i % second.scale.size();
    out.scale[i] = first.scale[a] * second.scale[b];
    out.shift[i] = first.shift[a] * second.scale[b] + second.shift[b];
  }
  return out;
}

/// `made`: elements of filters that stand in no file so far; at most `most_made`.
Result<Linear> as_layer(const ChainNode& node, const Affine& affine, const Shape& map, std::size_t& made,
                        std::size_t most_made) {
  const auto scale = channel_scale(affine, map);
  if (!scale)
    return fail(node.what + " gives each position of its map a factor of its own" +
                (affine.evens_out_average
                     ? " (it averages over windows that the border cuts: count_include_pad 0 or ceil_mode 1)"
                     : "") +
                "; supported is one for each channel, or before a fully connected layer with no Relu or pool between");
  made += map.channels * map.channels + affine.shift.size();
  if (map.channels * map.channels > largest_made || made > most_made)
    return fail(node.what + " scales " + std::to_string(map.channels) +
                " channels by themselves, too many for a layer of their own; supported is directly beside a Conv, Gemm "
                "or MatMul, into which it is folded");
  return hand_through(map, *scale, affine.shift);
}

}  // namespace

Result<void> fold_affine(Chain& chain) {
  std::vector<ChainNode> rest;
  auto& nodes = chain.nodes;
  double work = most_shift_work;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    ChainNode& node = nodes[i];
    auto* affine = std::get_if<Affine>(&node.op);
    if (affine == nullptr) {
      rest.push_back(std::move(node));
      continue;
    }
    const Shape map = node.in;
    const bool channels_alone = per_channel(*affine, map);
    // Back into the layer before, through pools that let it pass.
    std::size_t before = rest.size();
    while (channels_alone && before > 0 && lets_through(rest[before - 1])) --before;
    auto* linear = before > 0 ? std::get_if<Linear>(&rest[before - 1].op) : nullptr;
    if (linear != nullptr && fold_back(*linear, *affine, map)) {
      chain.notes.push_back(node.what + " folded into " + rest[before - 1].what);
      continue;
    }
    if (i + 1 < nodes.size())
      if (auto* next = std::get_if<Affine>(&nodes[i + 1].op)) {
        *next = composed(*affine, *next);
        chain.notes.push_back(node.what + " joined with " + nodes[i + 1].what);
        continue;
      }
    // On into the layer behind.
    std::size_t behind = i + 1;
    while (channels_alone && behind < nodes.size() && lets_through(nodes[behind])) ++behind;
    linear = behind < nodes.size() ? std::get_if<Linear>(&nodes[behind].op) : nullptr;
    if (linear != nullptr && fold_forward(*linear, *affine, nodes[behind].in, work)) {
      chain.notes.push_back(node.what + " folded into " + nodes[behind].what);
      continue;
    }
    if (i + 1 == nodes.size()) {
      rest.push_back(std::move(node));
      continue;
    }
    auto layer = as_layer(node, *affine, map, chain.made, chain.most_made);
    if (!layer) return fail(layer.error().what);
    chain.notes.push_back(node.what + " became a layer of its own, a convolution of 1×1");
    node.op = std::move(*layer);
    rest.push_back(std::move(node));
  }
  chain.nodes = std::move(rest);
  return {};
}

}  // namespace blindsight::model
