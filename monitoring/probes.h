#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace blindsight::monitoring {

/// Which class of traffic or work a number belongs to.
enum class Lane : std::uint8_t { control = 0, online = 1, preprocessing = 2 };

/// How a query ended.
enum class Outcome : std::uint8_t { ok = 0, failed = 1, cancelled = 2, refused = 3 };

std::string_view name(Lane lane);
std::string_view name(Outcome outcome);

/// What one layer does in one lane. Copies share the same counters; all verbs may be called from any thread at any time
/// and cost one relaxed atomic operation. A default-constructed probe counts nothing.
class LayerProbe {
 public:
  LayerProbe();
  void computed(double seconds) const;
  /// Time in which the layer had nothing to do but wait for a peer's bytes.
  void waited(double seconds) const;
  void sent_bytes(std::uint64_t bytes) const;
  void received_bytes(std::uint64_t bytes) const;
  void finished_rounds(std::uint64_t rounds) const;
  /// Bands or messages that wait for this layer now.
  void queue_length(std::uint64_t items) const;

 private:
  friend class Registry;
  struct Counters;
  std::shared_ptr<const Counters> counters_;
};

/// What crosses the link to one peer in one lane; see LayerProbe for the cost of the verbs.
class LinkProbe {
 public:
  LinkProbe();
  /// One frame of that many bytes, header included.
  void sent_frame(std::uint64_t bytes) const;
  void received_frame(std::uint64_t bytes) const;
  /// Bytes accepted but not yet handed to the operating system.
  void queue_bytes(std::uint64_t bytes) const;

 private:
  friend class Registry;
  struct Counters;
  std::shared_ptr<const Counters> counters_;
};

/// The state of the connection to one peer, whatever the lane.
class PeerProbe {
 public:
  PeerProbe();
  void connected() const;
  /// Counts one lost connection.
  void disconnected() const;

 private:
  friend class Registry;
  struct Counters;
  std::shared_ptr<const Counters> counters_;
};

/// Queries as the front end sees them.
class QueryProbe {
 public:
  QueryProbe();
  /// `seconds` from acceptance to the end; a refused query counts but enters no histogram.
  void finished(Outcome outcome, double seconds) const;
  void in_flight(std::uint64_t queries) const;

 private:
  friend class Registry;
  struct Counters;
  std::shared_ptr<const Counters> counters_;
};

/// Packs of correlated randomness: one pack serves one query once.
class PackProbe {
 public:
  PackProbe();
  /// `seconds` from the first correction to a usable pack.
  void dealt(double seconds) const;
  void used() const;
  void burned() const;
  /// Packs ready to be handed out.
  void pool_depth(std::uint64_t packs) const;

 private:
  friend class Registry;
  struct Counters;
  std::shared_ptr<const Counters> counters_;
};

/// What this process is; exported once as labels.
struct BuildInfo {
  std::string version, commit, isa, protocol, role;
};

/// Owns all metrics of one process. Made in main and passed down; probes stay valid after it is gone. Thread-safe.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(Registry&&) noexcept;
  Registry& operator=(Registry&&) noexcept;

  /// A registry whose probes count nothing: for tests and tools that export nothing.
  static Registry null();

  /// The same arguments give the same counters. Resolve once, keep the probe: this call takes a lock.
  LayerProbe layer(std::string_view layer, Lane lane);
  LinkProbe link(std::string_view peer, Lane lane);
  PeerProbe peer(std::string_view peer);
  QueryProbe queries();
  PackProbe packs();
  void build_info(const BuildInfo& info);

  /// The metrics in Prometheus' text format, as the exporter would serve them.
  std::string text() const;

 private:
  friend class Exporter;
  struct Impl;
  explicit Registry(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace blindsight::monitoring
