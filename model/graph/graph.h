#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/core/text.h"

namespace blindsight::model {

/// Dimensions of a tensor, at most; no operator here makes sense of more.
constexpr std::size_t most_dimensions = 16;

/// A tensor known at import, rows last as ONNX has it. Integers of up to 32 bits and truth values are kept as 32 bits,
/// of 64 as 64.
struct Constant {
  std::vector<std::int64_t> dims;  ///< their product is the number of values
  std::variant<std::vector<float>, std::vector<std::int32_t>, std::vector<std::int64_t>> values;

  std::size_t elements() const {
    return std::visit([](const auto& v) { return v.size(); }, values);
  }
};

/// An attribute of a type that no operator here asks for (a graph, a list of texts): in the way only where it is used.
struct ForeignAttribute {};

using Attribute = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>,
                               Constant, ForeignAttribute>;

struct Node {
  std::string name, op;
  std::vector<std::string> inputs, outputs;  ///< empty string: an optional one that is left out
  std::map<std::string, Attribute> attributes;
};

/// An input of a graph that is no constant.
struct GraphInput {
  std::string name;
  std::vector<std::int64_t> dims;  ///< 0 where the file leaves one open
  std::string problem;             ///< why it cannot be an image; empty when it can
};

/// A network as it came from its file, free of the file's format: what the passes work on.
struct Graph {
  std::string name;
  std::int64_t opset = 0;
  std::vector<GraphInput> inputs;
  std::string output;
  std::string input;                     ///< the one input that the output depends on; check_well_formed() finds it
  std::vector<std::int64_t> input_dims;  ///< its; batch first
  std::vector<Node> nodes;               ///< in order of evaluation
  std::map<std::string, Constant> constants;
};

using protocol::in_quotes;
/// "node 'conv1' (Conv)", or by its output when it has no name: how errors speak of a node.
std::string describe(const Node& node);
/// "1×64×28×28".
std::string describe(const std::vector<std::int64_t>& dims);

}  // namespace blindsight::model
