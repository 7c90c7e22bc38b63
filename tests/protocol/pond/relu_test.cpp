#include "protocol/pond/relu.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support.h"
#include "tests/protocol/support/ledger.h"

namespace blindsight::protocol::pond {
namespace {

using testing::ReluRun;
using testing::Signed128;
using Randomness = Dealing::Randomness;

/// p(t) with 64 bits of mantissa.
long double polynomial(const ReluFit& fit, long double t) {
  long double sum = 0;
  for (auto c = fit.even.rbegin(); c != fit.even.rend(); ++c) sum = sum * t * t + static_cast<long double>(*c);
  return sum + t / 2;
}

/// Values over the whole range, its ends and its middle among them.
std::vector<Signed128> values_for(const LayerSpec& layer, std::size_t n, double range, unsigned seed) {
  const auto largest =
      static_cast<std::int64_t>(std::ldexp(range, static_cast<int>(layer.fraction_bits + layer.activation_bits)));
  std::mt19937_64 g(seed);
  std::uniform_int_distribution<std::int64_t> pick(-largest, largest);
  std::vector<Signed128> z{-largest, 0, largest, 1, -1};
  while (z.size() < n) z.push_back(pick(g));
  return z;
}

/// Largest error over the range in ulps of the result, which must lie below the stated one.
double check_error(const LayerSpec& layer, double range, Randomness randomness = Randomness::seeded) {
  REQUIRE(check_relu(layer));
  const auto z = values_for(layer, 4000, range, 3);
  const ReluRun run(layer, z, randomness, 1, 7);
  long double worst = 0, mean = 0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    const long double t =
        std::ldexp(static_cast<long double>(z[i]), -static_cast<int>(layer.fraction_bits + layer.activation_bits));
    const long double exact = std::ldexp(polynomial(layer.relu_fit, t), static_cast<int>(layer.activation_bits));
    const long double error = static_cast<long double>(run.result[i]) - exact;
    worst = std::max(worst, std::abs(error));
    mean += error / static_cast<long double>(z.size());
  }
  CHECK(worst < relu_error(layer, range));
  CHECK(std::abs(mean) < 0.05);  // rounded both ways alike
  return static_cast<double>(worst);
}

TEST_CASE("Pond's ReLU is its polynomial to one ulp, for every degree, both ways of dealing and many scales") {
  for (const unsigned degree : {2, 4, 6, 8}) {
    CAPTURE(degree);
    for (const auto& bits :
         {std::array{12u, 10u, 1u}, {4u, 6u, 1u}, {8u, 8u, 2u}, {16u, 12u, 0u}, {20u, 14u, 1u}, {1u, 1u, 1u}}) {
      const auto [f, A, M] = bits;
      CAPTURE(bits[0]);
      CAPTURE(bits[1]);
      const LayerSpec layer = testing::relu_layer(testing::uniform_fit(degree), f, A, M);
      CHECK(relu_error(layer, 1) < 1.01);
      for (const Randomness randomness : {Randomness::seeded, Randomness::sent}) check_error(layer, 1, randomness);
      check_error(layer, std::ldexp(1.0, static_cast<int>(M)));
    }
  }
}

TEST_CASE("Pond's ReLU of degree 2 is exact but for the last rounding: floor or floor + 1 of the exact integers") {
  LayerSpec layer = testing::relu_layer({.even = {0.125, 0.375}, .worst = 0, .rms = 0});  // no coefficient is rounded
  const auto z = values_for(layer, 4000, 2, 4);
  const ReluRun run(layer, z, Randomness::seeded, 1, 8);
  std::size_t ups = 0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    // 2^47 p(t) = 3 z² + 2^24 z + 2^44 with t = z / 2^22; the result is p(t) 2^10.
    const Signed128 exact = 3 * z[i] * z[i] + (z[i] << 24) + (Signed128{1} << 44);
    const Signed128 error = run.result[i] - (exact >> 37);
    REQUIRE((error == 0 || error == 1));
    ups += error != 0;
  }
  CHECK(ups > 1800);
  CHECK(ups < 2200);
}

TEST_CASE("steep polynomials and those whose last coefficient nearly vanishes are as exact") {
  const auto layer = [](std::vector<double> even) {
    return testing::relu_layer({.even = std::move(even), .worst = 0, .rms = 0});
  };
  const double last = 0.5;
  const std::vector<double> six = testing::uniform_fit(6).even;
  for (const double a8 : {last, 1e-2, 1e-4, 1e-9, 0.0, -1e-3}) {
    CAPTURE(a8);
    std::vector<double> even = six;
    even.push_back(a8);
    CHECK(relu_error(layer(even), 1) < 1.01);
    check_error(layer(even), 1);
    check_error(layer(even), 2);
  }
  // As a fit to values that crowd around zero has them.
  for (const std::vector<double>& even : {std::vector<double>{0.004, 6.5, -61.0, 171.0, -116.0},
                                          {0.01, 4.1, -21.0, 17.5},
                                          {0.02, 3.0, -2.6},
                                          {0.0, 0.0, 0.0, 0.0, 1.0}}) {
    CAPTURE(even.size());
    CHECK(relu_error(layer(even), 1) < 1.01);
    check_error(layer(even), 1);
    check_error(layer(even), 2);
  }
}

