#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "model/plan/plan.h"
#include "protocol/core/program.h"

/// A small protocol that exercises everything the actors do and nothing else: additive shares mod 2^32, masked planes,
/// tiles with halo rows, two rounds a tile, corrections dealt to both servers, a set-up exchange. Layer: y[row] =
/// x[row] + x[row - 1] + w; the last layer sums everything into each output. It hides no more than a test needs.
namespace blindsight::test {

/// What the fake protocol tells a test, and what a test may make it do. All calls are thread-safe.
struct FakeHooks {
  /// A mask was consumed: "party key pack stage tile". Kept here, and appended to the file named by
  /// BLINDSIGHT_TEST_LEDGER if set.
  void consumed(const std::string& line);
  std::vector<std::string> lines();

  /// When not negative, server 1's steps of this stage swallow their messages: the query can never end by itself.
  std::atomic<int> stall_stage{-1};
  /// Called when a step of the stalled stage begins at server 0.
  std::function<void()> on_stalled;
  /// When not negative, server 1 sends a message of the wrong length at this stage, once.
  std::atomic<int> damage_stage{-1};

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// One per process.
FakeHooks& fake_hooks();

extern const protocol::Protocol fake_protocol;

/// `constant` goes into the weights' digest, so that plans of different constants differ.
model::Plan fake_plan(std::uint32_t constant, std::size_t rows = 8);
protocol::LayerWeights fake_weights(std::uint32_t constant);
std::vector<std::int64_t> fake_input(const model::Plan& plan, std::uint32_t seed);
/// The same computation in the clear.
std::vector<std::int64_t> fake_output(const model::Plan& plan, std::uint32_t constant,
                                      const std::vector<std::int64_t>& input);

}  // namespace blindsight::test
