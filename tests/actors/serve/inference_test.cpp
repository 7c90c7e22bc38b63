#include "actors/serve/inference.h"

#include <doctest/doctest.h>

#include "tests/actors/support/stage.h"

using namespace blindsight;
using namespace blindsight::actors;
using namespace blindsight::test;
using monitoring::Outcome;
using protocol::Fault;
using protocol::PartyId;
using wire::Kind;

namespace {

constexpr std::size_t values = 5;
constexpr protocol::PackId pack_id = 9;
const wire::QueryId query{1, 2, 3};

/// An inference whose layers, client and scheduler are roles; it has just begun.
struct Begun {
  explicit Begun(bool timeline = false) {
    std::vector<caf::actor> actors;
    for (auto& layer : layers) actors.push_back(layer.actor());
    Pack pack;
    pack.id = pack_id;
    pack.keys = fake_keys(core->self, pack_id);
    keys = pack.keys;
    pack.offline_s = 1.5;
    pack.sent_bytes = 1000;
    for (std::size_t value = 0; value < values; ++value) {
      pack.compute_s.push_back(static_cast<double>(value));
      pack.dealt_bytes.push_back(10 * value);
      pack.materials.emplace_back(core->program->values()[value].bands.size());
    }
    inference = stage.keep(spawn_inference(stage.system(), core, actors,
                                           {query, {}, Parcel(protocol::Payload(48, 5)), client.actor(), timeline},
                                           std::move(pack), scheduler.actor()));
    stage.settle();
  }
  template <class Message>
  void tell(Message message) {
    stage.tell(inference, std::move(message));
  }
  void layer_done(std::size_t value) {
    wire::LayerReport report;
    report.name = core->program->values()[value].name;
    report.value = static_cast<protocol::ValueId>(value);
    report.sent_bytes = 100 + value;
    tell(LayerDone{protocol::making(static_cast<protocol::ValueId>(value), pack_id), report});
  }
  void output() { tell(ClientBound{Parcel(protocol::Payload{7, 8})}); }

  /// That the query ended without an answer: what the client and the scheduler were told, and that the layers forget
  /// it. Nobody is told twice.
  Fault failed(Outcome outcome = Outcome::failed, bool client_is_told = true) {
    const auto told = client.sent_failure();
    CHECK(told.has_value() == client_is_told);
    const auto ended = scheduler.take<QueryEnded>();
    REQUIRE(ended);
    CHECK(ended->query == query);
    CHECK(ended->pack == pack_id);
    CHECK(ended->outcome == outcome);
    if (told) {
      CHECK(told->query == query);
      CHECK(told->error == ended->error);
    }
    for (auto& layer : layers) {
      const auto drop = layer.take<DropPack>();
      CHECK((drop && drop->pack == pack_id));
    }
    output();
    CHECK(client.left() + scheduler.left() == 0);
    return ended->error.fault;
  }

  Stage stage;
  std::shared_ptr<SessionCore> core = fake_core(PartyId::server0);
  std::array<Role, values> layers{Role(stage), Role(stage), Role(stage), Role(stage), Role(stage)};
  Role client{stage}, scheduler{stage};
  std::weak_ptr<const protocol::PackKeys> keys;
  caf::actor inference;
};

}  // namespace

TEST_CASE("a query begins at every layer, each reading the map that the one before writes") {
  Begun q;
  std::vector<BeginQuery> begun;
  for (auto& layer : q.layers) {
    begun.push_back(*layer.take<BeginQuery>());
    CHECK(layer.left() == 0);
  }
  for (std::size_t value = 0; value < values; ++value) {
    CAPTURE(value);
    CHECK(begun[value].pack == pack_id);
    CHECK(begun[value].inference == q.inference);
    CHECK_FALSE(begun[value].timeline_from);
    CHECK(begun[value].materials.look().size() == q.core->program->values()[value].bands.size());
    if (value > 0) CHECK(begun[value].in == begun[value - 1].out);
    // The last value goes to the client.
    if (value + 1 == values) {
      CHECK_FALSE(begun[value].out);
    } else {
      REQUIRE(begun[value].out);
      CHECK(begun[value].out->size() == q.core->program->values()[value].map_bytes);
    }
  }
  CHECK_FALSE(begun[0].in);
  CHECK(begun[0].client_share.look() == protocol::Payload(48, 5));
}

TEST_CASE("each layer is given the pack's keys, and the inference keeps none") {
  Begun q;
  for (auto& layer : q.layers) {
    const auto begun = layer.take<BeginQuery>();
    CHECK((begun->keys && begun->keys == q.keys.lock()));
  }
  CHECK(q.keys.expired());
}

TEST_CASE("a query with a timeline says so to every layer, with one start for all") {
  Begun q(true);
  std::optional<std::chrono::steady_clock::time_point> start;
  for (auto& layer : q.layers) {
    const auto begun = layer.take<BeginQuery>();
    REQUIRE(begun->timeline_from);
    if (start) CHECK(*start == *begun->timeline_from);
    start = begun->timeline_from;
  }
}

