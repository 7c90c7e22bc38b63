#include "actors/layer/layer.h"

#include <algorithm>
#include <caf/all.hpp>
#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "actors/messages/messages.h"

namespace blindsight::actors {
namespace {

using protocol::Inbound;
using protocol::PackId;
using protocol::PartyId;
using protocol::Progress;
using protocol::Result;
using wire::Kind;
using wire::Lane;
using Clock = std::chrono::steady_clock;

double seconds(Clock::duration d) {
  return std::chrono::duration<double>(d).count();
}

/// From `start` to `t`, as Interval counts.
std::uint32_t microseconds(Clock::time_point start, Clock::time_point t) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(t - start).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(us, 0, std::numeric_limits<std::uint32_t>::max()));
}

struct StepKey {
  Phase phase = Phase::online;
  PackId pack = 0;
  std::size_t tile = 0;
  auto operator<=>(const StepKey&) const = default;
};

Kind kind_of(Phase phase) {
  return phase == Phase::set_up ? Kind::set_up : phase == Phase::preprocess ? Kind::deal : Kind::online;
}

Lane lane_of(Phase phase) {
  return phase == Phase::preprocess ? Lane::preprocessing : Lane::online;
}

std::optional<Phase> phase_of(Kind kind) {
  if (kind == Kind::set_up) return Phase::set_up;
  if (kind == Kind::deal) return Phase::preprocess;
  if (kind == Kind::online) return Phase::online;
  return std::nullopt;
}

std::string_view name(Phase phase) {
  return phase == Phase::set_up ? "set-up" : phase == Phase::preprocess ? "preprocessing" : "online";
}

/// A call of a step that has come back. Core and material are declared first so that they go last: the step refers to
/// them, and the layer may have dropped its pack in the meantime.
struct Called {
  std::shared_ptr<const SessionCore> core;
  std::shared_ptr<MaterialPtr> material;
  StepKey key;
  std::unique_ptr<protocol::Step> step;
  Result<Progress> progress;
  Clock::time_point asked{}, began{}, ended{};
};

struct StepReturned {
  Parcel<Called> call;
};

}  // namespace
}  // namespace blindsight::actors
BLINDSIGHT_LOCAL_MESSAGE(StepReturned)

namespace blindsight::actors {
namespace {

/// Messages of the peers that a step has not seen yet. Those of one sender are handed over in the order of their
/// rounds.
class Waiting {
 public:
  /// The reason why the message cannot be meant for this step, or empty.
  std::string add(Inbound message) {
    const auto from = static_cast<std::size_t>(message.from);
    if (message.round < next_[from] || by_round_[from].contains(message.round))
      return "round " + std::to_string(message.round) + " of " + std::string(protocol::name(message.from)) +
             " came twice";
    bytes_ += message.payload.size();
    by_round_[from].emplace(message.round, std::move(message));
    return {};
  }
  /// `first` holds back everybody else's until a message of that sender was handed over.
  std::optional<Inbound> pop(std::optional<PartyId> first) {
    for (std::size_t from = 0; from < by_round_.size(); ++from) {
      if (first && next_[static_cast<std::size_t>(*first)] == 0 && from != static_cast<std::size_t>(*first)) continue;
      auto& queue = by_round_[from];
      if (queue.empty() || queue.begin()->first != next_[from]) continue;
      auto message = std::move(queue.begin()->second);
      queue.erase(queue.begin());
      bytes_ -= message.payload.size();
      ++next_[from];
      return message;
    }
    return std::nullopt;
  }
  std::size_t bytes() const { return bytes_; }

 private:
  std::array<std::map<std::uint16_t, Inbound>, 4> by_round_;
  std::array<std::uint16_t, 4> next_{};
  std::size_t bytes_ = 0;
};

struct Running {
  std::unique_ptr<protocol::Step> step;  ///< null while it is being called
  Waiting waiting;
  Clock::time_point idle_since{};
  double compute_s = 0, wait_s = 0;
  std::uint64_t received_from_producer = 0;
  std::array<std::uint64_t, 3> sent{};
  std::uint64_t messages_to_server = 0;
  std::shared_ptr<MaterialPtr> material;  ///< preprocessing: where the step puts its result
  caf::actor store;                       ///< preprocessing: whom to tell
};

struct Query {
  BeginQuery begin;
  std::vector<MaterialPtr> materials;
  std::vector<bool> written;  ///< rows of the input plane
  std::vector<bool> begun;    ///< tiles
  std::size_t begun_count = 0, done = 0;
  StageReport report;
};

/// Packs that are over, so that messages still on their way are dropped. Packs end nearly in order: the set stays
/// small.
class Retired {
 public:
  /// Packs are announced in rising order: there is none before the first.
  void announced(PackId pack) {
    if (below_ == 0) below_ = pack;
  }
  void add(PackId pack) {
    packs_.insert(pack);
    while (packs_.contains(below_)) packs_.erase(below_++);
  }
  bool contains(PackId pack) const { return pack < below_ || packs_.contains(pack); }

