#pragma once

#include <array>
#include <caf/all.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/deployment/deployment.h"
#include "actors/report.h"
#include "actors/session/session_core.h"
#include "actors/wire/control.h"
#include "actors/wire/envelope.h"
#include "monitoring/probes.h"
#include "protocol/core/program.h"
#include "tensor/shape.h"

/// What actors of one party say to each other. Nothing here leaves the process.
namespace blindsight::actors {

/// Something that is moved from actor to actor although CAF may copy the message around it: whoever takes first has it.
template <class T>
class Parcel {
 public:
  Parcel() = default;
  explicit Parcel(T content) : box_(std::make_shared<T>(std::move(content))) {}
  T take() const { return std::move(*box_); }
  const T& look() const { return *box_; }

 private:
  std::shared_ptr<T> box_;
};

// --- links ---

/// To a link: queue this message.
struct Send {
  Parcel<wire::Message> message;
};

/// From a link to whoever its routes name: a message has arrived.
struct Arrived {
  protocol::PartyId from = protocol::PartyId::client;  ///< as the routes say
  caf::actor link;
  Parcel<wire::Message> message;
};

/// From a link, once: the connection is gone.
struct LinkDown {
  caf::actor link;
  std::string reason;
};

/// To a link: where arriving messages go from now on. Until then all go to the owner.
struct Routes {
  protocol::PartyId peer = protocol::PartyId::client;
  std::string name;                  ///< of the peer, for a person
  std::uint64_t session = 0;         ///< the only session whose step and session messages are taken
  caf::actor control;                ///< everything that is not named below
  caf::actor queries, packs;         ///< query_* ; want, deal_begins, pack_ready
  std::vector<caf::actor> layers;    ///< set_up, deal, online, by stage
  caf::actor drain_watcher;          ///< is told Drained for the preprocessing lane
  std::size_t frame_bytes = 0;       ///< payload of the largest frame that both ends take
  std::size_t message_bytes = 0;     ///< payload of the largest message that is taken
  std::size_t open_messages = 4096;  ///< messages under way at once
  std::uint64_t unread_bytes = 0;    ///< a peer that lets more wait for it is cut off; 0: no bound
};

/// From a link to its drain watcher: so many payload bytes of the preprocessing lane have gone to the operating system.
struct Drained {
  protocol::PartyId to = protocol::PartyId::client;
  std::uint64_t bytes = 0;
};

/// To a link: send what is queued, then close.
struct CloseLink {};

/// From the listener.
struct Accepted {
  caf::actor link;
  std::string address;
};

/// To a dialer: try once.
struct Dial {};

/// From a dialer. `descriptor` < 0: it failed, with the reason.
struct Dialed {
  protocol::PartyId peer = protocol::PartyId::client;
  int descriptor = -1;
  std::string reason;
};

// --- layers ---

struct SetUp {};

struct StageSetUp {
  std::size_t stage = 0;
  double compute_s = 0;
};

/// To a layer: run the preprocessing steps of these tiles of a pack. `store` is told TilePrepared for each.
struct PrepareTiles {
  protocol::PackId pack = 0;
  std::vector<std::size_t> tiles;
  caf::actor store;
};

using MaterialPtr = std::unique_ptr<protocol::TileMaterial>;

struct TilePrepared {
  protocol::PackId pack = 0;
  std::size_t stage = 0, tile = 0;
  Parcel<MaterialPtr> material;
  double compute_s = 0;
  std::uint64_t received_bytes = 0;           ///< from the crypto producer
  std::array<std::uint64_t, 3> sent_bytes{};  ///< to each party
};

/// To a layer: a query is under way.
struct BeginQuery {
  protocol::PackId pack = 0;
  std::shared_ptr<const protocol::Plane> in;
  std::shared_ptr<protocol::Plane> out;
  Parcel<std::vector<MaterialPtr>> materials;
  Parcel<protocol::Payload> client_share;  ///< stage 0 only
  caf::actor inference;                    ///< or query helper
  /// The start of the query, if its report shall have intervals.
  std::optional<std::chrono::steady_clock::time_point> timeline_from;
};

/// To a layer: these rows of its input plane are written.
struct RowsWritten {
  protocol::PackId pack = 0;
  tensor::RowRange rows;
};

/// To a layer: forget everything about this pack, it will not be used any more.
struct DropPack {
  protocol::PackId pack = 0;
};

struct StageDone {
  protocol::PackId pack = 0;
  std::size_t stage = 0;
  StageReport report;
};

/// A step's message for the client.
struct ClientBound {
  protocol::PackId pack = 0;
  Parcel<protocol::Payload> payload;
};

enum class Phase : std::uint8_t { set_up, preprocess, online };

/// A step returned an error, or was sent what it cannot be sent.
struct StepFailed {
  Phase phase = Phase::online;
  protocol::PackId pack = 0;
  std::size_t stage = 0;
  std::string reason;
};

// --- packs and queries ---

/// A whole pack, ready to be used once.
struct Pack {
  protocol::PackId id = 0;
  std::vector<std::vector<MaterialPtr>> materials;  ///< by stage and tile
  double offline_s = 0;
  std::vector<double> compute_s;           ///< by stage
  std::vector<std::uint64_t> dealt_bytes;  ///< by stage
  std::uint64_t sent_bytes = 0;            ///< to the other server
};

/// Server 0's query desk to its store: a query waits for a pack; answered by PackGranted.
struct TakeAnyPack {};

/// Server 1's query desk to its store: server 0 has chosen this one; answered by PackGranted, with pack 0 if it is not
/// there to be used (again).
struct TakePack {
  protocol::PackId pack = 0;
};

/// Query desk to store: this pack must never be used.
struct BurnPack {
  protocol::PackId pack = 0;
};

struct PackGranted {
  Parcel<Pack> pack;
};

/// Query desk to store: so many queries wait or run here, after so many packs that came from the store since the
/// session began. Packs still on their way to the desk count as neither; the store knows of them.
struct QueryLoad {
  std::size_t waiting = 0, running = 0;
  std::uint64_t packs_received = 0;
};

/// Dealer to query helper: the servers were told of this pack.
struct PackAnnounced {
  protocol::PackId pack = 0;
};

/// Query helper to itself.
struct HelpTooLong {
  protocol::PackId pack = 0;
};

/// From an inference to the query desk, once.
struct QueryEnded {
  wire::QueryId query{};
  protocol::PackId pack = 0;
  monitoring::Outcome outcome = monitoring::Outcome::ok;
  std::string reason;
};

/// To an inference: give up. The client is told unless the reason is empty: then it was told.
struct AbortQuery {
  std::string reason;
  monitoring::Outcome outcome = monitoring::Outcome::failed;
};

/// To store and dealer: every stage is set up, packs may be dealt.
struct Begin {};

// --- the gate and the node ---

/// Node to gate, and deployment keeper to node: what is deployed here now.
struct Deployed {
  std::shared_ptr<const Deployment> deployment;
};

/// Node to deployment keeper: read the weight shares and make the program for a session; answered by SessionPrepared.
struct PrepareSession {
  std::uint64_t attempt = 0;
  std::shared_ptr<const Deployment> deployment;
  protocol::SessionKeys keys;
};

/// The error: the weights cannot be read or do not fit the plan.
struct SessionPrepared {
  std::uint64_t attempt = 0;
  std::shared_ptr<SessionCore> core;
  std::string error;
};

/// Node to itself.
struct DialAgain {
  protocol::PartyId peer = protocol::PartyId::client;
};

/// Node to itself: a stranger has had its time to say Hello.
struct GreetingOver {
  caf::actor link;
};

/// To the node: end the session, close everything, quit.
struct Stop {};

/// Gate to query desk: a client's half of a query.
struct SubmitQuery {
  wire::QueryId query{};
  Parcel<protocol::Payload> share;
  caf::actor client;
  bool timeline = false;  ///< whether the report shall have intervals
};

/// Query desk to itself.
struct WaitedTooLong {
  wire::QueryId query{};
};

/// Gate to query desk: the client's connection is gone.
struct ClientGone {
  caf::actor client;
};

/// Query desk to gate: a query that it took is over.
struct QueryClosed {
  wire::QueryId query{};
  monitoring::Outcome outcome = monitoring::Outcome::ok;
};

/// Node to query desk: the session is over.
struct EndSession {
  std::string reason;
};

/// Node to gate: whether queries can be taken and by whom.
struct Serving {
  bool serving = false;
  caf::actor desk;  ///< at servers that serve
  bool in_session = false;
  std::string state;  ///< for a person; when not serving, why not
};

/// Store to gate.
struct PacksReady {
  std::uint64_t packs = 0;
};

}  // namespace blindsight::actors

