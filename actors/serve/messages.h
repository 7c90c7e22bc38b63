#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "actors/engine/messages.h"
#include "actors/engine/session_core.h"
#include "actors/serve/deployment.h"
#include "config/config.h"
#include "monitoring/probes.h"
#include "wire/control.h"
#include "wire/tls.h"

/// What front end, scheduler, model store and supervisor say to each other.
namespace blindsight::actors {

/// What it takes the parties to come back after a session ended, about: when a client should ask again.
constexpr std::uint32_t retry_ms = 500;

/// From an inference to the scheduler, once.
struct QueryEnded {
  wire::QueryId query{};
  protocol::PackId pack = 0;
  monitoring::Outcome outcome = monitoring::Outcome::ok;
  protocol::Error error = {};  ///< unless it is ok
};

/// To an inference: give up.
struct AbortQuery {
  protocol::Error error;
  monitoring::Outcome outcome = monitoring::Outcome::failed;
  bool client_knows = false;  ///< the client need not be told
};

/// Scheduler to an inference: it has run for as long as it may.
struct TimeIsUp {
  std::chrono::milliseconds allowed{};
};

/// Supervisor to front end, and model store to supervisor: what is deployed here now.
struct Deployed {
  std::shared_ptr<const Deployment> deployment;
};

/// Supervisor to model store: read the weight shares and make the program for a session; answered by SessionPrepared.
struct PrepareSession {
  std::uint64_t attempt = 0;
  std::shared_ptr<const Deployment> deployment;
};

/// The error: the weights cannot be read or do not fit the plan.
struct SessionPrepared {
  std::uint64_t attempt = 0;
  std::shared_ptr<SessionCore> core;
  protocol::Error error;
};

/// Front end to model store: a client that may do so begins a deployment; answered to its link.
struct BeginDeployment {
  caf::actor link;
  Parcel<wire::DeployBegin> begin;
};

/// Front end to scheduler: a client's half of a query.
struct SubmitQuery {
  wire::QueryId query{};
  wire::JobDigest job{};  ///< of its header
  Parcel<protocol::Payload> share;
  caf::actor client;
  bool timeline = false;  ///< whether the report shall have intervals
};

/// Front end to scheduler: the client gives this query up.
struct CancelQuery {
  wire::QueryId query{};
  caf::actor client;
};

/// Front end to scheduler: the client's connection is gone.
struct ClientGone {
  caf::actor client;
};

/// Scheduler to front end: a query that it took is over.
struct QueryClosed {
  wire::QueryId query{};
  monitoring::Outcome outcome = monitoring::Outcome::ok;
  protocol::Fault fault = protocol::Fault::internal;  ///< unless it is ok
};

/// To supervisor and front end: pins and rights were read again. They hold from now on; links that stand stay, but
/// those of clients that are not known any more.
struct NewRights {
  std::shared_ptr<const wire::TlsContext> tls;
  std::vector<config::ClientRights> clients;
};

/// Supervisor to scheduler: the session is over.
struct EndSession {
  protocol::Error error;
};

/// Supervisor to front end: whether queries can be taken and by whom.
struct Serving {
  bool serving = false;
  caf::actor scheduler;  ///< at servers that serve
  bool in_session = false;
  std::string state;  ///< for a person; when not serving, why not
  /// When not serving: whether the parties are about to, so that asking again makes sense.
  std::optional<std::uint32_t> retry_after_ms = std::nullopt;
};

}  // namespace blindsight::actors

BLINDSIGHT_LOCAL_MESSAGE(QueryEnded)
BLINDSIGHT_LOCAL_MESSAGE(AbortQuery)
BLINDSIGHT_LOCAL_MESSAGE(TimeIsUp)
BLINDSIGHT_LOCAL_MESSAGE(Deployed)
BLINDSIGHT_LOCAL_MESSAGE(PrepareSession)
BLINDSIGHT_LOCAL_MESSAGE(SessionPrepared)
BLINDSIGHT_LOCAL_MESSAGE(BeginDeployment)
BLINDSIGHT_LOCAL_MESSAGE(SubmitQuery)
BLINDSIGHT_LOCAL_MESSAGE(CancelQuery)
BLINDSIGHT_LOCAL_MESSAGE(ClientGone)
BLINDSIGHT_LOCAL_MESSAGE(QueryClosed)
BLINDSIGHT_LOCAL_MESSAGE(NewRights)
BLINDSIGHT_LOCAL_MESSAGE(EndSession)
BLINDSIGHT_LOCAL_MESSAGE(Serving)
