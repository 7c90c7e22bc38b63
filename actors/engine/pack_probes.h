#pragma once

#include "monitoring/probes.h"

namespace blindsight::actors {

/// What a party counts of packs of correlated randomness: a server's store of them, or the producer's dealer.
class PackProbes {
 public:
  explicit PackProbes(monitoring::Registry& registry)
      : used(registry.probe<monitoring::metrics::packs_used>()),
        burned(registry.probe<monitoring::metrics::packs_burned>()),
        pool_depth(registry.probe<monitoring::metrics::pack_pool_depth>()),
        dealt_(registry.probe<monitoring::metrics::packs_dealt>()),
        seconds_(registry.probe<monitoring::metrics::pack_seconds>()) {}

  /// One more pack is ready, `seconds` after its first correction.
  void dealt(double seconds) const {
    dealt_.add();
    seconds_.observe(seconds);
  }

  monitoring::Counter used, burned;
  monitoring::Gauge pool_depth;

 private:
  monitoring::Counter dealt_;
  monitoring::Histogram seconds_;
};

}  // namespace blindsight::actors