 private:
  PackId below_ = 0;
  std::set<PackId> packs_;
};

/// What is counted of one layer in one lane.
struct LayerProbes {
  monitoring::Counter compute_seconds, wait_seconds, sent_bytes, received_bytes, rounds;
  monitoring::Gauge queue_length;
};

LayerProbes layer_probes(monitoring::Registry& registry, std::string_view layer, monitoring::Lane lane) {
  namespace metrics = monitoring::metrics;
  return {.compute_seconds = registry.probe<metrics::layer_compute_seconds>(layer, lane),
          .wait_seconds = registry.probe<metrics::layer_wait_seconds>(layer, lane),
          .sent_bytes = registry.probe<metrics::layer_sent_bytes>(layer, lane),
          .received_bytes = registry.probe<metrics::layer_received_bytes>(layer, lane),
          .rounds = registry.probe<metrics::layer_rounds>(layer, lane),
          .queue_length = registry.probe<metrics::layer_queue_length>(layer, lane)};
}

class Layer : public caf::event_based_actor {
 public:
  Layer(caf::actor_config& config, std::shared_ptr<const SessionCore> core, std::size_t stage, caf::actor node,
        caf::actor next, LayerProbes online, LayerProbes preprocessing)
      : caf::event_based_actor(config),
        core_(std::move(core)),
        stage_(stage),
        info_(core_->program->stages()[stage]),
        bounded_(info_.tiles_at_once < info_.tiles.size()),
        node_(std::move(node)),
        next_(std::move(next)),
        probes_{std::move(online), std::move(preprocessing)} {}

  const char* name() const override { return "layer"; }

  /// Actors refer to one another: what they hold must go when they end, or none of it ever does.
  void on_exit() override {
    running_.clear();
    queries_.clear();
    core_.reset();
    node_ = next_ = nullptr;
  }

  caf::behavior make_behavior() override {
    return {
        [this](SetUp) { set_up(); },
        [this](const PrepareTiles& m) { prepare(m); },
        [this](const BeginQuery& m) { begin_query(m); },
        [this](const RowsWritten& m) {
          if (auto q = queries_.find(m.pack); q != queries_.end()) rows_written(q->second, m);
        },
        [this](const DropPack& m) { drop(m.pack); },
        [this](const Arrived& m) { arrived(m); },
        [this](const StepReturned& m) { returned(m.call.take()); },
    };
  }

 private:
  /// Whether a step's first message is the client's.
  bool client_sends(Phase phase) const {
    return phase == Phase::online && stage_ == 0 && protocol::is_server(core_->self);
  }

  const LayerProbes& probes(Phase phase) const { return probes_[phase == Phase::preprocess ? 1 : 0]; }

  void tell_queue(Phase phase) const {
    probes(phase).queue_length.set(std::count_if(
        running_.begin(), running_.end(), [phase](const auto& running) { return running.first.phase == phase; }));
  }

  void set_up() {
    auto step = core_->program->set_up(stage_);
    if (!step) {
      send(node_, StageSetUp{stage_, 0});
      return;
    }
    begin({Phase::set_up, 0, 0}, std::move(step), {});
  }

  void prepare(const PrepareTiles& m) {
    retired_.announced(m.pack);
    if (retired_.contains(m.pack)) {
      for (const auto tile : m.tiles) tell_dealer_of_dropped(m.store, m.pack, tile);
      return;
    }
    for (const auto tile : m.tiles) {
      auto material = std::make_shared<MaterialPtr>();
      auto step = core_->program->preprocess(m.pack, stage_, tile, *material);
      if (!step) {
        send(m.store, TilePrepared{m.pack, stage_, tile, Parcel<MaterialPtr>(nullptr), 0, 0, {}});
        continue;
      }
      Running running;
      running.material = std::move(material);
      running.store = m.store;
      begin({Phase::preprocess, m.pack, tile}, std::move(step), std::move(running));
    }
  }