TEST_CASE("the costs of Pond's ReLU in docs/protocols/pond.md, declared and counted") {
  struct Expected {
    LayerSpec layer;
    std::size_t online_bits, dealt_bits, rounds;
  };
  std::vector<double> by_powers = testing::uniform_fit(6).even;
  by_powers.push_back(1e-6);
  const std::size_t n = 100;
  for (const Expected& e : {Expected{testing::relu_layer(testing::uniform_fit(2)), 256, 128, 1},
                            {testing::relu_layer(testing::uniform_fit(4)), 512, 256, 2},
                            {testing::relu_layer(testing::uniform_fit(6)), 768, 384, 3},
                            {testing::relu_layer(testing::uniform_fit(8)), 768, 384, 3},
                            {testing::relu_layer({.even = by_powers, .worst = 0, .rms = 0}), 768, 512, 3}}) {
    const ReluSizes sizes = relu_sizes(e.layer, n);
    CHECK(sizes.rounds == e.rounds);
    CHECK(2 * sizes.opened_bytes * 8 == e.online_bits * n);
    const auto z = values_for(e.layer, n, 1, 5);
    for (const Randomness randomness : {Randomness::seeded, Randomness::sent}) {
      const ReluRun run(e.layer, z, randomness, 1, 9);
      CHECK(run.servers.rounds == e.rounds);
      std::size_t dealt = 0;
      for (const PartyId p : {PartyId::server0, PartyId::server1}) {
        const auto i = static_cast<std::size_t>(p);
        std::size_t sent = 0;
        for (const Payload& each : run.servers.sent[i]) sent += each.size();
        CHECK(sent == sizes.opened_bytes);
        CHECK(run.dealt[i].size() == sizes.bytes_sent(randomness, p));
        dealt += run.dealt[i].size();
      }
      const std::size_t masks = e.online_bits / 2;
      CHECK(dealt * 8 == n * (randomness == Randomness::seeded ? e.dealt_bits : 2 * (e.dealt_bits + masks)));
    }
  }
}

TEST_CASE("no mask of Pond's ReLU hides two values") {
  for (const unsigned degree : {2, 4, 6, 8}) {
    const LayerSpec layer = testing::relu_layer(testing::uniform_fit(degree));
    const auto z = values_for(layer, 50, 1, 6);
    for (const Randomness randomness : {Randomness::seeded, Randomness::sent}) {
      const bool sent = randomness == Randomness::sent;
      protocol::testing::Ledger ledger(10);
      for (const PackId pack : {1, 2}) (void)ReluRun(layer, z, randomness, pack, 10, &ledger);
      CHECK(ledger.overlaps + ledger.own_overlaps == 0);
      // Packs, servers: every byte that was opened; what is sent, the producer drew.
      CHECK(ledger.bytes_opened == (sent ? 0 : 2 * 2 * relu_sizes(layer, z.size()).opened_bytes));
      CHECK((ledger.own_draws > 0) == sent);
      const ReluRun again(layer, z, randomness, 2, 10, &ledger);
      CHECK((sent ? ledger.own_overlaps : ledger.overlaps) > 0);
    }
  }
}

TEST_CASE("a message of the wrong length ends Pond's ReLU with an error that says where") {
  const LayerSpec layer = testing::relu_layer(testing::uniform_fit(4));
  const Prg prg(Key({1}));
  for (const std::size_t bytes : {0, 159, 161}) {
    beaver::ShareSource source(prg, PartyId::server0, Randomness::seeded, {}, {});
    RoutineStep step("conv1, band 0", [&](Channel& channel) -> Routine<> {
      const Buffer<Word128> y = co_await relu(channel, source, layer, Buffer<Word128>(10, Word128{3}));
      CHECK(y.empty());  // never comes here
    });
    REQUIRE(step.begin());
    const auto progress = step.advance({PartyId::server1, 0, Payload(bytes, 0)});
    REQUIRE_FALSE(progress);
    CHECK(progress.error().what.find("conv1, band 0: masked powers of a ReLU") == 0);
  }
}

TEST_CASE("polynomials that Pond cannot compute are refused by name") {
  const auto refused = [](ReluFit fit, unsigned M = 1) {
    const auto ok = check_relu(testing::relu_layer(std::move(fit), 12, 10, M));
    REQUIRE_FALSE(ok);
    CHECK(ok.error().what.find("layer 'conv1'") == 0);
    return ok.error().what;
  };
  const auto fit = [](std::vector<double> even) { return ReluFit{std::move(even), 0, 0}; };
  CHECK(refused(fit({})).find("has none") != std::string::npos);
  CHECK(refused(fit({0.5})).find("has none") != std::string::npos);
  CHECK(refused(fit({0, 0, 0, 0, 0, 1})).find("degree 10") != std::string::npos);
  CHECK(refused(fit({0, std::numeric_limits<double>::quiet_NaN()})).find("coefficient") != std::string::npos);
  CHECK(refused(fit({0, -std::numeric_limits<double>::infinity()})).find("coefficient") != std::string::npos);
  CHECK(refused(testing::uniform_fit(8), 4).find("headroom") != std::string::npos);
  for (const unsigned degree : {2, 4, 6, 8}) CHECK(check_relu(testing::relu_layer(testing::uniform_fit(degree))));
}

}  // namespace
}  // namespace blindsight::protocol::pond
