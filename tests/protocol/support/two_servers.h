#pragma once

#include <array>
#include <functional>
#include <vector>

#include "protocol/core/routine.h"

namespace blindsight::protocol::testing {

/// The routines of both servers, run against each other in one thread.
struct TwoServers {
  /// What each server sent to the other, by its index, in order.
  std::array<std::vector<Payload>, 2> sent;
  std::size_t rounds = 0;  ///< messages that followed one another

  /// Throws std::runtime_error with the step's error, or when a server waits for ever.
  void run(std::function<Routine<>(Channel&)> server0, std::function<Routine<>(Channel&)> server1);
};

}  // namespace blindsight::protocol::testing
