#include "model/quantize/compile.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "model/plaintext/fixed_oracle.h"
#include "model/plaintext/float_oracle.h"
#include "model/plan/output.h"
#include "model/quantize/rounding.h"
#include "protocol/core/text.h"
#include "tests/model/support/onnx_builder.h"
#include "tests/model/support/zoo.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;

namespace {

Preprocessing plain(const tensor::Shape& size) {
  // Pixels to -1..1, where noise() lies.
  return {size, 2.0F / 255, std::vector<float>(size.channels, 1), std::vector<float>(size.channels, 1)};
}

std::vector<Image> noise_images(const tensor::Shape& size, std::size_t count, unsigned seed) {
  std::vector<Image> images;
  for (std::size_t i = 0; i < count; ++i)
    images.push_back({"noise " + std::to_string(i),
                      noise(size.elements(), seed + static_cast<unsigned>(i)),
                      size.height,
                      size.width,
                      {}});
  return images;
}

std::vector<float> scaled(std::vector<float> values, float factor) {
  for (float& v : values) v *= factor;
  return values;
}

/// Convolutions wide enough for Winograd, both kinds of pools, a layer without ReLU, a fully connected end.
FloatNetwork mixed() {
  OnnxBuilder b({1, 3, 24, 20});
  auto conv = [&](const std::string& name, std::int64_t in, std::int64_t out, std::int64_t k) {
    b.reals(name + ".w", {out, in, k, k},
            scaled(noise(static_cast<std::size_t>(out * in * k * k), 3), 1.0F / static_cast<float>(in)));
    b.reals(name + ".b", {out}, scaled(noise(static_cast<std::size_t>(out), 4), 0.1F));
    set(b.node("Conv", name, {name + ".w", name + ".b"}), "pads", std::vector<std::int64_t>(4, k / 2));
  };
  auto pool = [&](const std::string& op, const std::string& name) {
    auto& node = b.node(op, name);
    set(node, "kernel_shape", std::vector<std::int64_t>{2, 2});
    set(node, "strides", std::vector<std::int64_t>{2, 2});
  };
  conv("one", 3, 16, 3);
  b.node("Relu", "r1");
  pool("AveragePool", "p1");
  conv("two", 16, 16, 3);
  pool("MaxPool", "p2");
  b.node("Relu", "r2");
  conv("three", 16, 20, 1);
  conv("four", 20, 16, 3);
  b.node("Relu", "r4");
  pool("AveragePool", "p4");
  b.node("Flatten", "f");
  b.reals("dense.w", {3 * 2 * 16, 4}, noise(3 * 2 * 16 * 4, 9));
  b.node("MatMul", "dense", {"dense.w"});
  auto network = b.import();
  REQUIRE_MESSAGE(network.has_value(), (network ? "" : network.error().what));
  return *network;
}

/// All of a compiled model but what is another at each compilation.
std::pair<std::vector<std::uint8_t>, std::vector<std::uint8_t>> bytes_without_nonce(Compiled c) {
  c.plan.weights_commitment = {};
  c.weights.nonce = {};
  return {to_bytes(c.plan), to_bytes(c.weights)};
}

bool has_eight_bits(double v) {
  int exponent = 0;
  const double part = std::frexp(v, &exponent) * 256;
  return part == std::round(part);
}

bool has_two_digits(double v) {
  const double shown = v / std::pow(10, std::floor(std::log10(v) + 1e-9) - 1);
  return std::abs(shown - std::round(shown)) < 1e-6;
}

}  // namespace

