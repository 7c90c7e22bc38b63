#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "model/plan/plan.h"
#include "protocol/core/choice.h"
#include "protocol/core/result.h"
#include "wire/report.h"

namespace blindsight::client {

/// What a data owner asks with: the public plan of a deployed model and how the servers compute. Made once, for any
/// number of queries; never changed.
class Model {
 public:
  /// The error: the protocol cannot evaluate the plan.
  static protocol::Result<std::shared_ptr<const Model>> make(const protocol::Choice& choice, model::Plan plan);

  const protocol::Bound& bound() const { return bound_; }
  const model::Plan& plan() const { return plan_; }
  const model::Digest& digest() const { return digest_; }

 private:
  Model(protocol::Bound bound, model::Plan plan);
  protocol::Bound bound_;
  model::Plan plan_;
  model::Digest digest_;
};
using ModelPtr = std::shared_ptr<const Model>;

/// What a data owner has in hand after one encrypted prediction.
struct Answer {
  std::vector<std::int64_t> outputs;  ///< integers at the plan's output scale
  std::vector<double> logits;         ///< the same as the model means them
  wire::QueryReport report;           ///< what it cost at both servers; bytes are payload
};

enum class QueryState : std::uint8_t {
  sharing,    ///< the input is split into two shares
  computing,  ///< both shares are on their way or at the servers
  done,
};

struct QueryOptions {
  /// From submit() on, whatever happens. 0: `query.timeout_ms` of the configuration, and a little more so that the
  /// servers' reason arrives first.
  std::chrono::milliseconds deadline{0};
  /// Whether to ask again, under another number and with fresh shares, when servers refuse the query before any of it
  /// ran and say when to come back: while they are `busy` until the deadline, `not_serving` for session_patience.
  bool ask_again = true;
  /// For a session that is about to begin.
  std::chrono::milliseconds session_patience{10'000};
  bool timeline = false;  ///< whether the report shall have wire::LayerReport::intervals
  /// Called as the query goes on, from the thread that asks and from the client's own; must be short.
  std::function<void(QueryState)> progress = {};
};

/// Called once with a query's result, on the client's own thread and before Query::get() returns: must be short, and
/// must not wait for a query. It may hold the query, and is let go when it has returned.
using OnAnswer = std::function<void(const protocol::Result<Answer>&)>;

/// A query under way: copies are the same query. One that nobody holds goes on all the same.
class Query {
 public:
  /// Gives it up: its result is at once a failure of kind `refused`; the servers are told and burn its pack. Nothing
  /// when it has its result already. From any thread.
  void cancel() const;
  /// Waits for the result, and until the query's callbacks have returned; there is always one, at the deadline at the
  /// latest. Not from an OnAnswer.
  const protocol::Result<Answer>& get() const;
  /// Whether the result is there, after at most so long.
  bool wait_for(std::chrono::milliseconds patience) const;

 private:
  friend class Client;
  struct State;
  explicit Query(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace blindsight::client
