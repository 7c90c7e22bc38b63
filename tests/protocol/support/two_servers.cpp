#include "tests/protocol/support/two_servers.h"

#include <algorithm>
#include <deque>

namespace blindsight::protocol::testing {

void TwoServers::run(std::function<Routine<>(Channel&)> server0, std::function<Routine<>(Channel&)> server1) {
  struct Message {
    std::size_t round;
    Outbound outbound;
  };
  std::array<RoutineStep, 2> steps{RoutineStep("server0", std::move(server0)),
                                   RoutineStep("server1", std::move(server1))};
  std::array<std::size_t, 2> clock{};
  std::array<bool, 2> done{};
  std::array<std::deque<Message>, 2> waiting;  // by receiver
  const auto take = [&](std::size_t from, Result<Progress> progress) {
    if (!progress) throw std::runtime_error(progress.error().what);
    done[from] = progress->done;
    for (Outbound& o : progress->outbound) {
      sent[from].push_back(o.payload);
      waiting[static_cast<std::size_t>(o.to)].push_back({clock[from] + 1, std::move(o)});
    }
  };
  for (std::size_t i = 0; i < 2; ++i) take(i, steps[i].begin());
  while (!waiting[0].empty() || !waiting[1].empty())
    for (std::size_t to = 0; to < 2; ++to) {
      if (waiting[to].empty()) continue;
      Message m = std::move(waiting[to].front());
      waiting[to].pop_front();
      clock[to] = std::max(clock[to], m.round);
      take(to, steps[to].advance({static_cast<PartyId>(1 - to), m.outbound.round, std::move(m.outbound.payload)}));
    }
  if (!done[0] || !done[1]) throw std::runtime_error("a server waits for ever");
  rounds = std::max(clock[0], clock[1]);
}

}  // namespace blindsight::protocol::testing