TEST_CASE("mnist-8 in integers reads at least 98 of 100 digits and stays in its range") {
  const Compiled& c = compiled_mnist();
  const FixedOracle oracle(c.plan, c.weights);
  const auto network = mnist();
  const auto images = digits();
  const auto labels = digit_labels();
  REQUIRE(images.size() == 100);
  REQUIRE(labels.size() == 100);
  int nearest_right = 0, dither_right = 0;
  double largest_difference = 0, largest_logit = 0;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto input = encode_input(c.plan, images[i].values);
    REQUIRE(input.has_value());
    const auto nearest = oracle.run(*input, Rounding::nearest), dither = oracle.run(*input, Rounding::dither, i);
    CHECK(*std::max_element(nearest.worst.begin(), nearest.worst.end()) <= 1);
    const auto logits = decode_output(c.plan, nearest.output);
    nearest_right += predicted(logits) == labels[i] ? 1 : 0;
    dither_right += predicted(decode_output(c.plan, dither.output)) == labels[i] ? 1 : 0;
    const auto real = run_float(network, images[i].values);
    for (std::size_t k = 0; k < real.size(); ++k) {
      largest_difference = std::max(largest_difference, std::abs(logits[k] - static_cast<double>(real[k])));
      largest_logit = std::max(largest_logit, std::abs(static_cast<double>(real[k])));
    }
  }
  CHECK(nearest_right >= 98);
  CHECK(dither_right >= 98);
  CHECK(largest_difference < 0.005 * largest_logit);
}

TEST_CASE("dithered runs stay within the stated error of the nearest-rounded one") {
  const Compiled& c = compiled_mnist();
  const FixedOracle oracle(c.plan, c.weights);
  CHECK(c.plan.stated_error > 0);
  double largest = 0;
  const auto images = digits();
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto input = *encode_input(c.plan, images[i].values);
    const auto a = decode_output(c.plan, oracle.run(input, Rounding::nearest).output),
               b = decode_output(c.plan, oracle.run(input, Rounding::dither, i).output);
    for (std::size_t k = 0; k < a.size(); ++k) largest = std::max(largest, std::abs(a[k] - b[k]));
  }
  CHECK(largest <= c.plan.stated_error);
  CHECK(largest > c.plan.stated_error / 10);  // and it is no empty promise
}

TEST_CASE(
    "a network of every kind of layer keeps its logits, and each layer's integers are its reals times its scale") {
  const auto network = mixed();
  const auto images = noise_images(network.input, 8, 100);
  const auto c = compile(network, plain(network.input), images, {});
  REQUIRE_MESSAGE(c.has_value(), (c ? "" : c.error().what));
  const auto& layers = c->plan.network.layers;
  CHECK(layers[0].algorithm == tensor::ConvAlgorithm::direct);  // three channels
  CHECK(layers[1].algorithm == tensor::ConvAlgorithm::winograd4);
  CHECK(layers[2].algorithm == tensor::ConvAlgorithm::direct);  // 1×1
  CHECK(layers[4].conv.in == tensor::Shape{1, 1, 96});
  const FixedOracle oracle(c->plan, c->weights);
  Plan direct_plan = c->plan;
  for (auto& layer : direct_plan.network.layers) layer.algorithm = tensor::ConvAlgorithm::direct;
  const FixedOracle direct(direct_plan, c->weights);
  for (const auto& image : noise_images(network.input, 3, 900)) {
    const auto input = *encode_input(c->plan, image.values);
    std::vector<FloatTrace> real;
    const auto logits = run_float(network, image.values, [&](std::size_t, const FloatTrace& t) { real.push_back(t); });
    const auto run = oracle.run(input, Rounding::nearest, 0, [&](std::size_t i, const FixedTrace& t) {
      const double unit = std::ldexp(c->weights.scales[i], static_cast<int>(layers[i].fraction_bits));
      double off = 0;
      for (std::size_t j = 0; j < t.linear.size(); ++j)
        off = std::max(off, std::abs(static_cast<double>(t.linear[j]) / unit - static_cast<double>(real[i].linear[j])));
      CAPTURE(i);
      CHECK(off < 0.02 * c->growth[i].all);
      CHECK(t.worst <= 1);
    });
    CHECK(direct.run(input, Rounding::nearest).output == run.output);
    const auto fixed = decode_output(c->plan, run.output);
    for (std::size_t k = 0; k < logits.size(); ++k)
      CHECK(std::abs(fixed[k] - static_cast<double>(logits[k])) < 0.01 * c->growth.back().all);
  }
}

