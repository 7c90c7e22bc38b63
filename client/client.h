#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>

#include "config/config.h"
#include "model/plan/plan.h"
#include "protocol/core/result.h"
#include "protocol/core/step.h"
#include "wire/report.h"

namespace blindsight::client {

/// A result as the two servers sent it: each half says nothing alone. protocol::Clients::reveal_output puts them
/// together.
struct Prediction {
  std::array<protocol::Payload, 2> output_shares;
  wire::QueryReport report;
};

/// A model owner's or a data owner's side: blocking calls, one connection to each party per call, nothing kept between
/// calls. Knows no protocol: shares come from protocol::Clients. Errors name the party and what to do about
/// it.
class Client {
 public:
  explicit Client(config::ClientConfig config);

  /// Both shares of one layer's weights, made when it is its turn so that one layer at a time is in memory.
  using WeightShares = std::function<protocol::Result<std::array<protocol::Payload, 2>>(std::size_t layer)>;
  /// `layer` of `layers` has been sent to both servers.
  using Progress = std::function<void(std::size_t layer, std::size_t layers)>;

  /// Brings a plan to all three parties and the shares to the servers under a fresh deployment id. Takes effect when
  /// all three have it; the parties then begin a new session by themselves, and queries are refused until it is set up.
  protocol::Result<void> deploy(const model::Plan& plan, const WeightShares& shares, const Progress& progress = {});

  /// One query: sends each server its share of the input and waits for both halves of the output, at most
  /// `query.timeout_ms`. With `timeline`, the report has wire::LayerReport::intervals.
  protocol::Result<Prediction> predict(const model::Plan& plan, std::array<protocol::Payload, 2> input_shares,
                                       bool timeline = false);

  /// The plan that the servers have deployed; the error when they have none or different ones says so.
  protocol::Result<model::Plan> deployed_plan();

  /// What the party at `role` says of itself.
  protocol::Result<wire::PartyStatus> status(config::Role role);

  /// Until all three parties serve the plan, or the time is up; the error says what was still missing.
  protocol::Result<void> wait_until_serving(const model::Plan& plan, std::chrono::milliseconds patience);

 private:
  config::ClientConfig config_;
};

}  // namespace blindsight::client
