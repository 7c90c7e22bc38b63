#include "actors/engine/layer.h"

#include <doctest/doctest.h>

#include <caf/all.hpp>
#include <future>

#include "actors/engine/messages.h"
#include "tests/actors/support/stage.h"

using namespace blindsight;
using namespace blindsight::actors;
using namespace blindsight::test;
using protocol::Fault;
using protocol::PackId;
using protocol::PartyId;
using protocol::Payload;
using protocol::ValueId;
using wire::Kind;

namespace {

constexpr PackId pack = 5;
/// Of a map of the fake network, and of a band of it.
constexpr std::size_t map_bytes = 4 * 6 * 4;

/// An actor that receives what a neighbour would.
class Neighbour {
 public:
  explicit Neighbour(caf::actor_system& system) : self_(system) {}
  caf::actor actor() const { return caf::actor_cast<caf::actor>(self_); }

  template <class T>
  T receive() {
    T got;
    self_->receive([&](const T& message) { got = message; },
                   caf::after(std::chrono::minutes(1)) >> [] { FAIL("nothing came"); });
    return got;
  }
  /// Whether a message of this type is here already.
  template <class T>
  bool has() {
    bool here = false;
    self_->receive([&](const T&) { here = true; }, caf::after(std::chrono::seconds(0)) >> [] {});
    return here;
  }

 private:
  mutable caf::scoped_actor self_;
};

/// A layer whose peers, supervisor, store, inference and next layer are the test. Its steps run in other threads.
struct Layer {
  explicit Layer(PartyId party, ValueId of_value, std::size_t early_bytes = 1 << 20)
      : core(fake_core(party)), value(of_value) {
    core->offload = &offload;
    core->early_bytes_limit = early_bytes;
    for (const auto peer : {PartyId::server0, PartyId::server1, PartyId::producer})
      if (peer != party) core->links[static_cast<std::size_t>(peer)] = link(peer).actor();
    layer = spawn_layer(system, core, value, supervisor.actor(), next.actor(), registry);
  }
  ~Layer() { caf::anon_send_exit(layer, caf::exit_reason::user_shutdown); }

  Neighbour& link(PartyId peer) { return peer == PartyId::producer ? producer : other_server; }
  protocol::Work work(std::uint32_t band = 0, PackId of_pack = pack) const {
    return protocol::making(value, of_pack, band, core->model);
  }
  protocol::PackKeysPtr keys(PackId of_pack = pack) const { return fake_keys(core->self, of_pack); }
  template <class Message>
  void tell(Message message) {
    caf::anon_send(layer, std::move(message));
  }
  void arrives(PartyId from, Kind kind, std::size_t bytes, std::uint16_t round = 0, std::uint32_t band = 0) {
    arrives(from, {kind, wire::Lane::online, core->session, work(band), round}, Payload(bytes));
  }
  void arrives(PartyId from, const wire::Header& header, Payload payload) {
    tell(Arrived{from, nullptr, Parcel(wire::Message{header, std::move(payload)})});
  }
  void prepare(std::vector<std::uint32_t> bands = {0}) {
    tell(PrepareBands{pack, keys(), std::move(bands), store.actor()});
  }
  /// Server 0 at the input: prepares the band, with what the producer sends.
  std::vector<MaterialPtr> prepared() {
    prepare();
    arrives(PartyId::producer, Kind::deal, 4);
    std::vector<MaterialPtr> materials;
    materials.push_back(store.receive<BandPrepared>().material.take());
    return materials;
  }
  /// A query at the input. `timeline`: its report shall have intervals.
  void begin(std::vector<MaterialPtr> materials, bool timeline = false) {
    BeginQuery query{
        pack, keys(), nullptr, out, Parcel(std::move(materials)), Parcel(Payload(map_bytes, 1)), inference.actor(), {}};
    if (timeline) query.timeline_from = std::chrono::steady_clock::now();
    tell(std::move(query));
  }
  wire::Message sent_to(PartyId peer) { return link(peer).receive<Send>().message.take(); }
  /// The violation that ended the session.
  void check_session_failed() { CHECK(supervisor.receive<SessionFailed>().error.fault == Fault::violation); }

