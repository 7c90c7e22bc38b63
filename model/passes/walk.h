#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/graph/graph.h"
#include "model/passes/chain.h"
#include "protocol/core/result.h"

namespace blindsight::model {

/// Zeros around a map, in elements.
struct Padding {
  std::size_t top = 0, left = 0, bottom = 0, right = 0;
};

/// The state of to_chain() between two nodes: the value that the last one made, and the chain so far. The operators
/// (operators/*.cpp) move it on.
class Walk {
 public:
  explicit Walk(Graph& graph) : graph_(graph) {}

  protocol::Result<Chain> run();

  std::int64_t opset() const { return graph_.opset; }
  const tensor::Shape& map() const { return map_; }
  const Layout& layout() const { return layout_; }
  /// The value's sizes as the graph sees them.
  std::vector<std::int64_t> sizes() const { return layout_.sizes(map_); }

  /// Operand `i` when it is a constant with values; null when it is not there.
  const Constant* constant(const Node& node, std::size_t i) const;
  /// Operand `i` as real numbers. Error: it is not there, no constant, or not of reals.
  protocol::Result<const std::vector<float>*> reals(const Node& node, std::size_t i, const char* what) const;
  /// Operand `i` as a list of INT64, or the attribute of that name in older operator sets; empty when neither is there.
  protocol::Result<std::vector<std::int64_t>> integers(const Node& node, std::size_t i, const char* attribute) const;
  /// Which operand is the value; the others are constants.
  std::size_t data_operand() const { return data_operand_; }

  /// Appends to the chain. `out`: the map that `op` makes. Error, with the node's name: more than any machine can do.
  protocol::Result<void> add(const Node& node, decltype(ChainNode::op) op, const tensor::Shape& out);
  /// The same elements, otherwise laid out.
  void lay_out(Layout layout) { layout_ = std::move(layout); }
  /// The layout stays, but for axes that are gone.
  void set_map(const tensor::Shape& map);
  /// The row of numbers that is the input is this map, in `layout`. Only before the first operation.
  bool input_becomes(const tensor::Shape& map, Layout layout);
  /// Whether a value of four dimensions, as the input or right behind it, is rows, columns, channels: by the first node
  /// that must know, or where none does, by which side has as many channels as a picture.
  bool is_channels_last(std::string name, const std::vector<std::int64_t>& dims) const;
  void end_with(const Node& node, PostOperation post);

  /// Zeros that a Pad has put around the map and no window has taken yet.
  void pad(const Node& node, const Padding& padding);
  const Padding& padding() const { return padding_; }
  bool is_padded() const { return padding_.top + padding_.left + padding_.bottom + padding_.right != 0; }
  /// The window that comes reads them itself.
  void take_padding(tensor::Window& window);
  /// A layer that hands the map through writes them.
  protocol::Result<void> write_padding();

  /// Whether a ReLU has seen to it that no element is below zero.
  bool is_nonnegative() const;

  protocol::Result<void> must_be_nchw(const Node& node) const;

 private:
  protocol::Result<void> read_input();
  protocol::Result<void> visit(const Node& node);
  protocol::Result<void> fold(const Node& node);
  protocol::Result<std::size_t> find_data_operand(const Node& node) const;
  protocol::Result<void> check_extra_outputs(const Node& node) const;
  void forget_constants(const Node& node);

  Graph& graph_;
  Chain chain_;
  std::string value_;  ///< its name
  tensor::Shape map_;
  Layout layout_;
  std::size_t data_operand_ = 0;
  std::map<std::string, std::vector<std::int64_t>> shapes_;  ///< of all values so far
  std::map<std::string, std::size_t> uses_;                  ///< of constants, by nodes to come
  Padding padding_;
  std::string padded_by_;
  std::string ended_by_;
  std::size_t constants_kept_ = 0, constants_most_ = 0;  ///< elements
  double macs_ = 0, comparisons_ = 0, additions_ = 0;
};

}  // namespace blindsight::model