TEST_CASE("the client is answered when all layers are done and the output is there, whichever is last") {
  for (const bool output_first : {true, false}) {
    Begun q;
    if (output_first) q.output();
    for (std::size_t value = values; value-- > 0;) {
      CHECK(q.client.left() == 0);
      q.layer_done(value);
      if (!output_first && value == 1) q.output();
    }
    const auto answer = q.client.sent();
    REQUIRE(answer);
    CHECK(answer->header == wire::control_header(Kind::predicted));
    const auto predicted = wire::decode<wire::Predicted>(answer->payload);
    REQUIRE(predicted);
    CHECK(predicted->query == query);
    CHECK(predicted->attempt == wire::attempt_of(q.core->session_id, pack_id));
    CHECK(predicted->output_share == protocol::Payload{7, 8});
    const auto& report = predicted->report;
    CHECK(report.pack == pack_id);
    CHECK(report.offline_s == 1.5);
    CHECK(report.offline_sent_bytes == 1000);
    CHECK(report.client_bytes == 48 + 2);
    REQUIRE(report.layers.size() == values);
    for (std::size_t value = 0; value < values; ++value) {
      CHECK(report.layers[value].name == q.core->program->values()[value].name);
      CHECK(report.layers[value].sent_bytes == 100 + value);
      CHECK(report.layers[value].offline_compute_s == static_cast<double>(value));
      CHECK(report.layers[value].dealt_bytes == 10 * value);
    }
    const auto ended = q.scheduler.take<QueryEnded>();
    REQUIRE(ended);
    CHECK(ended->outcome == Outcome::ok);
    CHECK(ended->pack == pack_id);
    // It is gone: nothing is heard of it any more.
    q.tell(TimeIsUp{std::chrono::milliseconds(1)});
    CHECK(q.client.left() + q.scheduler.left() == 0);
  }
}

TEST_CASE("a step that fails ends the query with its reason") {
  Begun q;
  q.tell(StepFailed{Phase::online, protocol::making(1, pack_id), {Fault::violation, "broken"}});
  CHECK(q.failed() == Fault::violation);
}

TEST_CASE("a query that is given up ends as whoever gave it up says, a client that knows is not told") {
  Begun first;
  first.tell(AbortQuery{{Fault::refused, "given up"}, Outcome::cancelled});
  CHECK(first.failed(Outcome::cancelled) == Fault::refused);
  Begun second;
  second.tell(AbortQuery{{Fault::not_serving, "the session ended"}, Outcome::failed, true});
  CHECK(second.failed(Outcome::failed, false) == Fault::not_serving);
}

TEST_CASE("a query whose time is up ends and tells how far it came") {
  Begun q;
  q.layer_done(0);
  q.tell(TimeIsUp{std::chrono::milliseconds(1234)});
  CHECK(q.failed() == Fault::timed_out);
}

TEST_CASE("layers that send the client nothing, or more than one message, are at fault") {
  Begun nothing;
  for (std::size_t value = 0; value < values; ++value) nothing.layer_done(value);
  CHECK(nothing.failed() == Fault::internal);
  Begun twice;
  twice.output();
  twice.output();
  CHECK(twice.failed() == Fault::internal);
}

TEST_CASE("the scheduler knows that a query is over before the client does, so that its place is free by then") {
  for (const bool well : {true, false}) {
    Stage stage;
    std::vector<std::string> told;
    // An argument and no capture: of a function without arguments, CAF 0.17 reads some that are not there.
    const auto both = [](caf::event_based_actor*, std::vector<std::string>* order) -> caf::behavior {
      return {[order](const QueryEnded&) { order->emplace_back("scheduler"); },
              [order](const Send&) { order->emplace_back("client"); }};
    };
    const auto neighbour = stage.keep(stage.system().spawn(both, &told));
    std::array<Role, values> layers{Role(stage), Role(stage), Role(stage), Role(stage), Role(stage)};
    std::vector<caf::actor> actors;
    actors.reserve(values);
    for (auto& layer : layers) actors.push_back(layer.actor());
    Pack pack;
    pack.id = pack_id;
    pack.compute_s.resize(values);
    pack.dealt_bytes.resize(values);
    pack.materials.resize(values);
    const auto inference = stage.keep(spawn_inference(stage.system(), fake_core(PartyId::server0), actors,
                                                      {query, {}, Parcel(protocol::Payload(48, 5)), neighbour, false},
                                                      std::move(pack), neighbour));
    stage.settle();
    if (well) {
      stage.tell(inference, ClientBound{Parcel(protocol::Payload{7})});
      for (std::size_t value = 0; value < values; ++value)
        stage.tell(inference, LayerDone{protocol::making(static_cast<protocol::ValueId>(value), pack_id), {}});
    } else {
      stage.tell(inference, AbortQuery{{Fault::refused, "given up"}});
    }
    CHECK(told == std::vector<std::string>{"scheduler", "client"});
  }
}
