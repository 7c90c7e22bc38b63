#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/plan/plan.h"
#include "protocol/core/result.h"

namespace blindsight::model {

std::string_view name(OutputKind kind);

/// What the outputs of a trained network are, as far as its graph says: a softmax or a sigmoid at its end. Without
/// them, several outputs are taken for the logits of a classifier, which is how one is usually exported, and one for a
/// number.
OutputKind output_kind(const FloatNetwork& network);
/// Whether the graph says it.
bool says_output(const FloatNetwork& network);

/// A kind fits its number of outputs: one logit for sigmoid, two or more for softmax.
protocol::Result<void> check_output(OutputKind kind, std::size_t outputs);
/// It also says nothing else than the graph does, where that says it.
protocol::Result<void> check_output(OutputKind kind, const FloatNetwork& network);
/// One name per output, each another one that can be shown.
protocol::Result<void> check_labels(const std::vector<std::string>& labels, std::size_t outputs);

/// Whether outputs of this kind are the logits of a yes each.
constexpr bool has_threshold(OutputKind kind) {
  return kind == OutputKind::sigmoid || kind == OutputKind::independent;
}

/// What a person reads: softmax over all, or the sigmoid of each. Empty for numbers.
std::vector<double> probabilities(OutputKind kind, std::span<const double> logits);

/// Index of the largest logit.
std::size_t predicted(std::span<const double> logits);

/// The outputs that the answer names: of a softmax the likeliest one; of sigmoids those above the threshold; of numbers
/// none.
std::vector<std::size_t> chosen(OutputKind kind, double threshold, std::span<const double> logits);

/// The trained graph's own outputs, after what it does with its last linear result.
std::vector<double> after(PostOperation post, std::span<const double> logits);

}  // namespace blindsight::model