  /// A dealer counts the tiles that it has handed out, also those of a pack that went before they were dealt. A store
  /// must not: it would take such a pack for ready.
  void tell_dealer_of_dropped(const caf::actor& dealer, PackId pack, std::size_t tile) {
    if (!protocol::is_server(core_->self))
      send(dealer, TilePrepared{pack, stage_, tile, Parcel<MaterialPtr>(nullptr), 0, 0, {}});
  }

  void begin_query(const BeginQuery& m) {
    if (retired_.contains(m.pack) || queries_.contains(m.pack)) return;
    auto& query = queries_[m.pack];
    query.begin = m;
    query.materials = m.materials.take();
    query.report.name = info_.name;
    query.begun.resize(info_.tiles.size());
    std::size_t rows = 0;
    for (const auto& tile : info_.tiles) rows = std::max(rows, tile.needs.end);
    query.written.resize(rows);
    begin_tiles(query);
  }

  void rows_written(Query& query, const RowsWritten& m) {
    for (auto row = m.rows.begin; row < std::min(m.rows.end, query.written.size()); ++row) query.written[row] = true;
    begin_tiles(query);
  }

  /// A stage whose tiles are bounded begins them strictly in rising order: so do the peers, and nobody waits for a tile
  /// that another has put off.
  void begin_tiles(Query& query) {
    const auto pack = query.begin.pack;
    for (std::size_t tile = 0; tile < info_.tiles.size(); ++tile) {
      if (query.begun[tile]) continue;
      if (query.begun_count - query.done >= info_.tiles_at_once) return;
      const auto needs = info_.tiles[tile].needs;
      bool ready = true;
      for (auto row = needs.begin; row < needs.end && ready; ++row) ready = query.written[row];
      if (!ready && bounded_) return;
      if (!ready) continue;
      query.begun[tile] = true;
      ++query.begun_count;
      auto material = tile < query.materials.size() ? std::move(query.materials[tile]) : nullptr;
      auto step = core_->program->online(pack, stage_, tile, query.begin.in, query.begin.out, std::move(material));
      if (!step) {
        if (!tile_done(query, tile)) return;
        continue;
      }
      Running running;
      if (client_sends(Phase::online)) {
        const bool last = tile + 1 == info_.tiles.size();
        (void)running.waiting.add(
            {PartyId::client, 0, last ? query.begin.client_share.take() : query.begin.client_share.look()});
      }
      begin({Phase::online, pack, tile}, std::move(step), std::move(running));
    }
  }

  void begin(StepKey key, std::unique_ptr<protocol::Step> step, Running running) {
    if (auto early = early_.find(key); early != early_.end()) {
      early_bytes_ -= early->second.bytes;
      for (auto& message : early->second.messages) {
        if (message.from == PartyId::producer) running.received_from_producer += message.payload.size();
        if (auto wrong = running.waiting.add(std::move(message)); !wrong.empty()) {
          early_.erase(early);
          return failed(key, wrong);
        }
      }
      early_.erase(early);
    }
    running_.insert_or_assign(key, std::move(running));
    tell_queue(key.phase);
    call(key, std::move(step), std::nullopt);
  }

  void call(StepKey key, std::unique_ptr<protocol::Step> step, std::optional<Inbound> message) {
    // What a peer waits for is online work of the oldest query; see Urgency.
    const Urgency urgency{lane_of(key.phase), key.pack, static_cast<std::uint32_t>(stage_)};
    core_->offload->run(urgency, [core = core_, material = running_.at(key).material, key, step = std::move(step),
                                  message = std::move(message), asked = Clock::now(),
                                  self = caf::actor_cast<caf::actor>(this)]() mutable {
      const auto began = Clock::now();
      Result<Progress> progress;
      try {
        progress = message ? step->advance(std::move(*message)) : step->begin();
      } catch (const std::exception& e) {
        progress = protocol::fail(std::string("the step broke off: ") + e.what());
      }
      StepReturned result{Parcel(Called{std::move(core), std::move(material), key, std::move(step), std::move(progress),
                                        asked, began, Clock::now()})};
      if (key.phase == Phase::preprocess)
        caf::anon_send(self, std::move(result));
      else
        caf::anon_send<caf::message_priority::high>(self, std::move(result));
    });
  }

