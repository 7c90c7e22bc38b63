#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "wire/envelope.h"

namespace blindsight::actors {

/// Where work stands in the queue of its threads: lane first, then oldest pack, then last value, then first come.
struct Urgency {
  wire::Lane lane = wire::Lane::online;
  protocol::PackId pack = 0;
  protocol::ValueId value = 0;
};

/// Runs functions away from the actors: online work (and set-up) in a oneTBB arena, preprocessing in threads that give
/// way to every other thread, other parties' of the same machine (and cgroup) included. A function tells its result to
/// an actor by itself. Thread-safe.
class Offload {
 public:
  /// 0 threads: one per core. `ordered` false: first come, first served, and nobody gives way.
  Offload(unsigned online_threads, unsigned preprocessing_threads, bool ordered);
  /// Waits for all work.
  ~Offload();
  Offload(const Offload&) = delete;
  Offload& operator=(const Offload&) = delete;

  template <class Function>
  void run(Urgency urgency, Function function) {
    struct Holder final : Work {
      explicit Holder(Function f) : function(std::move(f)) {}
      void run() override { function(); }
      Function function;
    };
    enqueue(urgency, std::make_unique<Holder>(std::move(function)));
  }

 private:
  struct Work {
    virtual ~Work() = default;
    virtual void run() = 0;
  };
  class Queue;
  struct Impl;
  void enqueue(Urgency urgency, std::unique_ptr<Work> work);
  std::unique_ptr<Impl> impl_;
};

}  // namespace blindsight::actors
