#include "model/plan/output.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "model/fault.h"
#include "model/plan/sizes.h"
#include "protocol/core/text.h"

namespace blindsight::model {

using protocol::in_quotes;
using protocol::Result;

namespace {

std::vector<double> softmax(std::span<const double> logits) {
  std::vector<double> p(logits.begin(), logits.end());
  if (p.empty()) return p;
  const double largest = *std::max_element(p.begin(), p.end());
  double sum = 0;
  for (double& v : p) sum += v = std::exp(v - largest);
  for (double& v : p) v /= sum;
  return p;
}

std::vector<double> sigmoid(std::span<const double> logits) {
  std::vector<double> p;
  for (const double v : logits) p.push_back(1 / (1 + std::exp(-v)));
  return p;
}

std::vector<double> log_softmax(std::span<const double> logits) {
  std::vector<double> p(logits.begin(), logits.end());
  if (p.empty()) return p;
  const double largest = *std::max_element(p.begin(), p.end());
  double sum = 0;
  for (const double v : p) sum += std::exp(v - largest);
  for (double& v : p) v -= largest + std::log(sum);
  return p;
}

/// As ONNX calls it.
std::string_view operation(PostOperation post) {
  constexpr std::array<std::string_view, 4> names = {"", "Softmax", "LogSoftmax", "Sigmoid"};
  return names.at(static_cast<std::size_t>(post));
}

bool is_blank(const std::string& text) {
  return text.find_first_not_of(' ') == std::string::npos;
}

}  // namespace

std::string_view name(OutputKind kind) {
  constexpr std::array<std::string_view, 4> names = {"softmax", "sigmoid", "independent", "none"};
  return names.at(static_cast<std::size_t>(kind));
}

OutputKind output_kind(const FloatNetwork& network) {
  const bool several = network.layers.back().conv.out_channels > 1;
  switch (network.post) {
    case PostOperation::softmax:
    case PostOperation::log_softmax:
      return OutputKind::softmax;
    case PostOperation::sigmoid:
      return several ? OutputKind::independent : OutputKind::sigmoid;
    case PostOperation::none:
      break;
  }
  return several ? OutputKind::softmax : OutputKind::none;
}

bool says_output(const FloatNetwork& network) {
  return network.post != PostOperation::none;
}

Result<void> check_output(OutputKind kind, std::size_t outputs) {
  if (kind > OutputKind::none) return fail("what its outputs are is unknown");
  if (kind == OutputKind::sigmoid && outputs != 1)
    return fail("output sigmoid is one yes or no, and the network has " + std::to_string(outputs) +
                " outputs: independent is the word for several of them");
  if (kind == OutputKind::softmax && outputs < 2)
    return fail(
        "output softmax is a choice among several outputs, and the network has one, whose probability would always be "
        "100 %: sigmoid if it is the logit of a yes/no question, none if it is a number");
  return {};
}

Result<void> check_output(OutputKind kind, const FloatNetwork& network) {
  const std::size_t outputs = network.layers.back().conv.out_channels;
  const OutputKind said = output_kind(network);
  if (says_output(network) && kind != said)
    return fail("output " + std::string(name(kind)) + " contradicts the model, whose graph ends with " +
                std::string(operation(network.post)) + ": its outputs are told as " + std::string(name(said)) +
                "; leave the output out, or export the model without that operation if it is wrong");
  if (said == OutputKind::softmax && outputs < 2)
    return fail("the model's graph ends with " + std::string(operation(network.post)) +
                " over one output, whose probability would always be 100 %: export the model without that operation");
  return check_output(kind, outputs);
}

Result<void> check_labels(const std::vector<std::string>& labels, std::size_t outputs) {
  if (labels.size() != outputs || labels.size() > most_labels)
    return fail("there are " + std::to_string(labels.size()) + " labels for " + std::to_string(outputs) +
                " outputs: each output has one" +
                (labels.size() > most_labels ? ", and at most " + std::to_string(most_labels) + " are supported" : ""));
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (is_blank(labels[i])) return fail("label " + std::to_string(i + 1) + " is empty: each output needs a name");
    if (labels[i].size() > longest_text || !protocol::is_printable(labels[i]))
      return fail("label " + in_quotes(labels[i]) + " cannot be shown: at most " + std::to_string(longest_text) +
                  " bytes of UTF-8 without control characters");
    if (!seen.insert(labels[i]).second)
      return fail("label " + in_quotes(labels[i]) + " is there twice: nobody could tell the two outputs apart");
  }
  return {};
}

std::vector<double> probabilities(OutputKind kind, std::span<const double> logits) {
  if (kind == OutputKind::softmax) return softmax(logits);
  return has_threshold(kind) ? sigmoid(logits) : std::vector<double>{};
}

std::size_t predicted(std::span<const double> logits) {
  return static_cast<std::size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

std::vector<std::size_t> chosen(OutputKind kind, double threshold, std::span<const double> logits) {
  if (kind == OutputKind::softmax) return {predicted(logits)};
  std::vector<std::size_t> above;
  const auto p = probabilities(kind, logits);
  for (std::size_t i = 0; i < p.size(); ++i)
    if (p[i] > threshold) above.push_back(i);
  return above;
}

std::vector<double> after(PostOperation post, std::span<const double> logits) {
  switch (post) {
    case PostOperation::softmax:
      return softmax(logits);
    case PostOperation::log_softmax:
      return log_softmax(logits);
    case PostOperation::sigmoid:
      return sigmoid(logits);
    case PostOperation::none:
      break;
  }
  return {logits.begin(), logits.end()};
}

}  // namespace blindsight::model