  caf::actor_system_config config;
  caf::actor_system system{config};
  monitoring::Registry registry = monitoring::Registry::null();
  Offload offload{1, 1, true};
  std::shared_ptr<SessionCore> core;
  ValueId value;
  Neighbour other_server{system}, producer{system}, supervisor{system}, store{system}, inference{system}, next{system};
  std::shared_ptr<protocol::MaskedMap> out = std::make_shared<protocol::MaskedMap>(map_bytes);
  caf::actor layer;
};

}  // namespace

TEST_CASE("a layer is set up with the other server's message, whether that is early or late") {
  for (const bool early : {true, false}) {
    Layer l(PartyId::server0, 1);
    if (early) l.arrives(PartyId::server1, {Kind::set_up, wire::Lane::online, 77, l.work(0, 0), 0}, Payload(4));
    l.tell(SetUp{});
    const auto sent = l.sent_to(PartyId::server1);
    CHECK(sent.header == wire::Header{Kind::set_up, wire::Lane::online, l.core->session, l.work(0, 0), 0});
    if (!early) {
      CHECK_FALSE(l.supervisor.has<LayerSetUp>());
      l.arrives(PartyId::server1, {Kind::set_up, wire::Lane::online, 77, l.work(0, 0), 0}, Payload(4));
    }
    l.supervisor.receive<LayerSetUp>();
  }
}

TEST_CASE("where there is no set-up step, a layer is set up at once") {
  Layer input(PartyId::server0, protocol::input_value), producer(PartyId::producer, 1);
  for (auto* layer : {&input, &producer}) {
    layer->tell(SetUp{});
    layer->supervisor.receive<LayerSetUp>();
  }
}

TEST_CASE("a set-up message that its step refuses is told the supervisor") {
  Layer l(PartyId::server0, 1);
  l.tell(SetUp{});
  l.arrives(PartyId::server1, {Kind::set_up, wire::Lane::online, 77, l.work(0, 0), 0}, Payload(8));
  const auto failed = l.supervisor.receive<StepFailed>();
  CHECK(failed.phase == Phase::set_up);
  CHECK(failed.work == l.work(0, 0));
  CHECK(failed.error.fault == Fault::violation);
}

TEST_CASE("bands are prepared with what the producer deals, and each is handed to the store with its cost") {
  Layer l(PartyId::server1, 2);
  l.arrives(PartyId::producer, Kind::deal, 4 * (3 + 2) * 6, 0, 1);
  l.prepare({0, 1});
  auto first = l.store.receive<BandPrepared>();
  CHECK(first.work == l.work(1));
  CHECK(first.received_bytes == 4 * (3 + 2) * 6);
  CHECK(first.material.take() != nullptr);
  l.arrives(PartyId::producer, Kind::deal, 4 * (2 + 2) * 6, 0, 0);
  first = l.store.receive<BandPrepared>();
  CHECK(first.work == l.work(0));
  CHECK(first.received_bytes == 4 * (2 + 2) * 6);
}

TEST_CASE("a producer's layer deals to both servers and says how much") {
  Layer l(PartyId::producer, 2);
  l.prepare({1});
  const auto prepared = l.store.receive<BandPrepared>();
  CHECK(prepared.work == l.work(1));
  // Both servers' links are one neighbour here.
  std::uint64_t bytes = 0;
  for (int server = 0; server < 2; ++server) {
    const auto sent = l.sent_to(PartyId::server0);
    CHECK(sent.header == wire::Header{Kind::deal, wire::Lane::preprocessing, l.core->session, l.work(1), 0});
    bytes += sent.payload.size();
  }
  CHECK(prepared.sent_bytes == std::array<std::uint64_t, 3>{4, 4 * (3 + 2) * 6, 0});
  CHECK(bytes == prepared.sent_bytes[0] + prepared.sent_bytes[1]);
}