TEST_CASE("the largest calibrated value maps to just under 2^A, and headroom is above it") {
  const auto network = mixed();
  CompileOptions options;
  options.activation_bits = 9;
  options.headroom_bits = 2;
  const auto c = compile(network, plain(network.input), noise_images(network.input, 4, 100), options);
  REQUIRE(c.has_value());
  const auto& blink = *protocol::find_protocol("blink");
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const auto& layer = c->plan.network.layers[i];
    CHECK(layer.headroom_bits == 2);
    const double most = std::ldexp(1.0, static_cast<int>(layer.activation_bits)) - 1,
                 largest = c->weights.scales[i] * c->growth[i].all;
    CHECK(largest <= most * (1 + 1e-9));
    // The outputs' scale has eight bits, for it is public.
    CHECK(largest >= most * (i + 1 == network.layers.size() ? 127.0 / 128 : 1 - 1e-9));
    CHECK(c->plan.worst_calibrated[i] > 0.24);
    CHECK(c->plan.worst_calibrated[i] < 0.26);
    CHECK(blink.rings(c->plan.network, static_cast<protocol::LayerId>(i)).linear_bits +
              tensor::bits_spent(layer.algorithm) <=
          32);
    CHECK(blink.check_layer(c->plan.network, static_cast<protocol::LayerId>(i)));
  }
  CHECK(c->plan.network.layers.back().activation_bits == options.output_bits);
}

TEST_CASE(
    "with polynomials of each degree for ReLU mnist-8 still reads most digits, as the same polynomials do in float") {
  const auto network = mnist();
  const auto images = digits();
  const auto labels = digit_labels();
  const auto calibration =
      *load_images("model/zoo/mnist-calibration.idx3-ubyte", *Preprocessing::preset("raw", network.input));
  double before = 1e9;
  for (const unsigned degree : {2U, 4U, 8U}) {
    CAPTURE(degree);
    CompileOptions options;
    options.relu_degree = degree;
    const auto c = compile(network, *Preprocessing::preset("raw", network.input), calibration, options);
    REQUIRE(c.has_value());
    const FixedOracle oracle(c->plan, c->weights, protocol::plaintext::Relu::polynomial);
    int right = 0;
    double squares = 0;
    for (std::size_t i = 0; i < images.size(); ++i) {
      const auto logits =
          decode_output(c->plan, oracle.run(*encode_input(c->plan, images[i].values), Rounding::nearest).output);
      right += predicted(logits) == labels[i] ? 1 : 0;
      const auto exact = run_float(network, images[i].values);
      std::vector<float> x = images[i].values;
      for (std::size_t l = 0; l < network.layers.size(); ++l) {
        const double range =
            (std::ldexp(1.0, static_cast<int>(c->plan.network.layers[l].activation_bits)) - 1) / c->weights.scales[l];
        x = run_float_layer(network.layers[l], x, [&](float v) {
              return static_cast<float>(
                  range * protocol::plaintext::relu_polynomial(c->plan.network.layers[l].relu_fit, v / range));
            }).output;
      }
      for (std::size_t k = 0; k < logits.size(); ++k) {
        CHECK(std::abs(logits[k] - static_cast<double>(x[k])) < 0.01 * c->growth.back().all);
        squares += std::pow(logits[k] - static_cast<double>(exact[k]), 2);
      }
    }
    CHECK(right >= 90);
    CHECK(squares < before);
    before = squares;
  }
}

TEST_CASE("without a degree a plan has no polynomials, and a degree that is none is refused") {
  const auto network = mixed();
  const auto images = noise_images(network.input, 2, 100);
  CompileOptions options;
  options.relu_degree = 0;
  const auto c = compile(network, plain(network.input), images, options);
  REQUIRE(c.has_value());
  for (const auto& layer : c->plan.network.layers) CHECK(layer.relu_fit == protocol::ReluFit{});
  const auto fitted = compile(network, plain(network.input), images, {});
  REQUIRE(fitted.has_value());
  for (const auto& layer : fitted->plan.network.layers) CHECK(layer.relu_fit.degree() == (layer.relu ? 4 : 0));
  for (const unsigned degree : {1U, 3U, 10U}) {
    options.relu_degree = degree;
    CHECK_FALSE(compile(network, plain(network.input), images, options).has_value());
  }
}

