// What a server sees of Pond's ReLU has the same distribution whatever the input: uniform. The ring is too large to
// enumerate, so bytes of the words are tested by chi-square; one element of a vector is one draw.
#include <doctest/doctest.h>

#include <cstring>

#include "support.h"

namespace blindsight::protocol::pond {
namespace {

using testing::ReluRun;
using testing::Signed128;
using Randomness = Dealing::Randomness;

constexpr std::size_t draws = 1 << 14;

/// Columns of words, one row per draw.
using Columns = std::vector<std::vector<Word128>>;

std::vector<Word128> words_of(std::span<const std::uint8_t> bytes) {
  std::vector<Word128> words(bytes.size() / sizeof(Word128));
  if (!words.empty()) std::memcpy(words.data(), bytes.data(), words.size() * sizeof(Word128));
  return words;
}

/// All that `server` received, and the values that were opened to it.
Columns view(const ReluRun& run, std::size_t server) {
  Columns columns;
  const std::vector<Word128> dealt = words_of(run.dealt[server]);
  for (std::size_t i = 0; i < dealt.size(); i += draws) columns.emplace_back(&dealt[i], &dealt[i] + draws);
  for (std::size_t round = 0; round < run.servers.sent[0].size(); ++round) {
    columns.push_back(words_of(run.servers.sent[1 - server][round]));
    std::vector<Word128> open = words_of(run.servers.sent[server][round]);
    for (std::size_t i = 0; i < draws; ++i) open[i] += columns.back()[i];
    columns.push_back(std::move(open));
  }
  return columns;
}

/// Chi-square of the lowest, a middle and the highest byte against the uniform distribution: 255 degrees of freedom,
/// mean 255, deviation 22.6.
double chi_square(std::span<const Word128> words) {
  double worst = 0;
  for (const unsigned byte : {0u, 7u, 15u}) {
    std::array<double, 256> counts{};
    for (const Word128 w : words) ++counts[static_cast<std::uint8_t>(w >> (8 * byte))];
    double sum = 0;
    constexpr double expected = draws / 256.0;
    for (const double c : counts) sum += (c - expected) * (c - expected) / expected;
    worst = std::max(worst, sum);
  }
  return worst;
}

/// Of every column and of every difference of two.
double largest_chi_square(const Columns& columns) {
  double worst = 0;
  std::vector<Word128> difference(draws);
  for (std::size_t a = 0; a < columns.size(); ++a) {
    worst = std::max(worst, chi_square(columns[a]));
    for (std::size_t b = 0; b < a; ++b) {
      for (std::size_t i = 0; i < draws; ++i) difference[i] = columns[a][i] - columns[b][i];
      worst = std::max(worst, chi_square(difference));
    }
  }
  return worst;
}

constexpr double limit = 255 + 7 * 22.6;

/// Two queries of one secret each in every draw, with masks of the packs given.
Columns two_queries(const LayerSpec& layer, std::array<Signed128, 2> secrets, std::array<PackId, 2> packs,
                    Randomness randomness, std::size_t server) {
  Columns columns;
  for (std::size_t query = 0; query < 2; ++query) {
    const std::vector<Signed128> z(draws, secrets[query]);
    const ReluRun run(layer, z, randomness, packs[query], 11, nullptr, query);
    for (auto& column : view(run, server)) columns.push_back(std::move(column));
  }
  return columns;
}

TEST_CASE("what a server sees of Pond's ReLU is uniform at very different inputs, a mask of two inputs is caught") {
  constexpr Signed128 top = Signed128{1} << 23;
  std::vector<double> by_powers = testing::uniform_fit(6).even;
  by_powers.push_back(1e-6);
  for (const ReluFit& fit : {testing::uniform_fit(8), ReluFit{by_powers, 0, 0}, testing::uniform_fit(2)}) {
    const LayerSpec layer = testing::relu_layer(fit);
    for (const std::size_t server : {0u, 1u}) {
      CAPTURE(server);
      for (const Randomness randomness : {Randomness::seeded, Randomness::sent})
        for (const auto& secrets : {std::array<Signed128, 2>{0, 0}, {top, -top}, {1, top}})
          CHECK(largest_chi_square(two_queries(layer, secrets, {1, 2}, randomness, server)) < limit);
      // The planted leak: one pack for two queries.
      CHECK(largest_chi_square(two_queries(layer, {top, -top}, {1, 1}, Randomness::seeded, server)) > 100 * limit);
    }
  }
}

}  // namespace
}  // namespace blindsight::protocol::pond
