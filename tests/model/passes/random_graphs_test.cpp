#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "model/onnx/export.h"
#include "model/plaintext/float_oracle.h"
#include "tests/model/support/onnx_builder.h"
#include "tests/model/support/reference.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

namespace {

using Dims = std::vector<std::int64_t>;

/// Strings operators together at random, each with attributes and constants that ONNX allows where it stands: what an
/// exporter may write, in orders that nobody thought of.
class RandomGraph {
 public:
  explicit RandomGraph(unsigned seed) : random_(seed), builder_(start(), pick(2) == 0 ? 11 : 18) {}

  /// The builder, with the current value as the output.
  OnnxBuilder& build() {
    const std::size_t steps = 2 + pick(7);
    for (std::size_t i = 0; i < steps; ++i) step();
    if (pick(3) != 0) {
      flatten();
      matrix(3);
    } else if (pick(2) == 0) {
      flatten();
    }
    if (pick(4) == 0) softmax();
    (void)builder_.file();
    return builder_;
  }

  const Dims& input() const { return input_; }

 private:
  Dims start() {
    switch (pick(6)) {
      case 0:
        return input_ = {1, static_cast<std::int64_t>(6 + pick(20))};
      case 1:
        return input_ = {1, static_cast<std::int64_t>(3 + pick(4)), static_cast<std::int64_t>(3 + pick(4))};
      case 2:
        return input_ = {pick(2) == 0 ? 0 : 1, 7, 5, 3};
      default:
        return input_ = {pick(2) == 0 ? 0 : 1, static_cast<std::int64_t>(1 + pick(3)),
                         static_cast<std::int64_t>(4 + pick(5)), static_cast<std::int64_t>(4 + pick(5))};
    }
  }

  std::size_t pick(std::size_t n) { return random_() % n; }
  std::int64_t number(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(pick(static_cast<std::size_t>(high - low + 1)));
  }
  std::string name() {
    std::string id(1, 'n');
    return id += std::to_string(count_++);
  }

  Dims dims() {
    (void)builder_.file();
    std::size_t n = 1;
    for (const auto d : input_) n *= static_cast<std::size_t>(std::max<std::int64_t>(d, 1));
    // Before the first node the value is the input.
    if (builder_.model().graph().node_size() == 0) {
      Dims own = input_;
      own[0] = 1;
      return own;
    }
    return evaluate(builder_.model(), std::vector<double>(n, 0.5)).dims;
  }

  std::string constant(const Dims& shape, float least = -1, float most = 1) {
    std::size_t n = 1;
    for (const auto d : shape) n *= static_cast<std::size_t>(d);
    std::uniform_real_distribution<float> values(least, most);
    std::vector<float> v(n);
    for (float& x : v) x = values(random_);
    const std::string id = name();
    builder_.reals(id, shape, v);
    return id;
  }

  std::string list(const Dims& values) {
    const std::string id = name();
    builder_.integers(id, values);
    return id;
  }

  void step() {
    const Dims d = dims();
    const bool map = d.size() == 4;
    switch (pick(map ? 17 : 10)) {
      case 0:
        builder_.node("Relu", name());
        break;
      case 1:
      case 2:
        arithmetic(d);
        break;
      case 3: {
        const char* ops[] = {"Identity", "Dropout", "Cast"};
        auto& node = builder_.node(ops[pick(3)], name());
        if (node.op_type() == "Cast") set(node, "to", std::int64_t{1});
        break;
      }
      case 4:
        normalize(d);
        break;
      case 5:
        if (d.size() < 5) unsqueeze(d);
        break;
      case 6:
        squeeze(d);
        break;
      case 7:
        if (pick(2) == 0) matrix(number(2, 5));
        break;
      case 8:
        clip(d);
        break;
      case 9:
        if (pick(3) == 0) reshape(d);
        break;
      case 10:
      case 11:
      case 12:
        convolve(d);
        break;
      case 13:
      case 14:
        pool(d);
        break;
      case 15:
        pick(2) == 0 ? pad(d) : reduce();
        break;
      default:
        transpose();
    }
  }

  void arithmetic(const Dims& d) {
    Dims shape(d.begin() + static_cast<std::ptrdiff_t>(pick(d.size() + 1)), d.end());
    for (auto& s : shape)
      if (pick(2) == 0) s = 1;
    const char* ops[] = {"Add", "Sub", "Mul", "Div"};
    const std::string op = ops[pick(4)];
    const std::string c = op == "Div" ? constant(shape, 0.5F, 2) : constant(shape);
    if (op != "Div" && pick(4) == 0) {
      const std::string id = name();
      builder_.aside(op, id, {c, builder_.value()});
      builder_.continue_from(id + ".out");
    } else {
      builder_.node(op, name(), {c});
    }
  }