TEST_CASE("a bound on the weights' bits holds in every layer, tightly, and the logits follow as well as it allows") {
  const auto network = mixed();
  const auto images = noise_images(network.input, 4, 100);
  double before = 1e9;
  for (const unsigned bits : {4U, 6U, 8U, 12U}) {
    CAPTURE(bits);
    CompileOptions options;
    options.weight_bits = bits;
    const auto c = compile(network, plain(network.input), images, options);
    REQUIRE_MESSAGE(c.has_value(), (c ? "" : c.error().what));
    const std::int32_t bound = (1 << (bits - 1)) - 1;
    for (std::size_t i = 0; i < network.layers.size(); ++i) {
      std::int32_t largest = 0;
      for (const auto w : c->weights.layers[i].filter) largest = std::max(largest, std::abs(w));
      CHECK(largest <= bound);
      // One more bit of f would break the bound, rounding aside, or is more than the layer asked for.
      CHECK((2 * largest >= bound - 1 || c->plan.network.layers[i].fraction_bits >= CompileOptions{}.fraction_bits));
    }
    const FixedOracle oracle(c->plan, c->weights);
    double squares = 0;
    for (const auto& image : images) {
      const auto fixed =
          decode_output(c->plan, oracle.run(*encode_input(c->plan, image.values), Rounding::nearest).output);
      const auto real = run_float(network, image.values);
      for (std::size_t k = 0; k < real.size(); ++k) squares += std::pow(fixed[k] - static_cast<double>(real[k]), 2);
    }
    CHECK(squares < before);
    before = squares;
  }
  CompileOptions none;
  none.weight_bits = 1;
  CHECK_FALSE(compile(network, plain(network.input), images, none).has_value());
}

TEST_CASE("a layer whose weights are small beside its inputs gets more fraction bits") {
  OnnxBuilder b({1, 1, 32, 32});
  b.node("Flatten", "f");
  b.reals("w", {1024, 2}, scaled(noise(2048, 1), 1e-3F));
  b.node("MatMul", "m", {"w"});
  const auto network = b.import();
  REQUIRE(network.has_value());
  CompileOptions options;
  options.input_bits = 16;
  const auto c = compile(*network, plain({32, 32, 1}), noise_images({32, 32, 1}, 2, 5), options);
  REQUIRE(c.has_value());
  CHECK(c->plan.network.layers[0].fraction_bits > options.fraction_bits);
}

TEST_CASE("what does not fit is refused with the layer's name") {
  const auto network = mixed();
  const auto images = noise_images(network.input, 2, 100);
  auto refused = [&](const FloatNetwork& n, const CompileOptions& options, const std::vector<std::string>& words) {
    const auto c = compile(n, plain(network.input), images, options);
    REQUIRE_FALSE(c.has_value());
    CAPTURE(c.error().what);
    for (const auto& word : words) CHECK(c.error().what.find(word) != std::string::npos);
  };
  CompileOptions wide;
  wide.activation_bits = 14;
  refused(network, wide, {"'two'", "small ring of 17 bits"});
  CompileOptions fine;
  fine.fraction_bits = 21;
  refused(network, fine, {"'one'", "ring of 33 bits", "fraction"});
  CompileOptions labelled;
  labelled.labels = {"yes", "no"};
  refused(network, labelled, {"2 labels", "4 outputs"});
  const auto none = compile(network, plain(network.input), {}, {});
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().what.find("at least one image") != std::string::npos);
}

