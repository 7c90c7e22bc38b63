#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace blindsight::monitoring {

enum class MetricType : std::uint8_t { counter, gauge, histogram };

/// One metric as /metrics shows it.
struct Metric {
  std::string_view name;
  MetricType type;
  std::string_view unit;
  std::string_view help;
  /// Names of its labels; unused places are empty.
  std::array<std::string_view, 5> labels{};
  /// Upper bounds of a histogram's buckets, in `unit`.
  std::span<const double> buckets{};
};

/// The one list of metric names: the exporter builds its families from it; dashboards and alerts are tested against it.
namespace metrics {

// Seconds from a cached small model on loopback to VGG16 over a slow network.
inline constexpr double seconds_buckets[] = {0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100};

inline constexpr Metric all[] = {
    {"blindsight_layer_compute_seconds_total",
     MetricType::counter,
     "seconds",
     "Time in which kernels ran for a layer",
     {"layer", "lane"}},
    {"blindsight_layer_wait_seconds_total",
     MetricType::counter,
     "seconds",
     "Time in which a layer could only wait for a peer",
     {"layer", "lane"}},
    {"blindsight_layer_sent_bytes_total",
     MetricType::counter,
     "bytes",
     "Payload that a layer sent to peers",
     {"layer", "lane"}},
    {"blindsight_layer_received_bytes_total",
     MetricType::counter,
     "bytes",
     "Payload that a layer received from peers",
     {"layer", "lane"}},
    {"blindsight_layer_rounds_total",
     MetricType::counter,
     "rounds",
     "Rounds of communication that a layer finished",
     {"layer", "lane"}},
    {"blindsight_layer_queue_length",
     MetricType::gauge,
     "items",
     "Bands and messages that wait for a layer",
     {"layer", "lane"}},

    {"blindsight_link_sent_bytes_total",
     MetricType::counter,
     "bytes",
     "Bytes of frames sent to a peer, headers included",
     {"peer", "lane"}},
    {"blindsight_link_received_bytes_total",
     MetricType::counter,
     "bytes",
     "Bytes of frames received from a peer, headers included",
     {"peer", "lane"}},
    {"blindsight_link_sent_frames_total", MetricType::counter, "frames", "Frames sent to a peer", {"peer", "lane"}},
    {"blindsight_link_received_frames_total",
     MetricType::counter,
     "frames",
     "Frames received from a peer",
     {"peer", "lane"}},
    {"blindsight_link_queue_bytes",
     MetricType::gauge,
     "bytes",
     "Bytes that wait to be sent to a peer",
     {"peer", "lane"}},

    {"blindsight_peer_connected", MetricType::gauge, "0 or 1", "Whether the link to a peer is up", {"peer"}},
    {"blindsight_peer_connections_total",
     MetricType::counter,
     "connections",
     "Times that the link to a peer came up",
     {"peer"}},
    {"blindsight_peer_disconnections_total",
     MetricType::counter,
     "connections",
     "Times that the link to a peer was lost",
     {"peer"}},

    {"blindsight_queries_total", MetricType::counter, "queries", "Queries that ended, by outcome", {"outcome"}},
    {"blindsight_queries_in_flight", MetricType::gauge, "queries", "Queries accepted and not yet ended", {}},
    {"blindsight_query_seconds",
     MetricType::histogram,
     "seconds",
     "Time from acceptance to the end of a query",
     {"outcome"},
     seconds_buckets},

    {"blindsight_packs_dealt_total", MetricType::counter, "packs", "Packs of correlated randomness made ready", {}},
    {"blindsight_packs_used_total", MetricType::counter, "packs", "Packs handed to a query", {}},
    {"blindsight_packs_burned_total", MetricType::counter, "packs", "Packs thrown away unused or half used", {}},
    {"blindsight_pack_pool_depth", MetricType::gauge, "packs", "Packs ready to be handed out", {}},
    {"blindsight_pack_seconds", MetricType::histogram, "seconds", "Time to make one pack ready", {}, seconds_buckets},

    {"blindsight_build_info",
     MetricType::gauge,
     "1",
     "What this process is; the value is always 1",
     {"version", "commit", "isa", "protocol", "role"}},
};

}  // namespace metrics
}  // namespace blindsight::monitoring