  void normalize(const Dims& d) {
    if (d.size() < 2) return;
    const Dims n{d[1]};
    builder_.node("BatchNormalization", name(), {constant(n), constant(n), constant(n), constant(n, 0.3F, 2)});
  }

  void unsqueeze(const Dims& d) {
    const Dims axes{number(0, static_cast<std::int64_t>(d.size()))};
    if (opset() < 13)
      set(builder_.node("Unsqueeze", name()), "axes", axes);
    else
      builder_.node("Unsqueeze", name(), {list(axes)});
  }

  void squeeze(const Dims& d) {
    Dims ones;
    for (std::size_t i = 0; i < d.size(); ++i)
      if (d[i] == 1)
        ones.push_back(static_cast<std::int64_t>(i) - (pick(2) == 0 ? static_cast<std::int64_t>(d.size()) : 0));
    if (ones.empty() || d.size() < 2) return;
    const Dims axes{ones[pick(ones.size())]};
    if (opset() < 13)
      set(builder_.node("Squeeze", name()), "axes", axes);
    else
      builder_.node("Squeeze", name(), {list(axes)});
  }

  void clip(const Dims& d) {
    const bool clips = pick(2) == 0;
    const std::string zero = constant(clips ? Dims{} : Dims(d.size(), 1), 0, 0);
    builder_.node(clips ? "Clip" : "Max", name(), {zero});
  }

  void reshape(const Dims& d) {
    Dims to{1, -1};
    if (d.size() == 4 && pick(2) == 0) to = {1, d[1] * d[2], d[3]};
    if (d.size() == 4 && pick(3) == 0) to = {0, 0, -1};
    builder_.node("Reshape", name(), {list(to)});
  }

  void convolve(const Dims& d) {
    const std::int64_t kh = number(1, 3), kw = number(1, 3), out = number(1, 4), dilation = pick(4) == 0 ? 2 : 1;
    const std::string w = constant({out, d[1], kh, kw}, -0.6F, 0.6F);
    Dims pads{number(0, 2), number(0, 2), number(0, 2), number(0, 2)};
    if (d[2] + pads[0] + pads[2] < (kh - 1) * dilation + 1 || d[3] + pads[1] + pads[3] < (kw - 1) * dilation + 1)
      return;
    auto& node =
        pick(2) == 0 ? builder_.node("Conv", name(), {w}) : builder_.node("Conv", name(), {w, constant({out})});
    set(node, "strides", Dims{number(1, 2), number(1, 2)});
    set(node, "dilations", Dims{dilation, dilation});
    if (pick(3) == 0)
      set(node, "auto_pad", std::string(pick(2) == 0 ? "SAME_UPPER" : "SAME_LOWER"));
    else
      set(node, "pads", pads);
  }

  void pool(const Dims& d) {
    const std::int64_t kh = number(1, 3), kw = number(1, 3);
    Dims pads{number(0, kh - 1), number(0, kw - 1), number(0, kh - 1), number(0, kw - 1)};
    if (pick(2) == 0) pads = {0, 0, 0, 0};
    if (d[2] + pads[0] + pads[2] < kh || d[3] + pads[1] + pads[3] < kw) return;
    auto& node = builder_.node(pick(2) == 0 ? "MaxPool" : "AveragePool", name());
    set(node, "kernel_shape", Dims{kh, kw});
    set(node, "strides", Dims{number(1, 3), number(1, 3)});
    set(node, "pads", pads);
    if (pick(3) == 0) set(node, "ceil_mode", std::int64_t{1});
    if (node.op_type() == "AveragePool" && pick(2) == 0) set(node, "count_include_pad", std::int64_t{1});
  }

  void pad(const Dims& d) {
    const bool channels_last = d[3] <= 3 && d[1] > 3;
    Dims pads(8, 0);
    const std::size_t row = channels_last ? 1 : 2;
    for (const std::size_t i : {row, row + 1, row + 4, row + 5}) pads[i] = number(0, 2);
    if (opset() < 18)
      builder_.node("Pad", name(), {list(pads)});
    else
      builder_.node("Pad", name(),
                    {list({pads[row], pads[row + 1], pads[row + 4], pads[row + 5]}), "",
                     list({static_cast<std::int64_t>(row), static_cast<std::int64_t>(row) - 3})});
  }

  void reduce() {
    const bool keep = pick(2) == 0, maximum = pick(2) == 0;
    if (pick(3) == 0) {
      builder_.node(maximum ? "GlobalMaxPool" : "GlobalAveragePool", name());
      return;
    }
    const Dims axes = pick(2) == 0 ? Dims{2, 3} : pick(2) == 0 ? Dims{-1, -2} : Dims{1, 2};
    auto& node = opset() < 18 ? builder_.node(maximum ? "ReduceMax" : "ReduceMean", name())
                              : builder_.node(maximum ? "ReduceMax" : "ReduceMean", name(), {list(axes)});
    if (opset() < 18) set(node, "axes", axes);
    set(node, "keepdims", std::int64_t{keep ? 1 : 0});
  }