TEST_CASE("a plan keeps the limits of the protocols that it is compiled for, and of no other") {
  OnnxBuilder b({1, 3, 12, 12});
  b.reals("one.w", {16, 3, 3, 3}, noise(16 * 3 * 9, 3));
  set(b.node("Conv", "one", {"one.w"}), "pads", std::vector<std::int64_t>(4, 1));
  b.node("Relu", "r1");
  b.reals("two.w", {16, 16, 3, 3}, scaled(noise(16 * 16 * 9, 4), 0.1F));
  set(b.node("Conv", "two", {"two.w"}), "pads", std::vector<std::int64_t>(4, 1));
  b.node("Relu", "r2");
  b.node("GlobalAveragePool", "pool");
  b.node("Flatten", "f");
  b.reals("dense.w", {16, 3}, noise(16 * 3, 9));
  b.node("MatMul", "dense", {"dense.w"});
  const auto network = b.import();
  REQUIRE_MESSAGE(network.has_value(), (network ? "" : network.error().what));
  const auto images = noise_images(network->input, 4, 100);
  const auto *blink = protocol::find_protocol("blink"), *securenn = protocol::find_protocol("securenn"),
             *pond = protocol::find_protocol("pond");
  const auto made = [&](CompileOptions options, std::vector<const protocol::Protocol*> protocols) {
    options.protocols = std::move(protocols);
    return compile(*network, plain(network->input), images, options);
  };
  const auto bytes = [](const auto& compiled) {
    REQUIRE_MESSAGE(compiled.has_value(), (compiled ? "" : compiled.error().what));
    return bytes_without_nonce(*compiled);
  };
  const auto refusal = [](const auto& result) { return result ? std::string() : result.error().what; };

  // Where Blink's limits are the narrowest, a plan for all is Blink's.
  const auto usual = made({}, {blink});
  CHECK(bytes(compile(*network, plain(network->input), images, {})) == bytes(usual));
  CHECK(bytes(made({}, {pond, securenn, blink})) == bytes(usual));
  CHECK(usual->plan.network.layers[1].algorithm == tensor::ConvAlgorithm::winograd4);

  CompileOptions finer;
  finer.activation_bits = 18;
  finer.headroom_bits = 1;
  CHECK(refusal(made(finer, {blink})).find("protocol blink: layer 'one'") == 0);
  CHECK(refusal(made(finer, {securenn, blink})).find("protocol blink: layer 'one'") == 0);
  const auto for_securenn = made(finer, {securenn});
  REQUIRE_MESSAGE(for_securenn.has_value(), refusal(for_securenn));
  CHECK(check_plan(for_securenn->plan));
  CHECK(plan_from_bytes(to_bytes(for_securenn->plan)));
  CHECK(securenn->check(for_securenn->plan.network));
  CHECK(refusal(blink->check(for_securenn->plan.network)).find("layer 'one'") == 0);
  // Nobody there has a use for the algorithms that spend bits.
  CHECK(for_securenn->plan.network.layers[1].algorithm == tensor::ConvAlgorithm::direct);

  CompileOptions finest = finer;
  finest.fraction_bits = 16;
  CHECK(refusal(made(finest, {securenn})).find("protocol securenn: layer 'one'") == 0);
  const auto for_pond = made(finest, {pond});
  REQUIRE_MESSAGE(for_pond.has_value(), refusal(for_pond));
  CHECK(pond->check(for_pond->plan.network));
  CHECK(refusal(securenn->check(for_pond->plan.network)).find("layer 'one'") == 0);
  CompileOptions no_polynomial = finest;
  no_polynomial.relu_degree = 0;
  CHECK(refusal(made(no_polynomial, {pond})).find("layer 'one': Pond needs a polynomial") != std::string::npos);

  // Their integers follow the trained network.
  const auto furthest = [&](const Compiled& c) {
    double most = 0;
    const FixedOracle oracle(c.plan, c.weights);
    for (const Image& image : images) {
      const auto real = run_float(*network, image.values);
      const auto fixed =
          decode_output(c.plan, oracle.run(*encode_input(c.plan, image.values), Rounding::nearest).output);
      for (std::size_t k = 0; k < fixed.size(); ++k)
        most = std::max(most, std::abs(fixed[k] - static_cast<double>(real[k])));
    }
    return most;
  };
  for (const auto* c : {&usual, &for_securenn, &for_pond}) CHECK(furthest(**c) < 0.02);
}

TEST_CASE("the integer weights of mnist-8 are those that they always were") {
  Weights weights = compiled_mnist().weights;
  weights.nonce = {};
  CHECK(protocol::to_hex(commitment(weights)) == "e4db89213f129b7b1918d58605db16bf72383c38187d09f1ac662a6f11c89e2b");
  weights.layers.pop_back();
  CHECK(protocol::to_hex(commitment(weights)) == "2aa0c8bb1d6245916c31ed17b6014fc72a4268bef82355ad893b36602befddb7");
}