#define BLINDSIGHT_LOCAL_MESSAGE(type) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(blindsight::actors::type)
BLINDSIGHT_LOCAL_MESSAGE(Send)
BLINDSIGHT_LOCAL_MESSAGE(Arrived)
BLINDSIGHT_LOCAL_MESSAGE(LinkDown)
BLINDSIGHT_LOCAL_MESSAGE(Routes)
BLINDSIGHT_LOCAL_MESSAGE(Drained)
BLINDSIGHT_LOCAL_MESSAGE(CloseLink)
BLINDSIGHT_LOCAL_MESSAGE(Accepted)
BLINDSIGHT_LOCAL_MESSAGE(Dial)
BLINDSIGHT_LOCAL_MESSAGE(Dialed)
BLINDSIGHT_LOCAL_MESSAGE(SetUp)
BLINDSIGHT_LOCAL_MESSAGE(StageSetUp)
BLINDSIGHT_LOCAL_MESSAGE(PrepareTiles)
BLINDSIGHT_LOCAL_MESSAGE(TilePrepared)
BLINDSIGHT_LOCAL_MESSAGE(BeginQuery)
BLINDSIGHT_LOCAL_MESSAGE(RowsWritten)
BLINDSIGHT_LOCAL_MESSAGE(DropPack)
BLINDSIGHT_LOCAL_MESSAGE(StageDone)
BLINDSIGHT_LOCAL_MESSAGE(ClientBound)
BLINDSIGHT_LOCAL_MESSAGE(StepFailed)
BLINDSIGHT_LOCAL_MESSAGE(TakeAnyPack)
BLINDSIGHT_LOCAL_MESSAGE(TakePack)
BLINDSIGHT_LOCAL_MESSAGE(BurnPack)
BLINDSIGHT_LOCAL_MESSAGE(PackGranted)
BLINDSIGHT_LOCAL_MESSAGE(QueryLoad)
BLINDSIGHT_LOCAL_MESSAGE(PackAnnounced)
BLINDSIGHT_LOCAL_MESSAGE(HelpTooLong)
BLINDSIGHT_LOCAL_MESSAGE(QueryEnded)
BLINDSIGHT_LOCAL_MESSAGE(AbortQuery)
BLINDSIGHT_LOCAL_MESSAGE(SubmitQuery)
BLINDSIGHT_LOCAL_MESSAGE(WaitedTooLong)
BLINDSIGHT_LOCAL_MESSAGE(ClientGone)
BLINDSIGHT_LOCAL_MESSAGE(QueryClosed)
BLINDSIGHT_LOCAL_MESSAGE(EndSession)
BLINDSIGHT_LOCAL_MESSAGE(Serving)
BLINDSIGHT_LOCAL_MESSAGE(PacksReady)
BLINDSIGHT_LOCAL_MESSAGE(Begin)
BLINDSIGHT_LOCAL_MESSAGE(Deployed)
BLINDSIGHT_LOCAL_MESSAGE(PrepareSession)
BLINDSIGHT_LOCAL_MESSAGE(SessionPrepared)
BLINDSIGHT_LOCAL_MESSAGE(DialAgain)
BLINDSIGHT_LOCAL_MESSAGE(GreetingOver)
BLINDSIGHT_LOCAL_MESSAGE(Stop)
