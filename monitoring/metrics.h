#pragma once

#include <algorithm>

#include "monitoring/metric.h"

/// The one list of metrics. /metrics shows these and no others, and dashboards and alerts are tested against it. To add
/// one: a constant here and its line in `all`, a place on the dashboard, and the caller, who asks a Registry for its
/// probe.
namespace blindsight::monitoring::metrics {

inline constexpr Label<std::string_view> layer{"layer"}, peer{"peer"}, listener{"listener"};
inline constexpr Label<Lane> lane{"lane"};
inline constexpr Label<Outcome> outcome{"outcome"};
inline constexpr Label<std::string_view> fault{"fault"};  ///< protocol::Fault

// Seconds from a cached small model on loopback to VGG16 over a slow network.
inline constexpr double seconds_buckets[] = {0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100};

inline constexpr auto layer_compute_seconds =
    counter("blindsight_layer_compute_seconds_total", "seconds", "Time in which kernels ran for a layer", layer, lane);
inline constexpr auto layer_wait_seconds =
    counter("blindsight_layer_wait_seconds_total", "seconds",
            "Time in which steps of a layer could only wait for a peer's bytes", layer, lane);
inline constexpr auto layer_sent_bytes =
    counter("blindsight_layer_sent_bytes_total", "bytes", "Payload that a layer sent to peers", layer, lane);
inline constexpr auto layer_received_bytes =
    counter("blindsight_layer_received_bytes_total", "bytes", "Payload that a layer received from peers", layer, lane);
inline constexpr auto layer_rounds =
    counter("blindsight_layer_rounds_total", "messages",
            "Messages to servers by the band of a layer that sent most, summed over queries", layer, lane);
inline constexpr auto layer_queue_length =
    gauge("blindsight_layer_queue_length", "steps",
          "Steps of a layer's bands in flight: begun and not ended, computing or waiting", layer, lane);

inline constexpr auto link_sent_bytes = counter("blindsight_link_sent_bytes_total", "bytes",
                                                "Bytes of frames sent to a peer, headers included", peer, lane);
inline constexpr auto link_received_bytes =
    counter("blindsight_link_received_bytes_total", "bytes", "Bytes of frames received from a peer, headers included",
            peer, lane);
inline constexpr auto link_sent_frames =
    counter("blindsight_link_sent_frames_total", "frames", "Frames sent to a peer", peer, lane);
inline constexpr auto link_received_frames =
    counter("blindsight_link_received_frames_total", "frames", "Frames received from a peer", peer, lane);
inline constexpr auto link_queue_bytes =
    gauge("blindsight_link_queue_bytes", "bytes", "Bytes that wait to be sent to a peer", peer, lane);

inline constexpr auto peer_connected =
    gauge("blindsight_peer_connected", "0 or 1", "Whether the link to a peer is up", peer);
inline constexpr auto peer_connections =
    counter("blindsight_peer_connections_total", "connections", "Times that the link to a peer came up", peer);
inline constexpr auto peer_disconnections =
    counter("blindsight_peer_disconnections_total", "connections", "Times that the link to a peer was lost", peer);

inline constexpr auto connections_refused =
    counter("blindsight_connections_refused_total", "connections",
            "Connections that ended before they were a link: no known key, false role, other version, too many at once",
            listener, fault);
inline constexpr auto key_expiry = gauge("blindsight_key_expiry_timestamp_seconds", "seconds",
                                         "When this party's own key expires, in Unix time; 0: it has none");
inline constexpr auto links_insecure =
    gauge("blindsight_links_insecure", "0 or 1",
          "1: INSECURE, links are neither encrypted nor authenticated (insecure_plaintext_links)");

inline constexpr auto queries =
    counter("blindsight_queries_total", "queries", "Queries that ended, by outcome", outcome);
inline constexpr auto query_failures = counter("blindsight_query_failures_total", "queries",
                                               "Queries that ended without an answer, by the kind of failure", fault);
inline constexpr auto queries_in_flight =
    gauge("blindsight_queries_in_flight", "queries", "Queries accepted and not yet ended");
inline constexpr auto query_seconds = histogram("blindsight_query_seconds", "seconds",
                                                "Time from acceptance to the end of a query", seconds_buckets, outcome);

inline constexpr auto packs_dealt =
    counter("blindsight_packs_dealt_total", "packs", "Packs of correlated randomness made ready");
inline constexpr auto packs_used = counter("blindsight_packs_used_total", "packs", "Packs handed to a query");
inline constexpr auto packs_burned =
    counter("blindsight_packs_burned_total", "packs", "Packs thrown away unused or half used");
inline constexpr auto pack_pool_depth = gauge("blindsight_pack_pool_depth", "packs", "Packs ready to be handed out");
inline constexpr auto pack_seconds =
    histogram("blindsight_pack_seconds", "seconds", "Time to make one pack ready", seconds_buckets);

inline constexpr auto build_info =
    gauge("blindsight_build_info", "1", "What this process is; the value is always 1",
          Label<std::string_view>{"version"}, Label<std::string_view>{"commit"}, Label<std::string_view>{"isa"},
          Label<std::string_view>{"protocol"}, Label<std::string_view>{"role"});

/// In the order in which /metrics shows those of one type. A probe of a metric that is missing here does not compile.
inline constexpr const Metric* all[] = {
    &layer_compute_seconds,
    &layer_wait_seconds,
    &layer_sent_bytes,
    &layer_received_bytes,
    &layer_rounds,
    &layer_queue_length,

    &link_sent_bytes,
    &link_received_bytes,
    &link_sent_frames,
    &link_received_frames,
    &link_queue_bytes,

    &peer_connected,
    &peer_connections,
    &peer_disconnections,

    &connections_refused,
    &key_expiry,
    &links_insecure,

    &queries,
    &query_failures,
    &queries_in_flight,
    &query_seconds,

    &packs_dealt,
    &packs_used,
    &packs_burned,
    &pack_pool_depth,
    &pack_seconds,

    &build_info,
};

constexpr bool is_listed(const Metric& metric) {
  // By name: GCC does not compare addresses at compile time under -fsanitize=undefined.
  return std::ranges::any_of(all, [&](const Metric* listed) { return listed->name == metric.name; });
}

}  // namespace blindsight::monitoring::metrics