  void returned(Called call) {
    const double compute_s = seconds(call.ended - call.began);
    probes(call.key.phase).compute_seconds.add(compute_s);
    auto it = running_.find(call.key);
    if (it == running_.end()) return;  // dropped in the meantime
    auto& running = it->second;
    running.compute_s += compute_s;
    record(call.key, Interval::Kind::queue, call.asked, call.began);
    record(call.key, Interval::Kind::compute, call.began, call.ended);
    if (!call.progress) return failed(call.key, call.progress.error().what);
    for (auto& out : call.progress->outbound)
      if (!send_out(call.key, running, std::move(out))) return;
    if (call.progress->done) return done(it);
    running.step = std::move(call.step);
    running.idle_since = Clock::now();
    next_message(it);
  }

  /// For the timeline, if this is online work of a query that has one.
  void record(const StepKey& key, Interval::Kind kind, Clock::time_point began, Clock::time_point ended,
              std::uint64_t bytes = 0) {
    if (key.phase != Phase::online) return;
    auto query = queries_.find(key.pack);
    if (query == queries_.end() || !query->second.begin.timeline_from) return;
    auto& intervals = query->second.report.intervals;
    if (intervals.size() == max_intervals) return;
    const auto start = *query->second.begin.timeline_from;
    const Interval interval{kind, static_cast<std::uint32_t>(key.tile), microseconds(start, began),
                            microseconds(start, ended), bytes};
    const bool idle = kind == Interval::Kind::queue || kind == Interval::Kind::wait;
    if (idle && interval.begin_us == interval.end_us) return;
    intervals.push_back(interval);
  }

  bool send_out(const StepKey& key, Running& running, protocol::Outbound out) {
    const auto bytes = out.payload.size();
    if (out.to == PartyId::client) {
      auto query = queries_.find(key.pack);
      if (key.phase != Phase::online || query == queries_.end() || !protocol::is_server(core_->self)) {
        failed(key, "it sends to a client outside a query");
        return false;
      }
      send(query->second.begin.inference, ClientBound{key.pack, Parcel(std::move(out.payload))});
      return true;
    }
    const auto& link = core_->links[static_cast<std::size_t>(out.to)];
    if (!link) {
      failed(key, "it sends to itself");
      return false;
    }
    running.sent[static_cast<std::size_t>(out.to)] += bytes;
    if (protocol::is_server(out.to)) {
      ++running.messages_to_server;
      const auto now = Clock::now();
      record(key, Interval::Kind::send, now, now, bytes);
    }
    probes(key.phase).sent_bytes.add(bytes);
    const wire::Header header{kind_of(key.phase),
                              lane_of(key.phase),
                              core_->session,
                              key.pack,
                              static_cast<std::uint16_t>(stage_),
                              static_cast<std::uint32_t>(key.tile),
                              out.round};
    send<caf::message_priority::high>(link, Send{Parcel(wire::Message{header, std::move(out.payload)})});
    return true;
  }

  using RunningMap = std::map<StepKey, Running>;

  /// Hands the step its next message if it is idle and there is one.
  void next_message(RunningMap::iterator it) {
    auto& running = it->second;
    if (!running.step) return;
    auto message = running.waiting.pop(client_sends(it->first.phase) ? std::optional(PartyId::client) : std::nullopt);
    if (!message) return;
    const auto now = Clock::now();
    const double waited = seconds(now - running.idle_since);
    running.wait_s += waited;
    record(it->first, Interval::Kind::wait, running.idle_since, now);
    probes(it->first.phase).wait_seconds.add(waited);
    call(it->first, std::move(running.step), std::move(message));
  }

  void done(RunningMap::iterator it) {
    const auto key = it->first;
    auto running = std::move(it->second);
    running_.erase(it);
    tell_queue(key.phase);
    if (running.waiting.bytes() > 0) return failed(key, "more messages came than it awaits");
    switch (key.phase) {
      case Phase::set_up:
        send(node_, StageSetUp{stage_, running.compute_s});
        return;
      case Phase::preprocess:
        send(running.store, TilePrepared{key.pack, stage_, key.tile, Parcel(std::move(*running.material)),
                                         running.compute_s, running.received_from_producer, running.sent});
        return;
      case Phase::online: {
        auto query = queries_.find(key.pack);
        if (query == queries_.end()) return;
        auto& report = query->second.report;
        report.compute_s += running.compute_s;
        report.wait_s += running.wait_s;
        report.sent_bytes += running.sent[static_cast<std::size_t>(protocol::other(core_->self))];
        report.from_producer_bytes += running.received_from_producer;
        report.to_producer_bytes += running.sent[static_cast<std::size_t>(PartyId::producer)];
        report.rounds = std::max(report.rounds, running.messages_to_server);
        if (tile_done(query->second, key.tile) && bounded_) begin_tiles(query->second);
        return;
      }
    }
  }

