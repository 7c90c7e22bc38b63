#pragma once

#include <array>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "client/loop.h"
#include "client/query.h"
#include "wire/control.h"

namespace blindsight::client {

/// A query from its asking to its result. The result is written once, under the mutex; all else belongs to the loop's
/// thread.
struct Query::State {
  wire::QueryId id{};
  ModelPtr model;
  QueryOptions options;
  OnAnswer on_answer;
  /// Ends it early, from any thread.
  std::function<void(protocol::Error)> give_up;

  Loop::Clock::time_point started = Loop::Clock::now();
  std::optional<Loop::Timer> deadline;
  std::array<std::optional<wire::Predicted>, 2> halves;

  std::vector<std::int64_t> input;            ///< shared anew whenever it is asked again
  std::array<protocol::Payload, 2> payloads;  ///< for each server; empty when they were sent
  std::uint64_t place = 0;                    ///< in the order in which a client's queries were asked for
  bool in_line = false;                       ///< it waits for its turn to be asked again
  protocol::Error refusal;                    ///< why it is in line
  std::optional<Loop::Clock::time_point> not_serving_since;

  std::mutex mutex;
  std::condition_variable finished;
  std::optional<protocol::Result<Answer>> result;
  bool shown = false;  ///< the callbacks have returned: who waits may see it

  /// False when it had its result already.
  bool finish(protocol::Result<Answer> outcome);
};

}  // namespace blindsight::client