TEST_CASE("a model that is compiled twice is the same but for the nonce of its weights and the commitment") {
  const auto network = mixed();
  const auto images = noise_images(network.input, 3, 100);
  const auto one = compile(network, plain(network.input), images, {}),
             two = compile(network, plain(network.input), images, {});
  REQUIRE(one.has_value());
  REQUIRE(two.has_value());
  CHECK(one->weights.nonce != two->weights.nonce);
  CHECK(one->plan.weights_commitment != two->plan.weights_commitment);
  CHECK(commitment(one->weights) == one->plan.weights_commitment);
  CHECK(bytes_without_nonce(*one) == bytes_without_nonce(*two));
}

TEST_CASE("a weight that changes within the ranges changes nothing of the plan but the commitment") {
  const auto network = mixed();
  const auto images = noise_images(network.input, 8, 100);
  const auto before = compile(network, plain(network.input), images, {});
  REQUIRE(before.has_value());
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    CAPTURE(i);
    // By the step that it is rounded to, so that the integer is the next.
    FloatNetwork other = network;
    const auto& scales = before->weights.scales;
    const double in = i == 0
                          ? before->plan.input_scale
                          : scales[i - 1] * static_cast<double>(before->plan.network.layers[i - 1].window_elements());
    const double step =
        in / scales[i] / std::ldexp(1.0, static_cast<int>(before->plan.network.layers[i].fraction_bits));
    other.layers[i].filter[1] += static_cast<float>(step);
    const auto after = compile(other, plain(network.input), images, {});
    REQUIRE(after.has_value());
    CHECK(after->weights.layers[i].filter != before->weights.layers[i].filter);
    Plan plan = after->plan;
    plan.weights_commitment = before->plan.weights_commitment;
    // It rests on a few runs, of which any change of a weight makes others: at most the next step of a coarse scale.
    CHECK(plan.stated_error / before->plan.stated_error >= 0.6);
    CHECK(plan.stated_error / before->plan.stated_error <= 1.6);
    plan.stated_error = before->plan.stated_error;
    CHECK(to_bytes(plan) == to_bytes(before->plan));
  }
}

TEST_CASE("the public plan has rounded numbers alone, and the exact scales stay with the weights") {
  const auto network = mixed();
  const auto c = compile(network, plain(network.input), noise_images(network.input, 8, 100), {});
  REQUIRE(c.has_value());
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    CHECK(has_two_digits(c->plan.worst_calibrated[i]));
    const auto& fit = c->plan.network.layers[i].relu_fit;
    for (const double coefficient : fit.even) CHECK(has_eight_bits(coefficient));
    if (fit.even.empty()) continue;
    CHECK(has_two_digits(fit.worst));
    CHECK(has_two_digits(fit.rms));
  }
  CHECK(c->plan.stated_error == up_to_two_bits(c->plan.stated_error));
  CHECK(has_eight_bits(c->plan.output_scale));
  CHECK(c->plan.output_scale == c->weights.scales.back());
  CHECK_FALSE(has_eight_bits(c->weights.scales.front()));
}

TEST_CASE("growth is told per layer, and few images are warned of or refused as the caller wants") {
  const auto network = mixed();
  CompileOptions strict;
  strict.accept_few_images = false;
  const auto few = compile(network, plain(network.input), noise_images(network.input, 7, 100), strict);
  REQUIRE_FALSE(few.has_value());
  CHECK(few.error().what.find("7 images") != std::string::npos);
  const auto some = compile(network, plain(network.input), noise_images(network.input, 8, 100), strict);
  REQUIRE(some.has_value());
  REQUIRE(some->growth.size() == network.layers.size());
  CHECK(some->growth[1].layer == "two");
  CHECK(some->growth[1].quarter <= some->growth[1].half);
  CHECK(some->growth[1].half <= some->growth[1].all);
  REQUIRE_FALSE(some->warnings.empty());
  CHECK(some->warnings[0].find("8 different images") != std::string::npos);
  CHECK(some->plan.calibration_images == 8);
}

