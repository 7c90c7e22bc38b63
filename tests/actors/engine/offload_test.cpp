#include "actors/engine/offload.h"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

using namespace blindsight;
using actors::Offload;
using wire::Lane;

namespace {

/// Until so many have come.
class Countdown {
 public:
  explicit Countdown(std::size_t left) : left_(left) {}
  void come() {
    const std::scoped_lock lock(mutex_);
    if (--left_ == 0) all_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    all_.wait(lock, [this] { return left_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable all_;
  std::size_t left_;
};

}  // namespace

TEST_CASE("an offload runs all that it is given, in both lanes") {
  std::atomic<int> done = 0;
  {
    Offload offload(2, 1, true);
    for (int i = 0; i < 1000; ++i)
      offload.run({i % 3 == 0 ? Lane::preprocessing : Lane::online, 1, 0}, [&] { ++done; });
  }
  CHECK(done == 1000);
}

TEST_CASE("one thread takes what is most urgent: the oldest pack, then the last value") {
  std::vector<int> order;
  {
    Offload offload(1, 1, true);
    Countdown first_runs(1), all_given(1);
    offload.run({Lane::online, 0, 0}, [&] {
      first_runs.come();
      all_given.wait();
    });
    first_runs.wait();
    offload.run({Lane::online, 2, 9}, [&] { order.push_back(3); });
    offload.run({Lane::online, 1, 0}, [&] { order.push_back(2); });
    offload.run({Lane::online, 1, 5}, [&] { order.push_back(1); });
    all_given.come();
  }
  CHECK(order == std::vector{1, 2, 3});
}

TEST_CASE("several offloads of one process that wait for one another's work never stand still") {
  // As three parties in one process: each piece of work is asked for by another's.
  std::array<std::unique_ptr<Offload>, 3> parties;
  for (auto& party : parties) party = std::make_unique<Offload>(2, 1, false);
  for (int round = 0; round < 20; ++round) {
    constexpr std::size_t chains = 4, links = 30;
    Countdown ended(chains);
    std::function<void(std::size_t, std::size_t)> ask = [&](std::size_t party, std::size_t left) {
      parties[party]->run({Lane::online, 1, 0}, [&, party, left] {
        if (left == 0) return ended.come();
        ask((party + 1) % 3, left - 1);
      });
    };
    for (std::size_t chain = 0; chain < chains; ++chain) ask(chain % 3, links);
    ended.wait();
  }
}
