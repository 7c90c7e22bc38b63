#pragma once

#include <memory>
#include <optional>

#include "config/config.h"
#include "monitoring/probes.h"
#include "protocol/core/protocol.h"
#include "protocol/core/result.h"

namespace blindsight::actors {

/// One running party: an actor system with its links, layers, correlation store or dealer, and front end. It connects
/// to the other two by itself, in any order of starting, and again after any of them was lost. Logs to spdlog's default
/// logger.
class Party {
 public:
  /// Reads its key, binds `config.listen` (port 0: a free one), loads the deployment kept in `config.data_dir` and
  /// starts to connect. Errors are those a person can mend: a port in use, a data folder that cannot be written, a key
  /// file that is no good, a plain link off the loopback interface, a choice of dealing that the protocol does not
  /// have. `protocol` and `registry` must outlive the party.
  static protocol::Result<std::unique_ptr<Party>> start(const config::PartyConfig& config,
                                                        const protocol::Protocol& protocol,
                                                        monitoring::Registry& registry);
  /// As stop().
  ~Party();
  Party(const Party&) = delete;
  Party& operator=(const Party&) = delete;

  /// Where it listens, with the ports that were really bound.
  config::Address clients_address() const;
  std::optional<config::Address> parties_address() const;
  /// Takes pins and rights of clients from a configuration that was read again; all else stays. Links that stand stay,
  /// but those of clients that are not known any more.
  protocol::Result<void> reload(const config::PartyConfig& config);
  /// Returns after stop() was called.
  void wait();
  /// Ends the session for all three parties, fails the queries in flight with a clear error, joins all threads. From
  /// any thread, not from a signal handler.
  void stop();

 private:
  struct Impl;
  explicit Party(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace blindsight::actors