TEST_CASE("a layer that can give nothing but zeros is served with a warning, and so is what reads it alone") {
  FloatNetwork dead = mixed();
  std::fill(dead.layers[2].filter.begin(), dead.layers[2].filter.end(), 0.0F);
  std::fill(dead.layers[2].bias.begin(), dead.layers[2].bias.end(), 0.0F);
  CompileOptions strict;
  strict.accept_few_images = false;
  const auto c = compile(dead, plain(dead.input), noise_images(dead.input, 40, 100), strict);
  REQUIRE_MESSAGE(c.has_value(), (c ? "" : c.error().what));
  REQUIRE(c->warnings.size() == 1);
  CHECK(c->warnings[0].find("'three' gives nothing but zeros, whatever the image") != std::string::npos);
  const FixedOracle oracle(c->plan, c->weights);
  const auto image = noise_images(dead.input, 1, 900)[0];
  const auto logits =
      decode_output(c->plan, oracle.run(*encode_input(c->plan, image.values), Rounding::nearest).output);
  const auto real = run_float(dead, image.values);
  for (std::size_t k = 0; k < real.size(); ++k)
    CHECK(std::abs(logits[k] - static_cast<double>(real[k])) < 0.01 * c->growth.back().all);
}

TEST_CASE("a layer that black images leave at zero is refused, or gets a range that no image leaves") {
  OnnxBuilder b({1, 1, 4, 4});
  b.node("Flatten", "f");
  b.reals("w", {16, 8}, noise(128, 1));
  b.node("MatMul", "first", {"w"});
  b.node("Relu", "r");
  b.reals("v", {8, 3}, noise(24, 2));
  b.node("MatMul", "second", {"v"});
  const auto network = b.import();
  REQUIRE(network.has_value());
  const auto raw = *Preprocessing::preset("raw", network->input);
  const std::vector<Image> black(3, {"black", std::vector<float>(16, 0), 4, 4, {}});
  CompileOptions options;
  options.accept_few_images = false;
  CHECK_FALSE(compile(*network, raw, black, options).has_value());
  options.accept_few_images = true;
  const auto c = compile(*network, raw, black, options);
  REQUIRE_MESSAGE(c.has_value(), (c ? "" : c.error().what));
  CHECK(c->warnings.size() >= 2);
  const FixedOracle oracle(c->plan, c->weights);
  for (unsigned seed = 0; seed < 20; ++seed) {
    auto values = scaled(noise(16, seed), 127.5F);
    for (float& v : values) v += 127.5F;
    const auto run = oracle.run(*encode_input(c->plan, values), Rounding::nearest);
    for (const double worst : run.worst) CHECK(worst <= 1);
  }
}

TEST_CASE("finer pixels than the weights can follow are lowered by name, and never make results worse") {
  OnnxBuilder b({1, 2, 6, 6});
  b.reals("w", {3, 2, 3, 3}, noise(54, 3));
  b.node("Conv", "conv", {"w"});
  b.node("Relu", "r");
  b.node("Flatten", "f");
  b.reals("v", {48, 5}, noise(240, 4));
  b.node("MatMul", "dense", {"v"});
  const auto network = b.import();
  REQUIRE(network.has_value());
  const auto raw = *Preprocessing::preset("raw", network->input);
  std::vector<Image> images;
  for (unsigned seed = 0; seed < 40; ++seed) {
    auto values = scaled(noise(72, seed), 127.5F);
    for (float& v : values) v = std::round(v + 127.5F);
    images.push_back({"image", std::move(values), 6, 6, {}});
  }
  const auto off = [&](const Compiled& c) {
    const FixedOracle oracle(c.plan, c.weights);
    double squares = 0;
    for (const auto& image : images) {
      const auto fixed =
          decode_output(c.plan, oracle.run(*encode_input(c.plan, image.values), Rounding::nearest).output);
      const auto real = run_float(*network, image.values);
      for (std::size_t k = 0; k < real.size(); ++k) squares += std::pow(fixed[k] - static_cast<double>(real[k]), 2);
    }
    return std::sqrt(squares);
  };
  const auto usual = compile(*network, raw, images, {});
  REQUIRE(usual.has_value());
  for (const unsigned bits : {16U, 20U, 24U}) {
    CAPTURE(bits);
    CompileOptions options;
    options.input_bits = bits;
    const auto c = compile(*network, raw, images, options);
    REQUIRE(c.has_value());
    CHECK(off(*c) < 1.5 * off(*usual));
    const bool lowered = c->plan.network.input_bits < bits;
    CHECK(std::ranges::any_of(c->warnings, [](const std::string& w) {
            return w.find("bits instead of") != std::string::npos && w.find("'conv'") != std::string::npos;
          }) == lowered);
    if (bits == 24) CHECK(lowered);
  }
}

