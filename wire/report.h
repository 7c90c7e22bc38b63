#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/core/party.h"
#include "protocol/core/work.h"

namespace blindsight::wire {

/// Something that a layer did for one band of one query, in microseconds from the start of the query at this server.
/// Servers' clocks differ: times of two servers cannot be compared.
struct Interval {
  enum class Kind : std::uint8_t {
    compute,  ///< a call of the band's step
    wait,     ///< between two calls, until the other party's message was there
    queue,    ///< from a call's being asked for to its beginning: the cores had other work
    send,     ///< a message to the other server was handed to the link: begin and end are equal
  };
  Kind kind = Kind::compute;
  std::uint32_t band = 0;
  std::uint32_t begin_us = 0, end_us = 0;
  std::uint64_t bytes = 0;  ///< of a send

  bool operator==(const Interval&) const = default;
};

/// Of one layer and query; what comes after them is not recorded, and a message with more is refused.
constexpr std::size_t max_intervals = std::size_t{1} << 14;

/// What making one value of one query cost at one server: the input, or one layer's. Bytes are payload, without
/// headers.
struct LayerReport {
  std::string name;                                 ///< of the layer, "input" for the input
  protocol::ValueId value = protocol::input_value;  ///< that was made
  double compute_s = 0;                             ///< in the layer's online steps, all bands added up
  double wait_s = 0;                      ///< bands added up: time in which a band awaited a message of another party
  double offline_compute_s = 0;           ///< in the layer's preprocessing steps
  std::uint64_t sent_bytes = 0;           ///< to the other server, online
  std::uint64_t dealt_bytes = 0;          ///< received from the crypto producer, ahead of time
  std::uint64_t from_producer_bytes = 0;  ///< received from the crypto producer, online
  std::uint64_t to_producer_bytes = 0;    ///< to the crypto producer, online
  std::uint64_t rounds = 0;               ///< messages to the other server that had to follow one another
  std::vector<Interval> intervals = {};   ///< at most `max_intervals`; empty unless asked for

  bool operator==(const LayerReport&) const = default;
};

/// What one query cost at one server.
struct ServerReport {
  double online_s = 0;             ///< from the start of the query at this server to its last message to the client
  double offline_s = 0;            ///< from the first work on the query's pack to its being ready
  std::uint64_t pack = 0;          ///< number of the pack that was used, inside the session
  std::uint64_t client_bytes = 0;  ///< from and to the client
  std::uint64_t offline_sent_bytes = 0;  ///< to the other server, ahead of time
  std::vector<LayerReport> layers;

  bool operator==(const ServerReport&) const = default;
};

/// Both servers' reports of one query, and the sums that a person asks for.
struct QueryReport {
  std::array<ServerReport, 2> servers;
  double total_s = 0;  ///< at the client, from sending the shares to holding both results

  double online_s() const;
  double offline_s() const;
  std::uint64_t rounds() const;
  std::uint64_t server0_to_server1() const;
  std::uint64_t server1_to_server0() const;
  std::uint64_t producer_to(std::size_t server) const;         ///< dealt
  std::uint64_t producer_online_to(std::size_t server) const;  ///< while the query ran
  std::uint64_t to_producer(std::size_t server) const;         ///< from this server, while the query ran
  std::uint64_t client_bytes() const;
};

/// What a party says of itself.
struct PartyStatus {
  std::string version;  ///< of the software
  std::uint32_t wire_version = 0;
  protocol::PartyId role = protocol::PartyId::server0;
  std::string choice;  ///< how it computes, as protocol::spelling() writes it
  bool in_session = false;
  std::string session;      ///< state for a person: what is connected, what is missing
  std::string deployment;   ///< model name, empty when nothing is deployed
  std::string plan_digest;  ///< hexadecimal, empty when nothing is deployed
  bool serving = false;     ///< a query sent now would be taken (at the producer: packs can be dealt)
  std::uint64_t packs_ready = 0, pack_depth = 0;
  std::uint64_t queries_in_flight = 0;
  std::int64_t clock_unix_ns = 0;
  std::uint32_t cores = 0;
  std::string isa;
  std::uint64_t disk_free_bytes = 0;  ///< where the deployment is kept
  bool plaintext_links_allowed = false;

  bool operator==(const PartyStatus&) const = default;
};

}  // namespace blindsight::wire