TEST_CASE("a query's band ends with the rows at the next layer and the report at the inference") {
  for (const bool timeline : {true, false}) {
    Layer l(PartyId::server0, protocol::input_value);
    l.begin(l.prepared(), timeline);
    const auto sent = l.sent_to(PartyId::server1);
    CHECK(sent.header == wire::Header{Kind::online, wire::Lane::online, l.core->session, l.work(), 0});
    CHECK(sent.payload.size() == map_bytes);
    CHECK_FALSE(l.next.has<RowsWritten>());
    l.arrives(PartyId::server1, Kind::online, map_bytes);
    const auto rows = l.next.receive<RowsWritten>();
    CHECK(rows.pack == pack);
    CHECK((rows.rows.begin == 0 && rows.rows.end == 4));
    const auto done = l.inference.receive<LayerDone>();
    CHECK(done.work == l.work());
    CHECK(done.report.name == "input");
    CHECK(done.report.sent_bytes == map_bytes);
    CHECK(done.report.rounds == 1);
    CHECK(done.report.from_producer_bytes == 0);
    CHECK(done.report.intervals.empty() != timeline);
    std::uint64_t in_sends = 0;
    for (const auto& interval : done.report.intervals) in_sends += interval.bytes;
    CHECK(in_sends == (timeline ? map_bytes : 0));
    // The pack is over here: what comes for it is dropped, not kept, and it begins no query again.
    l.arrives(PartyId::server1, Kind::online, (1 << 20) + 1);
    l.begin({});
    l.tell(SetUp{});
    l.supervisor.receive<LayerSetUp>();
    CHECK_FALSE(l.inference.has<StepFailed>());
    CHECK_FALSE(l.supervisor.has<SessionFailed>());
    CHECK_FALSE(l.other_server.has<Send>());
  }
}

TEST_CASE("a message that a step refuses, one that comes twice and one too many fail the query as violations") {
  for (const int wrong : {0, 1, 2}) {
    Layer l(PartyId::server0, protocol::input_value);
    auto materials = l.prepared();
    if (wrong == 0) l.arrives(PartyId::server1, Kind::online, map_bytes + 4);
    if (wrong == 1)
      for (int i = 0; i < 2; ++i) l.arrives(PartyId::server1, Kind::online, map_bytes);
    if (wrong == 2)
      for (const std::uint16_t round : {0, 1}) l.arrives(PartyId::server1, Kind::online, map_bytes, round);
    l.begin(std::move(materials));
    const auto failed = l.inference.receive<StepFailed>();
    CHECK(failed.phase == Phase::online);
    CHECK(failed.work == l.work());
    CHECK(failed.error.fault == Fault::violation);
  }
}

TEST_CASE("what cannot be for this layer ends the session") {
  SUBCASE("a band that is not") {
    Layer l(PartyId::server0, protocol::input_value);
    l.arrives(PartyId::server1, Kind::online, 4, 0, 1);
    l.check_session_failed();
  }
  SUBCASE("a layer that does not make the value") {
    Layer l(PartyId::server0, 1);
    auto work = l.work();
    work.layer = 1;
    l.arrives(PartyId::server1, {Kind::online, wire::Lane::online, 77, work, 0}, Payload(4));
    l.check_session_failed();
  }
}

TEST_CASE("what was kept for a pack that is dropped makes room") {
  Layer l(PartyId::server0, protocol::input_value, 1000);
  l.arrives(PartyId::server1, Kind::online, 500);
  l.tell(DropPack{pack});
  wire::Header other{Kind::online, wire::Lane::online, 77, l.work(0, pack + 1), 0};
  l.arrives(PartyId::server1, other, Payload(500));
  l.tell(SetUp{});
  l.supervisor.receive<LayerSetUp>();
  CHECK_FALSE(l.supervisor.has<SessionFailed>());
}

