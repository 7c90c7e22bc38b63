#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "model/plan/plan.h"
#include "protocol/core/party.h"
#include "protocol/core/result.h"
#include "protocol/core/step.h"
#include "wire/job.h"
#include "wire/report.h"

namespace blindsight::wire {

using DeploymentId = std::array<std::uint8_t, 16>;
using PublicKey = std::array<std::uint8_t, 32>;

/// Which model a party has; equal at all three or no query runs.
struct DeploymentName {
  DeploymentId id{};
  model::Digest plan{};
  bool operator==(const DeploymentName&) const = default;
};

/// The longest name of a model.
inline constexpr std::size_t longest_model_name = 256;

/// The first message on every connection, in both directions. Who sends it is known already from its key: the role only
/// repeats it.
struct Hello {
  std::uint32_t wire_version = 0;
  std::string software_version;
  protocol::PartyId role = protocol::PartyId::client;
  PublicKey public_key{};  ///< fresh for each attempt at a session; zero at clients
  std::string choice;      ///< how the party computes, as protocol::spelling() writes it; empty at clients
  std::optional<DeploymentName> deployment;
  std::uint32_t max_frame_bytes = 0;  ///< payload of the largest frame that the sender takes
  bool operator==(const Hello&) const = default;
};

/// That the sender has the three keys from which the session's id follows, and under which number it serves the model
/// that all three have deployed: both go into every key.
struct Confirm {
  SessionId session{};
  protocol::ModelNumber model = 0;  ///< 0: it serves none
  bool operator==(const Confirm&) const = default;
};

/// Payload of query_pending, query_start and cancel.
struct QueryName {
  QueryId query{};
  JobDigest job{};  ///< of its header, in query_pending and query_start; zeros elsewhere
  bool operator==(const QueryName&) const = default;
};

/// Payload of refuse, session_ended, query_cancelled and failure: what went wrong, and with which query if it was one.
/// What comes off the wire is printable and of a length that a log bears.
struct Failure {
  QueryId query{};
  protocol::Error error;
  bool operator==(const Failure&) const = default;
};

/// One half of a query.
struct Predict {
  JobHeader header;
  protocol::PartyId server = protocol::PartyId::server0;  ///< that this half is for
  protocol::Payload input_share;
  bool timeline = false;  ///< whether the answer shall have LayerReport::intervals
  bool operator==(const Predict&) const = default;
};

struct Predicted {
  QueryId query{};
  Attempt attempt{};
  protocol::Payload output_share;
  ServerReport report;
  bool operator==(const Predicted&) const = default;
};

struct DeployBegin {
  DeploymentId id{};
  protocol::Payload plan;
  std::string name;  ///< of the model, as the right to deploy it is given; printable
  bool operator==(const DeployBegin&) const = default;
};

/// Payload of want, ping and pong.
struct Number {
  std::uint64_t number = 0;
  bool operator==(const Number&) const = default;
};

protocol::Payload encode(const Hello&);
protocol::Payload encode(const Confirm&);
protocol::Payload encode(const QueryName&);
protocol::Payload encode(const Failure&);
protocol::Payload encode(const Predict&);
protocol::Payload encode(const Predicted&);
protocol::Payload encode(const DeployBegin&);
protocol::Payload encode(const Number&);
protocol::Payload encode(const PartyStatus&);

/// Untrusted bytes to one of the types above; the error says what was wrong.
template <class T>
protocol::Result<T> decode(std::span<const std::uint8_t> bytes);

template <>
protocol::Result<Hello> decode(std::span<const std::uint8_t>);
template <>
protocol::Result<Confirm> decode(std::span<const std::uint8_t>);
template <>
protocol::Result<QueryName> decode(std::span<const std::uint8_t>);
template <>
protocol::Result<Failure> decode(std::span<const std::uint8_t>);
template <>
protocol::Result<Predict> decode(std::span<const std::uint8_t>);
template <>
protocol::Result<Predicted> decode(std::span<const std::uint8_t>);
template <>
protocol::Result<DeployBegin> decode(std::span<const std::uint8_t>);
template <>
protocol::Result<Number> decode(std::span<const std::uint8_t>);
template <>
protocol::Result<PartyStatus> decode(std::span<const std::uint8_t>);

}  // namespace blindsight::wire
