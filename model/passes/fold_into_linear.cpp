#include "model/passes/passes.h"

namespace blindsight::model {

using protocol::fail;
using protocol::Result;

Result<void> fold_into_linear(Chain& chain) {
  std::vector<ChainNode> rest;
  for (ChainNode& node : chain.nodes) {
    const auto* affine = std::get_if<Affine>(&node.op);
    if (affine == nullptr) {
      rest.push_back(std::move(node));
      continue;
    }
    auto* linear = rest.empty() ? nullptr : std::get_if<Linear>(&rest.back().op);
    if (linear == nullptr)
      return fail(node.what + (rest.empty() ? " comes first" : " follows " + rest.back().what) +
                  "; supported is directly after a Conv, Gemm or MatMul, into which it is folded");
    const std::size_t out = linear->conv.out_channels;
    if (affine->scale.size() != out)
      return fail(node.what + " has " + std::to_string(affine->scale.size()) + " values for the " +
                  std::to_string(out) + " channels of " + rest.back().what);
    // (x·W + b)·s + t = x·(W·s) + (b·s + t)
    for (std::size_t i = 0; i < linear->filter.size(); ++i) linear->filter[i] *= affine->scale[i % out];
    for (std::size_t c = 0; c < out; ++c) linear->bias[c] = linear->bias[c] * affine->scale[c] + affine->shift[c];
  }
  chain.nodes = std::move(rest);
  return {};
}

}  // namespace blindsight::model
