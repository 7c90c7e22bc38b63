#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "monitoring/probes.h"

namespace blindsight::monitoring {

/// Serves a registry at http://HOST:PORT/metrics until it is destroyed.
class Exporter {
 public:
  /// Binds at once. `port` 0 takes a free port. The error says what happened and which key to change: the address is in
  /// use, does not belong to this machine, or is not an address.
  static tl::expected<Exporter, std::string> listen(const Registry& registry, const std::string& host,
                                                    std::uint16_t port);

  Exporter(Exporter&&) noexcept;
  Exporter& operator=(Exporter&&) noexcept;
  ~Exporter();

  /// The port that is really bound.
  std::uint16_t port() const;

 private:
  struct Impl;
  explicit Exporter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace blindsight::monitoring