  void transpose() {
    const Dims perms[] = {{0, 2, 3, 1}, {0, 3, 1, 2}, {0, 2, 1, 3}};
    set(builder_.node("Transpose", name()), "perm", perms[pick(3)]);
  }

  void flatten() {
    const Dims d = dims();
    if (pick(3) == 0)
      builder_.node("Reshape", name(), {list({1, -1})});
    else
      set(builder_.node("Flatten", name()), "axis", std::int64_t{d.size() > 1 && d[0] == 1 ? 1 : 0});
  }

  void matrix(std::int64_t out) {
    const Dims d = dims();
    if (d.empty() || d.back() > 400) return;
    const std::string w = constant({d.back(), out}, -0.4F, 0.4F);
    if (d.size() != 2 || pick(2) == 0) {
      builder_.node("MatMul", name(), {w});
      return;
    }
    const Dims biases[] = {{out}, {1, out}, {1}, {}};
    builder_.node("Gemm", name(), {w, constant(biases[pick(4)])});
  }

  void softmax() {
    const char* ops[] = {"Softmax", "LogSoftmax", "Sigmoid"};
    builder_.node(ops[pick(3)], name());
  }

  std::int64_t opset() { return builder_.model().opset_import(0).version(); }

  std::mt19937 random_;
  std::size_t count_ = 0;
  Dims input_;
  OnnxBuilder builder_;
};

/// The graph's own order to ours, by which way the import took the input.
std::vector<float> in_our_order(const std::vector<double>& image, const Dims& dims, const tensor::Shape& input) {
  std::vector<float> out(image.begin(), image.end());
  if (dims.size() != 4 || input.channels != static_cast<std::size_t>(dims[1])) return out;
  for (std::size_t c = 0; c < input.channels; ++c)
    for (std::size_t p = 0; p < input.height * input.width; ++p)
      out[p * input.channels + c] = static_cast<float>(image[c * input.height * input.width + p]);
  return out;
}

std::vector<double> after(PostOperation post, const std::vector<float>& logits) {
  std::vector<double> out(logits.begin(), logits.end());
  double sum = 0;
  for (const double v : out) sum += std::exp(v);
  for (double& v : out)
    v = post == PostOperation::softmax       ? std::exp(v) / sum
        : post == PostOperation::log_softmax ? v - std::log(sum)
        : post == PostOperation::sigmoid     ? 1 / (1 + std::exp(-v))
                                             : v;
  return out;
}

}  // namespace

TEST_CASE("what the import accepts of random graphs computes what the operators say, number for number") {
  constexpr unsigned rounds = 3000;
  unsigned accepted = 0, judged = 0;
  for (unsigned seed = 0; seed < rounds; ++seed) {
    CAPTURE(seed);
    RandomGraph graph(seed);
    auto& built = graph.build();
    CAPTURE(built.model().graph().ShortDebugString().substr(0, 3000));
    const auto network = built.import();
    if (!network) {
      CHECK(network.error().what.size() > 20);
      continue;
    }
    ++accepted;
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> pixels(-1, 1);
    std::vector<double> image(network->input.elements());
    for (double& v : image) v = pixels(random);
    const Tensor expected = evaluate(built.model(), image);
    const auto got = after(network->post, run_float(*network, in_our_order(image, graph.input(), network->input)));
    double largest = 1;
    for (const double v : expected.values) largest = std::max(largest, std::abs(v));
    if (!std::isfinite(largest)) continue;  // the reference's own numbers ran away
    REQUIRE(got.size() == expected.values.size());
    double worst = 0;
    for (std::size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::abs(got[i] - expected.values[i]));
    CHECK(worst < 1e-3 * largest);
    ++judged;
    // What prune writes is read back as the same.
    const auto exported = to_onnx(*network);
    REQUIRE(exported.has_value());
    const auto again = import_onnx(*exported, "exported.onnx");
    REQUIRE_MESSAGE(again.has_value(), (again ? "" : again.error().what));
    REQUIRE(again->input == network->input);
    CHECK(again->post == network->post);
    CHECK(again->layers.size() == network->layers.size());
    const auto ours = in_our_order(image, graph.input(), network->input);
    CHECK(distance(run_float(*again, ours), run_float(*network, ours)) < 1e-4 * largest);
  }
  MESSAGE(accepted << " of " << rounds << " accepted, " << judged << " compared");
  CHECK(judged > rounds / 4);
}
