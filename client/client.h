#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "client/query.h"
#include "config/config.h"
#include "model/image/image.h"
#include "model/plan/plan.h"
#include "protocol/core/result.h"
#include "protocol/core/step.h"

/// What a data owner's or a model owner's program links to reach the three parties: no actors, no command line.
namespace blindsight::client {

/// Connections to the three parties, each made when it is first needed, kept, and made again after it was lost; any
/// number of queries on them at a time. All functions may be called from any thread, but in a query's callbacks only
/// submit() and connections_to(): what waits for an answer fails there as `usage`. Errors have a kind (protocol::Fault)
/// and name the party and what to do about it.
class Client {
 public:
  explicit Client(config::ClientConfig config);
  /// Queries that are under way end with a failure of kind `refused`. Not in a query's callbacks: it waits for the
  /// thread that they run in.
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  /// One encrypted prediction: encodes and shares the image here, sends a share to each server and puts the two halves
  /// of the answer together. `on_answer` may be empty.
  Query submit(const ModelPtr& model, const model::Image& image, QueryOptions options = {}, OnAnswer on_answer = {});
  /// The same of an image that model::encode_input() has made integers of.
  Query submit(const ModelPtr& model, std::span<const std::int64_t> encoded, QueryOptions options = {},
               OnAnswer on_answer = {});
  /// submit() and wait.
  protocol::Result<Answer> predict(const ModelPtr& model, const model::Image& image, QueryOptions options = {});
  protocol::Result<Answer> predict(const ModelPtr& model, std::span<const std::int64_t> encoded,
                                   QueryOptions options = {});

  /// The plan that the servers have deployed; the error when they have none or different ones says so.
  protocol::Result<model::Plan> deployed_plan();
  /// What the party at `role` says of itself.
  protocol::Result<wire::PartyStatus> status(config::Role role);

  /// Both shares of one layer's weights, made when it is its turn so that one layer at a time is in memory.
  using WeightShares = std::function<protocol::Result<std::array<protocol::Payload, 2>>(std::size_t layer)>;
  /// `layer` of `layers` has been sent to both servers.
  using Progress = std::function<void(std::size_t layer, std::size_t layers)>;
  struct DeployOptions {
    std::string name = {};  ///< of the model, as the right to deploy it is given; empty: as the plan calls it
    Progress progress = {};
  };
  /// Brings a plan to all three parties and the shares to the servers under a fresh deployment id. Takes effect when
  /// all three have it; the parties then begin a new session by themselves, and queries are refused until it is set up.
  protocol::Result<void> deploy(const model::Plan& plan, const WeightShares& shares, const DeployOptions& options);
  protocol::Result<void> deploy(const model::Plan& plan, const WeightShares& shares) {
    return deploy(plan, shares, {});
  }
  /// Until all three parties serve the plan, or the time is up; the error says what was still missing.
  protocol::Result<void> wait_until_serving(const model::Plan& plan, std::chrono::milliseconds patience);

  /// Connections to a party that stood since the client was made: one, as long as none was lost.
  std::uint64_t connections_to(config::Role role) const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace blindsight::client