TEST_CASE("what outputs are, thresholds and labels are checked before any image is read") {
  const auto network = mixed();  // four outputs
  auto refused = [&](const std::function<void(CompileOptions&)>& change) {
    CompileOptions options;
    change(options);
    const auto ok = check_options(network, plain(network.input), options);
    const auto compiled = compile(network, plain(network.input), {}, options);
    REQUIRE_FALSE(ok.has_value());
    REQUIRE_FALSE(compiled.has_value());
    CHECK(compiled.error().what == ok.error().what);
    return ok.error().what;
  };
  CHECK(refused([](CompileOptions& o) { o.output = OutputKind::sigmoid; }).find("independent") != std::string::npos);
  CHECK(refused([](CompileOptions& o) { o.threshold = 0.5; }).find("told as softmax") != std::string::npos);
  CHECK(refused([](CompileOptions& o) {
          o.output = OutputKind::independent;
          o.threshold = 1.5;
        }).find("from 0 to 1") != std::string::npos);
  CHECK(refused([](CompileOptions& o) {
          o.labels = {"a", "b", "c", "b"};
        }).find("'b' is there twice") != std::string::npos);
  CompileOptions options;
  options.output = OutputKind::independent;
  options.threshold = 0.25;
  options.labels = {"a", "b", "c", "d"};
  const auto c = compile(network, plain(network.input), noise_images(network.input, 2, 100), options);
  REQUIRE(c.has_value());
  CHECK(c->plan.output == OutputKind::independent);
  CHECK(c->plan.threshold == 0.25);
  CHECK(compile(network, plain(network.input), noise_images(network.input, 2, 100), {})->plan.output ==
        OutputKind::softmax);
}

TEST_CASE("a plan is laid out without running anything, with the shapes and algorithms of a calibrated one") {
  const auto network = mixed();
  const auto laid_out = lay_out(network, plain(network.input), {});
  REQUIRE_MESSAGE(laid_out.has_value(), (laid_out ? "" : laid_out.error().what));
  const auto c = compile(network, plain(network.input), noise_images(network.input, 4, 100), {});
  REQUIRE(c.has_value());
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const auto &mine = laid_out->network.layers[i], &calibrated = c->plan.network.layers[i];
    CHECK(mine.conv == calibrated.conv);
    CHECK(mine.algorithm == calibrated.algorithm);
    CHECK(mine.relu_fit.even.size() == calibrated.relu_fit.even.size());
    CHECK(mine.fraction_bits == CompileOptions{}.fraction_bits);
  }
  CompileOptions wide;
  wide.activation_bits = 14;
  CHECK_FALSE(lay_out(network, plain(network.input), wide).has_value());
}

TEST_CASE("names that a plan does not take are cut and made printable") {
  FloatNetwork network = mixed();
  network.name = "läsion\n.onnx";
  network.layers[0].name = std::string(1000, 'x');
  network.layers[1].name = "\x1b[2Jzwei";
  const auto c = compile(network, plain(network.input), noise_images(network.input, 2, 100), {});
  REQUIRE_MESSAGE(c.has_value(), (c ? "" : c.error().what));
  CHECK(c->plan.model_name == "läsion?.onnx");
  CHECK(c->plan.network.layers[0].name == std::string(256, 'x'));
  CHECK(c->plan.network.layers[1].name == "?[2Jzwei");
  CHECK(plan_from_bytes(to_bytes(c->plan)).has_value());
}