  /// False when that was the last one and the query is gone from here.
  bool tile_done(Query& query, std::size_t tile) {
    const auto pack = query.begin.pack;
    if (next_) send(next_, RowsWritten{pack, info_.tiles[tile].makes});
    if (++query.done < info_.tiles.size()) return true;
    probes(Phase::online).rounds.add(query.report.rounds);
    send(query.begin.inference, StageDone{pack, stage_, query.report});
    queries_.erase(pack);
    retired_.add(pack);
    return false;
  }

  void failed(const StepKey& key, const std::string& why) {
    const StepFailed message{key.phase, key.pack, stage_,
                             "stage " + info_.name + ", tile " + std::to_string(key.tile) + ", " +
                                 std::string(actors::name(key.phase)) + " step: " + why};
    running_.erase(key);
    if (key.phase == Phase::online) {
      if (auto query = queries_.find(key.pack); query != queries_.end()) send(query->second.begin.inference, message);
    } else {
      send(node_, message);
    }
  }

  void drop(PackId pack) {
    retired_.add(pack);
    queries_.erase(pack);
    std::erase_if(running_, [&](const auto& r) {
      const bool gone = r.first.phase != Phase::set_up && r.first.pack == pack;
      if (gone && r.first.phase == Phase::preprocess) tell_dealer_of_dropped(r.second.store, pack, r.first.tile);
      return gone;
    });
    tell_queue(Phase::preprocess);
    tell_queue(Phase::online);
    std::erase_if(early_, [&](const auto& e) {
      const bool gone = e.first.phase != Phase::set_up && e.first.pack == pack;
      if (gone) early_bytes_ -= e.second.bytes;
      return gone;
    });
  }

  void arrived(const Arrived& m) {
    auto message = m.message.take();
    const auto& header = message.header;
    const auto phase = phase_of(header.kind);
    if (!phase) return;
    const StepKey key{*phase, *phase == Phase::set_up ? 0 : header.query, header.tile};
    if (*phase != Phase::set_up && retired_.contains(key.pack)) return;
    const auto bytes = message.payload.size();
    probes(*phase).received_bytes.add(bytes);
    if (key.tile >= std::max<std::size_t>(1, info_.tiles.size()))
      return violated(m.from, "tile " + std::to_string(key.tile) + " of " + std::to_string(info_.tiles.size()));
    Inbound inbound{m.from, header.round, std::move(message.payload)};
    if (auto it = running_.find(key); it != running_.end()) {
      if (m.from == PartyId::producer) it->second.received_from_producer += bytes;
      if (auto wrong = it->second.waiting.add(std::move(inbound)); !wrong.empty()) return failed(key, wrong);
      next_message(it);
      return;
    }
    early_bytes_ += bytes;
    if (early_bytes_ > core_->early_bytes_limit)
      return violated(m.from, std::to_string(early_bytes_) +
                                  " bytes came before the steps that they are for (key limits.max_message_mb bounds "
                                  "them; a party that is ahead with many queries or a large layer may need more)");
    auto& early = early_[key];
    early.bytes += bytes;
    early.messages.push_back(std::move(inbound));
  }

  /// Nothing a party of this session may do: the session cannot go on.
  void violated(PartyId by, const std::string& what) {
    send(node_, StepFailed{Phase::set_up, 0, stage_,
                           "protocol violation of " + std::string(protocol::name(by)) + " at stage " + info_.name +
                               ": " + what});
  }

  struct Early {
    std::vector<Inbound> messages;
    std::size_t bytes = 0;
  };

  std::shared_ptr<const SessionCore> core_;
  const std::size_t stage_;
  const protocol::StageInfo& info_;
  const bool bounded_;  ///< tiles may have to wait for others to end
  caf::actor node_, next_;
  std::array<LayerProbes, 2> probes_;
  RunningMap running_;
  std::map<PackId, Query> queries_;
  std::map<StepKey, Early> early_;
  std::size_t early_bytes_ = 0;
  Retired retired_;
};

}  // namespace

caf::actor spawn_layer(caf::actor_system& system, std::shared_ptr<const SessionCore> core, std::size_t stage,
                       const caf::actor& node, const caf::actor& next, monitoring::Registry& registry) {
  const auto& name = core->program->stages()[stage].name;
  return system.spawn<Layer>(core, stage, node, next, layer_probes(registry, name, monitoring::Lane::online),
                             layer_probes(registry, name, monitoring::Lane::preprocessing));
}

}  // namespace blindsight::actors
