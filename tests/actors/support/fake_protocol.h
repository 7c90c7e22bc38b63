#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "model/plan/plan.h"
#include "protocol/core/protocol.h"

/// A small protocol that exercises everything the actors do and nothing else: additive shares mod 2^32, masked maps,
/// bands with halo rows, two rounds a band, corrections dealt to both servers, a set-up exchange. Layer: y[row] =
/// x[row] + x[row - 1] + w; the last layer sums everything into each output. It hides no more than a test needs.
namespace blindsight::test {

/// A band's online step at a party begins or ends.
struct FakeBand {
  protocol::PartyId party = protocol::PartyId::server0;
  protocol::PackId pack = 0;
  std::size_t value = 0, band = 0;
  bool begins = false;
};

/// What the fake protocol tells a test, and what a test may make it do. All calls are thread-safe.
struct FakeHooks {
  /// A mask was consumed: "party key pack value band". Kept here, and appended to the file named by
  /// BLINDSIGHT_TEST_LEDGER if set.
  void consumed(const std::string& line);
  std::vector<std::string> lines();
  /// A new test begins: what others consumed, some of them under fixed keys, is not its matter.
  void forget_lines();
  void band(const FakeBand& band);
  std::vector<FakeBand> bands();  ///< in the order in which it happened

  /// A share, correction or opening was written. Kept only where a test has asked for it.
  void wrote(const protocol::Payload& payload);
  std::vector<protocol::Payload> payloads();  ///< in the order in which they were written
  std::atomic<bool> keep_payloads{false};

  /// When not negative, server 1's steps of this value swallow their messages: the query can never end by itself.
  std::atomic<int> stall_value{-1};
  /// Called when a step of the stalled value begins at server 0.
  std::function<void()> on_stalled;
  /// When not negative, server 1 sends a message of the wrong length at this value, once.
  std::atomic<int> damage_value{-1};
  /// As these two, for a helping producer: its steps of this value never answer; server 1 sends it a message of the
  /// wrong length, once.
  std::atomic<int> stall_helper_value{-1}, damage_helper_value{-1};

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
  std::vector<FakeBand> bands_;
  std::vector<protocol::Payload> payloads_;
};

/// One per process.
FakeHooks& fake_hooks();

extern const protocol::Protocol& fake_protocol;

/// "fake-helped": the producer deals nothing and helps online at every band between the input and the last layer; the
/// first layer has at most so many bands of a query under way; the parties may choose how to deal, which changes
/// nothing.
extern const protocol::Protocol& fake_helped_protocol;
constexpr std::size_t fake_bands_at_once = 2;

/// `constant` goes into the commitment to the weights, so that plans of different constants differ.
model::Plan fake_plan(std::uint32_t constant, std::size_t rows = 8);
protocol::LayerWeights fake_weights(std::uint32_t constant);
std::vector<std::int64_t> fake_input(const model::Plan& plan, std::uint32_t seed);
/// The same computation in the clear.
std::vector<std::int64_t> fake_output(const model::Plan& plan, std::uint32_t constant,
                                      const std::vector<std::int64_t>& input);

}  // namespace blindsight::test
