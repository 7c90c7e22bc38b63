#include "monitoring/probes.h"

#include <array>

#include "monitoring/registry.h"

// Every probe holds pointers to its metrics, looked up once; `owner` keeps them alive.
namespace blindsight::monitoring {

std::string_view name(Lane lane) {
  constexpr std::string_view names[] = {"control", "online", "preprocessing"};
  return names[static_cast<unsigned>(lane)];
}

std::string_view name(Outcome outcome) {
  constexpr std::string_view names[] = {"ok", "failed", "cancelled", "refused"};
  return names[static_cast<unsigned>(outcome)];
}

namespace {

constexpr std::array outcomes = {Outcome::ok, Outcome::failed, Outcome::cancelled, Outcome::refused};

double number(std::uint64_t count) {
  return static_cast<double>(count);
}

}  // namespace

struct LayerProbe::Counters {
  std::shared_ptr<void> owner;
  prometheus::Counter *compute_seconds, *wait_seconds, *sent_bytes, *received_bytes, *rounds;
  prometheus::Gauge* queue_length;
};

LayerProbe::LayerProbe() = default;

LayerProbe Registry::layer(std::string_view layer, Lane lane) {
  LayerProbe probe;
  if (!impl_) return probe;
  const prometheus::Labels labels = {{"layer", std::string(layer)}, {"lane", std::string(name(lane))}};
  probe.counters_ = std::make_shared<const LayerProbe::Counters>(LayerProbe::Counters{
      .owner = impl_,
      .compute_seconds = impl_->counter("blindsight_layer_compute_seconds_total", labels),
      .wait_seconds = impl_->counter("blindsight_layer_wait_seconds_total", labels),
      .sent_bytes = impl_->counter("blindsight_layer_sent_bytes_total", labels),
      .received_bytes = impl_->counter("blindsight_layer_received_bytes_total", labels),
      .rounds = impl_->counter("blindsight_layer_rounds_total", labels),
      .queue_length = impl_->gauge("blindsight_layer_queue_length", labels),
  });
  return probe;
}

void LayerProbe::computed(double seconds) const {
  if (counters_) counters_->compute_seconds->Increment(seconds);
}
void LayerProbe::waited(double seconds) const {
  if (counters_) counters_->wait_seconds->Increment(seconds);
}
void LayerProbe::sent_bytes(std::uint64_t bytes) const {
  if (counters_) counters_->sent_bytes->Increment(number(bytes));
}
void LayerProbe::received_bytes(std::uint64_t bytes) const {
  if (counters_) counters_->received_bytes->Increment(number(bytes));
}
void LayerProbe::finished_rounds(std::uint64_t rounds) const {
  if (counters_) counters_->rounds->Increment(number(rounds));
}
void LayerProbe::queue_length(std::uint64_t items) const {
  if (counters_) counters_->queue_length->Set(number(items));
}

struct LinkProbe::Counters {
  std::shared_ptr<void> owner;
  prometheus::Counter *sent_bytes, *received_bytes, *sent_frames, *received_frames;
  prometheus::Gauge* queue_bytes;
};

LinkProbe::LinkProbe() = default;

LinkProbe Registry::link(std::string_view peer, Lane lane) {
  LinkProbe probe;
  if (!impl_) return probe;
  const prometheus::Labels labels = {{"peer", std::string(peer)}, {"lane", std::string(name(lane))}};
  probe.counters_ = std::make_shared<const LinkProbe::Counters>(LinkProbe::Counters{
      .owner = impl_,
      .sent_bytes = impl_->counter("blindsight_link_sent_bytes_total", labels),
      .received_bytes = impl_->counter("blindsight_link_received_bytes_total", labels),
      .sent_frames = impl_->counter("blindsight_link_sent_frames_total", labels),
      .received_frames = impl_->counter("blindsight_link_received_frames_total", labels),
      .queue_bytes = impl_->gauge("blindsight_link_queue_bytes", labels),
  });
  return probe;
}

void LinkProbe::sent_frame(std::uint64_t bytes) const {
  if (!counters_) return;
  counters_->sent_bytes->Increment(number(bytes));
  counters_->sent_frames->Increment();
}
void LinkProbe::received_frame(std::uint64_t bytes) const {
  if (!counters_) return;
  counters_->received_bytes->Increment(number(bytes));
  counters_->received_frames->Increment();
}
void LinkProbe::queue_bytes(std::uint64_t bytes) const {
  if (counters_) counters_->queue_bytes->Set(number(bytes));
}

struct PeerProbe::Counters {
  std::shared_ptr<void> owner;
  prometheus::Gauge* connected;
  prometheus::Counter *connections, *disconnections;
};

PeerProbe::PeerProbe() = default;

PeerProbe Registry::peer(std::string_view peer) {
  PeerProbe probe;
  if (!impl_) return probe;
  const prometheus::Labels labels = {{"peer", std::string(peer)}};
  probe.counters_ = std::make_shared<const PeerProbe::Counters>(PeerProbe::Counters{
      .owner = impl_,
      .connected = impl_->gauge("blindsight_peer_connected", labels),
      .connections = impl_->counter("blindsight_peer_connections_total", labels),
      .disconnections = impl_->counter("blindsight_peer_disconnections_total", labels),
  });
  return probe;
}

void PeerProbe::connected() const {
  if (!counters_) return;
  counters_->connected->Set(1);
  counters_->connections->Increment();
}
void PeerProbe::disconnected() const {
  if (!counters_) return;
  counters_->connected->Set(0);
  counters_->disconnections->Increment();
}

struct QueryProbe::Counters {
  std::shared_ptr<void> owner;
  std::array<prometheus::Counter*, outcomes.size()> ended;
  std::array<prometheus::Histogram*, outcomes.size()> seconds;  // null for refused
  prometheus::Gauge* in_flight;
};

QueryProbe::QueryProbe() = default;

QueryProbe Registry::queries() {
  QueryProbe probe;
  if (!impl_) return probe;
  QueryProbe::Counters counters{
      .owner = impl_, .ended = {}, .seconds = {}, .in_flight = impl_->gauge("blindsight_queries_in_flight", {})};
  for (Outcome outcome : outcomes) {
    const prometheus::Labels labels = {{"outcome", std::string(name(outcome))}};
    const auto i = static_cast<std::size_t>(outcome);
    counters.ended[i] = impl_->counter("blindsight_queries_total", labels);
    if (outcome != Outcome::refused) counters.seconds[i] = impl_->histogram("blindsight_query_seconds", labels);
  }
  probe.counters_ = std::make_shared<const QueryProbe::Counters>(std::move(counters));
  return probe;
}

void QueryProbe::finished(Outcome outcome, double seconds) const {
  if (!counters_) return;
  const auto i = static_cast<std::size_t>(outcome);
  counters_->ended[i]->Increment();
  if (counters_->seconds[i]) counters_->seconds[i]->Observe(seconds);
}
void QueryProbe::in_flight(std::uint64_t queries) const {
  if (counters_) counters_->in_flight->Set(number(queries));
}

struct PackProbe::Counters {
  std::shared_ptr<void> owner;
  prometheus::Counter *dealt, *used, *burned;
  prometheus::Histogram* seconds;
  prometheus::Gauge* pool_depth;
};

PackProbe::PackProbe() = default;

PackProbe Registry::packs() {
  PackProbe probe;
  if (!impl_) return probe;
  probe.counters_ = std::make_shared<const PackProbe::Counters>(PackProbe::Counters{
      .owner = impl_,
      .dealt = impl_->counter("blindsight_packs_dealt_total", {}),
      .used = impl_->counter("blindsight_packs_used_total", {}),
      .burned = impl_->counter("blindsight_packs_burned_total", {}),
      .seconds = impl_->histogram("blindsight_pack_seconds", {}),
      .pool_depth = impl_->gauge("blindsight_pack_pool_depth", {}),
  });
  return probe;
}

void PackProbe::dealt(double seconds) const {
  if (!counters_) return;
  counters_->dealt->Increment();
  counters_->seconds->Observe(seconds);
}
void PackProbe::used() const {
  if (counters_) counters_->used->Increment();
}
void PackProbe::burned() const {
  if (counters_) counters_->burned->Increment();
}
void PackProbe::pool_depth(std::uint64_t packs) const {
  if (counters_) counters_->pool_depth->Set(number(packs));
}

}  // namespace blindsight::monitoring