TEST_CASE("a dropped band comes back to the dealer, and never to a store, which would take it for prepared") {
  Layer producer(PartyId::producer, 2), server(PartyId::server1, 2);
  for (auto* l : {&producer, &server}) {
    l->tell(DropPack{pack});
    l->prepare({0, 1});
    l->tell(DropPack{pack + 1});
    l->tell(PrepareBands{pack + 1, l->keys(pack + 1), {0}, l->store.actor()});
  }
  for (const auto& [of_pack, band] : {std::pair{pack, 0}, {pack, 1}, {pack + 1, 0}})
    CHECK(producer.store.receive<BandPrepared>().work == producer.work(static_cast<std::uint32_t>(band), of_pack));
  server.tell(SetUp{});
  server.sent_to(PartyId::server0);
  CHECK_FALSE(server.store.has<BandPrepared>());
}

namespace {

/// Server 0's layer on a stage that makes the first value; its links, supervisor and next layer are roles. Its steps
/// are called when the test ends: until then none comes back.
struct Stalled {
  Stalled() {
    core->links = {nullptr, peer.actor(), producer.actor()};
    core->offload = &offload;
    core->early_bytes_limit = 2000;
    layer = stage.keep(spawn_layer(stage.system(), core, 1, supervisor.actor(), next.actor(), registry));
    offload.run({wire::Lane::online, 0, 0}, [ended = test_ended.get_future().share()] { ended.wait(); });
  }
  ~Stalled() { test_ended.set_value(); }

  void arrives(Kind kind, PackId of_pack, std::uint32_t band, std::uint16_t round, std::size_t bytes = 0) {
    const wire::Header header{kind, wire::Lane::online, core->session, protocol::making(1, of_pack, band), round};
    stage.tell(layer, Arrived{PartyId::server1, nullptr, Parcel(wire::Message{header, protocol::Payload(bytes)})});
  }
  bool session_failed() {
    const auto failed = supervisor.take<SessionFailed>();
    return failed && failed->error.fault == protocol::Fault::violation;
  }

  Stage stage;
  Role peer{stage}, producer{stage}, supervisor{stage}, next{stage};
  std::shared_ptr<SessionCore> core = fake_core(PartyId::server0);
  monitoring::Registry registry = monitoring::Registry::null();
  caf::actor layer;
  std::promise<void> test_ended;
  Offload offload{1, 1, true};
};

}  // namespace

TEST_CASE("a set-up message has no band, and one of a query or a pack no band that is not there") {
  Stalled l;
  for (const auto kind : {Kind::online, Kind::deal}) {
    l.arrives(kind, 3, 1, 0);
    CHECK_FALSE(l.session_failed());
    l.arrives(kind, 3, 2, 0);
    CHECK(l.session_failed());
  }
  l.arrives(Kind::set_up, 0, 0, 0);
  CHECK_FALSE(l.session_failed());
  l.arrives(Kind::set_up, 0, 1, 0);
  CHECK(l.session_failed());
}

TEST_CASE("what comes before its step is bounded, messages without content too") {
  for (const std::size_t bytes : {0u, 500u}) {
    Stalled l;
    l.arrives(Kind::online, 3, 0, 0, bytes);
    CHECK_FALSE(l.session_failed());
    for (std::uint16_t round = 1; round < 10; ++round) l.arrives(Kind::online, 3, 0, round, bytes);
    CHECK(l.session_failed());
  }
}

TEST_CASE("what waits for its turn in a step is bounded, too") {
  for (const std::size_t bytes : {0u, 500u}) {
    Stalled l;
    l.stage.tell(l.layer, SetUp{});
    l.arrives(Kind::set_up, 0, 0, 1, bytes);
    CHECK_FALSE(l.session_failed());
    for (std::uint16_t round = 2; round < 12; ++round) l.arrives(Kind::set_up, 0, 0, round, bytes);
    CHECK(l.session_failed());
  }
}
