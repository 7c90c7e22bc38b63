#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/link/messages.h"
#include "protocol/core/program.h"
#include "tensor/shape.h"
#include "wire/report.h"

/// What layers, the store of packs and the dealer say to each other and to whom they serve.
namespace blindsight::actors {

/// To a layer. The keys are held by what still sets up, and gone when the last layer is ready.
struct SetUp {
  protocol::PackKeysPtr keys;
};

struct LayerSetUp {};

/// To a layer: run the preprocessing steps of these bands of a pack. `store` is told BandPrepared for each.
struct PrepareBands {
  protocol::PackId pack = 0;
  protocol::PackKeysPtr keys;
  std::vector<std::uint32_t> bands;
  caf::actor store;
};

using MaterialPtr = std::unique_ptr<protocol::BandMaterial>;

struct BandPrepared {
  protocol::Work work;
  Parcel<MaterialPtr> material;
  double compute_s = 0;
  std::uint64_t received_bytes = 0;           ///< from the crypto producer
  std::array<std::uint64_t, 3> sent_bytes{};  ///< to each party
};

/// To a layer: a query is under way.
struct BeginQuery {
  protocol::PackId pack = 0;
  protocol::PackKeysPtr keys;
  std::shared_ptr<const protocol::MaskedMap> in;
  std::shared_ptr<protocol::MaskedMap> out;
  Parcel<std::vector<MaterialPtr>> materials;
  Parcel<protocol::Payload> client_share;  ///< the input only
  caf::actor inference;                    ///< or query helper
  /// The start of the query, if its report shall have intervals.
  std::optional<std::chrono::steady_clock::time_point> timeline_from;
};

/// To a layer: these rows of a value that it reads are written.
struct RowsWritten {
  protocol::PackId pack = 0;
  tensor::RowRange rows;
};

/// To a layer: forget everything about this pack, it will not be used any more.
struct DropPack {
  protocol::PackId pack = 0;
};

struct LayerDone {
  protocol::Work work;
  wire::LayerReport report;
};

/// A step's message for the client.
struct ClientBound {
  Parcel<protocol::Payload> payload;
};

enum class Phase : std::uint8_t { set_up, preprocess, online };

/// A step returned an error, or was sent what it cannot be sent.
struct StepFailed {
  Phase phase = Phase::online;
  protocol::Work work;
  protocol::Error error;
};

/// To the supervisor, from any actor of the session: nothing that a party of this session may do. It cannot go on.
struct SessionFailed {
  protocol::Error error;
};

/// A whole pack, ready to be used once.
struct Pack {
  protocol::PackId id = 0;
  protocol::PackKeysPtr keys;
  std::vector<std::vector<MaterialPtr>> materials;  ///< by value and band
  double offline_s = 0;
  std::vector<double> compute_s;           ///< by value
  std::vector<std::uint64_t> dealt_bytes;  ///< by value
  std::uint64_t sent_bytes = 0;            ///< to the other server
};

/// Server 0's scheduler to its store: a query waits for a pack; answered by PackGranted, with pack 0 once it was
/// withdrawn.
struct TakeAnyPack {
  std::uint64_t taker = 0;  ///< the scheduler's number for this request
};

/// Server 0's scheduler to its store: the query of this request needs no pack any more. Nothing when one is on its way.
struct WithdrawTake {
  std::uint64_t taker = 0;
};

/// Server 1's scheduler to its store: server 0 has chosen this one; answered by PackGranted, with pack 0 if it is not
/// there to be used (again).
struct TakePack {
  protocol::PackId pack = 0;
};

/// Scheduler to store: this pack must never be used.
struct BurnPack {
  protocol::PackId pack = 0;
};

struct PackGranted {
  Parcel<Pack> pack;
};

/// Scheduler to store: so many queries wait or run here, after so many packs that came from the store since the
/// session began. Packs still on their way to the scheduler count as neither; the store knows of them.
struct QueryLoad {
  std::size_t waiting = 0, running = 0;
  std::uint64_t packs_received = 0;
};

/// Dealer to query helper: the servers were told of this pack.
struct PackAnnounced {
  protocol::PackId pack = 0;
  protocol::PackKeysPtr keys;
};

/// To store and dealer: every layer is set up, packs may be dealt.
struct Begin {};

/// Store to front end.
struct PacksReady {
  std::uint64_t packs = 0;
};

}  // namespace blindsight::actors

BLINDSIGHT_LOCAL_MESSAGE(SetUp)
BLINDSIGHT_LOCAL_MESSAGE(LayerSetUp)
BLINDSIGHT_LOCAL_MESSAGE(PrepareBands)
BLINDSIGHT_LOCAL_MESSAGE(BandPrepared)
BLINDSIGHT_LOCAL_MESSAGE(BeginQuery)
BLINDSIGHT_LOCAL_MESSAGE(RowsWritten)
BLINDSIGHT_LOCAL_MESSAGE(DropPack)
BLINDSIGHT_LOCAL_MESSAGE(LayerDone)
BLINDSIGHT_LOCAL_MESSAGE(ClientBound)
BLINDSIGHT_LOCAL_MESSAGE(StepFailed)
BLINDSIGHT_LOCAL_MESSAGE(SessionFailed)
BLINDSIGHT_LOCAL_MESSAGE(TakeAnyPack)
BLINDSIGHT_LOCAL_MESSAGE(WithdrawTake)
BLINDSIGHT_LOCAL_MESSAGE(TakePack)
BLINDSIGHT_LOCAL_MESSAGE(BurnPack)
BLINDSIGHT_LOCAL_MESSAGE(PackGranted)
BLINDSIGHT_LOCAL_MESSAGE(QueryLoad)
BLINDSIGHT_LOCAL_MESSAGE(PackAnnounced)
BLINDSIGHT_LOCAL_MESSAGE(Begin)
BLINDSIGHT_LOCAL_MESSAGE(PacksReady)
