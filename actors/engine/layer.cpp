#include "actors/engine/layer.h"

#include <algorithm>
#include <caf/all.hpp>
#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "actors/engine/band_progress.h"
#include "actors/engine/inbox.h"
#include "actors/engine/messages.h"
#include "actors/engine/retired_packs.h"

namespace blindsight::actors {
namespace {

using protocol::Fault;
using protocol::Inbound;
using protocol::PackId;
using protocol::PartyId;
using protocol::Progress;
using protocol::Result;
using protocol::ValueId;
using wire::Kind;
using wire::Lane;
using Clock = std::chrono::steady_clock;

double seconds(Clock::duration d) {
  return std::chrono::duration<double>(d).count();
}

/// From `start` to `t`, as wire::Interval counts.
std::uint32_t microseconds(Clock::time_point start, Clock::time_point t) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(t - start).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(us, 0, std::numeric_limits<std::uint32_t>::max()));
}

struct StepKey {
  Phase phase = Phase::online;
  protocol::Work work;
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

std::string_view phase_name(Phase phase) {
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

struct Running {
  std::unique_ptr<protocol::Step> step;  ///< null while it is being called
  Inbox inbox;
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
  BandProgress progress;
  wire::LayerReport report;
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
  Layer(caf::actor_config& config, std::shared_ptr<const SessionCore> core, ValueId value, caf::actor supervisor,
        caf::actor next, LayerProbes online, LayerProbes preprocessing)
      : caf::event_based_actor(config),
        core_(std::move(core)),
        value_(value),
        info_(core_->program->values()[value]),
        supervisor_(std::move(supervisor)),
        next_(std::move(next)),
        probes_{std::move(online), std::move(preprocessing)} {}

  const char* name() const override { return "layer"; }

  /// Actors refer to one another: what they hold must go when they end, or none of it ever does.
  void on_exit() override {
    running_.clear();
    queries_.clear();
    core_.reset();
    supervisor_ = next_ = nullptr;
  }

  caf::behavior make_behavior() override {
    return {
        [this](const SetUp& m) { set_up(m.keys); },
        [this](const PrepareBands& m) { prepare(m); },
        [this](const BeginQuery& m) { begin_query(m); },
        [this](const RowsWritten& m) {
          auto query = queries_.find(m.pack);
          if (query == queries_.end()) return;
          query->second.progress.written(m.rows);
          begin_bands(query->second);
        },
        [this](const DropPack& m) { drop(m.pack); },
        [this](const Arrived& m) { arrived(m); },
        [this](const StepReturned& m) { returned(m.call.take()); },
    };
  }

 private:
  /// Whether a step's first message is the client's.
  bool client_sends(Phase phase) const {
    return phase == Phase::online && value_ == protocol::input_value && protocol::is_server(core_->self);
  }

  const LayerProbes& probes(Phase phase) const { return probes_[phase == Phase::preprocess ? 1 : 0]; }

  void tell_queue(Phase phase) const {
    probes(phase).queue_length.set(std::count_if(
        running_.begin(), running_.end(), [phase](const auto& running) { return running.first.phase == phase; }));
  }

  /// Of this layer in this session's model.
  protocol::Work work(PackId pack, std::uint32_t band = 0) const {
    return protocol::making(value_, pack, band, core_->model);
  }

  void set_up(const protocol::PackKeysPtr& keys) {
    const auto own = work(protocol::set_up_pack);
    auto step = own.layer == protocol::no_layer ? nullptr : core_->program->set_up(own.layer, keys);
    if (!step) {
      send(supervisor_, LayerSetUp{});
      return;
    }
    begin({Phase::set_up, own}, std::move(step), {});
  }

  void prepare(const PrepareBands& m) {
    retired_.announced(m.pack);
    if (retired_.contains(m.pack)) {
      for (const auto band : m.bands) tell_dealer_of_dropped(m.store, work(m.pack, band));
      return;
    }
    for (const auto band : m.bands) {
      auto material = std::make_shared<MaterialPtr>();
      auto step = core_->program->preprocess(work(m.pack, band), m.keys, *material);
      if (!step) {
        send(m.store, BandPrepared{work(m.pack, band), Parcel<MaterialPtr>(nullptr), 0, 0, {}});
        continue;
      }
      Running running;
      running.material = std::move(material);
      running.store = m.store;
      begin({Phase::preprocess, work(m.pack, band)}, std::move(step), std::move(running));
    }
  }

  /// Reports a dropped band to the dealer, but never to a server's store. The dealer counts bands in flight: every band
  /// that it handed out must come back, dropped or not, or it stalls. The store counts bands still missing from a pack:
  /// a dropped band reported as done would make an incomplete pack look ready.
  void tell_dealer_of_dropped(const caf::actor& dealer, const protocol::Work& dropped) {
    if (!protocol::is_server(core_->self)) send(dealer, BandPrepared{dropped, Parcel<MaterialPtr>(nullptr), 0, 0, {}});
  }

  void begin_query(const BeginQuery& m) {
    if (retired_.contains(m.pack) || queries_.contains(m.pack)) return;
    auto& query = queries_.emplace(m.pack, Query{m, m.materials.take(), BandProgress(info_), {}}).first->second;
    query.report.name = info_.name;
    query.report.value = value_;
    begin_bands(query);
  }

  void begin_bands(Query& query) {
    const auto pack = query.begin.pack;
    while (const auto band = query.progress.begin_next()) {
      auto material = *band < query.materials.size() ? std::move(query.materials[*band]) : nullptr;
      auto step = core_->program->online(work(pack, *band), query.begin.keys, query.begin.in, query.begin.out,
                                         std::move(material));
      if (!step) {
        if (!band_done(query, *band)) return;
        continue;
      }
      Running running;
      if (client_sends(Phase::online)) {
        const bool last = *band + 1 == info_.bands.size();
        (void)running.inbox.add(
            {PartyId::client, 0, last ? query.begin.client_share.take() : query.begin.client_share.look()});
      }
      begin({Phase::online, work(pack, *band)}, std::move(step), std::move(running));
    }
  }

  void begin(StepKey key, std::unique_ptr<protocol::Step> step, Running running) {
    if (auto early = early_.find(key); early != early_.end()) {
      early_bytes_ -= early->second.bytes;
      for (auto& message : early->second.messages) {
        if (message.from == PartyId::producer) running.received_from_producer += message.payload.size();
        if (auto wrong = running.inbox.add(std::move(message)); !wrong.empty()) {
          early_.erase(early);
          return failed(key, {Fault::violation, wrong});
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
    const Urgency urgency{lane_of(key.phase), key.work.pack, key.work.value};
    core_->offload->run(urgency, [core = core_, material = running_.at(key).material, key, step = std::move(step),
                                  message = std::move(message), asked = Clock::now(),
                                  self = caf::actor_cast<caf::actor>(this)]() mutable {
      const auto began = Clock::now();
      Result<Progress> progress;
      try {
        // What a step says against a message is that message's fault.
        progress = message ? step->advance(std::move(*message)).map_error([](protocol::Error error) {
          error.fault = Fault::violation;
          return error;
        })
                           : step->begin();
      } catch (const std::exception& e) {
        progress = protocol::fail(Fault::internal, std::string("the step broke off: ") + e.what());
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
    record(call.key, wire::Interval::Kind::queue, call.asked, call.began);
    record(call.key, wire::Interval::Kind::compute, call.began, call.ended);
    if (!call.progress) return failed(call.key, call.progress.error());
    for (auto& out : call.progress->outbound)
      if (!send_out(call.key, running, std::move(out))) return;
    if (call.progress->done) return done(it);
    running.step = std::move(call.step);
    running.idle_since = Clock::now();
    next_message(it);
  }

  /// For the timeline, if this is online work of a query that has one.
  void record(const StepKey& key, wire::Interval::Kind kind, Clock::time_point began, Clock::time_point ended,
              std::uint64_t bytes = 0) {
    if (key.phase != Phase::online) return;
    auto query = queries_.find(key.work.pack);
    if (query == queries_.end() || !query->second.begin.timeline_from) return;
    auto& intervals = query->second.report.intervals;
    if (intervals.size() == wire::max_intervals) return;
    const auto start = *query->second.begin.timeline_from;
    const wire::Interval interval{kind, key.work.band, microseconds(start, began), microseconds(start, ended), bytes};
    const bool idle = kind == wire::Interval::Kind::queue || kind == wire::Interval::Kind::wait;
    if (idle && interval.begin_us == interval.end_us) return;
    intervals.push_back(interval);
  }

  bool send_out(const StepKey& key, Running& running, protocol::Outbound out) {
    const auto bytes = out.payload.size();
    if (out.to == PartyId::client) {
      auto query = queries_.find(key.work.pack);
      if (key.phase != Phase::online || query == queries_.end() || !protocol::is_server(core_->self)) {
        failed(key, {Fault::internal, "it sends to a client outside a query"});
        return false;
      }
      send(query->second.begin.inference, ClientBound{Parcel(std::move(out.payload))});
      return true;
    }
    const auto& link = core_->links[static_cast<std::size_t>(out.to)];
    if (!link) {
      failed(key, {Fault::internal, "it sends to itself"});
      return false;
    }
    running.sent[static_cast<std::size_t>(out.to)] += bytes;
    if (protocol::is_server(out.to)) {
      ++running.messages_to_server;
      const auto now = Clock::now();
      record(key, wire::Interval::Kind::send, now, now, bytes);
    }
    probes(key.phase).sent_bytes.add(bytes);
    const wire::Header header{kind_of(key.phase), lane_of(key.phase), core_->session, key.work, out.round};
    send<caf::message_priority::high>(link, Send{Parcel(wire::Message{header, std::move(out.payload)})});
    return true;
  }

  using RunningMap = std::map<StepKey, Running>;

  /// Hands the step its next message if it is idle and there is one.
  void next_message(RunningMap::iterator it) {
    auto& running = it->second;
    if (!running.step) return;
    auto message = running.inbox.pop(client_sends(it->first.phase) ? std::optional(PartyId::client) : std::nullopt);
    if (!message) return;
    const auto now = Clock::now();
    const double waited = seconds(now - running.idle_since);
    running.wait_s += waited;
    record(it->first, wire::Interval::Kind::wait, running.idle_since, now);
    probes(it->first.phase).wait_seconds.add(waited);
    call(it->first, std::move(running.step), std::move(message));
  }

  void done(RunningMap::iterator it) {
    const auto key = it->first;
    auto running = std::move(it->second);
    running_.erase(it);
    tell_queue(key.phase);
    if (running.inbox.bytes() > 0) return failed(key, {Fault::violation, "more messages came than it awaits"});
    switch (key.phase) {
      case Phase::set_up:
        send(supervisor_, LayerSetUp{});
        return;
      case Phase::preprocess:
        send(running.store, BandPrepared{key.work, Parcel(std::move(*running.material)), running.compute_s,
                                         running.received_from_producer, running.sent});
        return;
      case Phase::online: {
        auto query = queries_.find(key.work.pack);
        if (query == queries_.end()) return;
        auto& report = query->second.report;
        report.compute_s += running.compute_s;
        report.wait_s += running.wait_s;
        report.sent_bytes += running.sent[static_cast<std::size_t>(protocol::other(core_->self))];
        report.from_producer_bytes += running.received_from_producer;
        report.to_producer_bytes += running.sent[static_cast<std::size_t>(PartyId::producer)];
        report.rounds = std::max(report.rounds, running.messages_to_server);
        if (band_done(query->second, key.work.band)) begin_bands(query->second);
        return;
      }
    }
  }

  /// False when that was the last one and the query is gone from here.
  bool band_done(Query& query, std::uint32_t band) {
    const auto pack = query.begin.pack;
    if (next_) send(next_, RowsWritten{pack, info_.bands[band].makes});
    if (!query.progress.end_one()) return true;
    probes(Phase::online).rounds.add(query.report.rounds);
    send(query.begin.inference, LayerDone{work(pack), query.report});
    queries_.erase(pack);
    retired_.add(pack);
    return false;
  }

  void failed(const StepKey& key, const protocol::Error& why) {
    const StepFailed message{key.phase, key.work,
                             protocol::within("layer " + info_.name + ", band " + std::to_string(key.work.band) + ", " +
                                                  std::string(phase_name(key.phase)) + " step: ",
                                              why)};
    running_.erase(key);
    if (key.phase == Phase::online) {
      if (auto query = queries_.find(key.work.pack); query != queries_.end())
        send(query->second.begin.inference, message);
    } else {
      send(supervisor_, message);
    }
  }

  void drop(PackId pack) {
    retired_.add(pack);
    queries_.erase(pack);
    std::erase_if(running_, [&](const auto& r) {
      const bool gone = r.first.phase != Phase::set_up && r.first.work.pack == pack;
      if (gone && r.first.phase == Phase::preprocess) tell_dealer_of_dropped(r.second.store, r.first.work);
      return gone;
    });
    tell_queue(Phase::preprocess);
    tell_queue(Phase::online);
    std::erase_if(early_, [&](const auto& e) {
      const bool gone = e.first.phase != Phase::set_up && e.first.work.pack == pack;
      if (gone) early_bytes_ -= e.second.bytes;
      return gone;
    });
  }

  void arrived(const Arrived& m) {
    auto message = m.message.take();
    const auto& header = message.header;
    const auto phase = phase_of(header.kind);
    if (!phase) return;
    const StepKey key{*phase, work(*phase == Phase::set_up ? 0 : header.work.pack, header.work.band)};
    if (key.work.layer != header.work.layer)
      return violated(m.from, "layer " + std::to_string(header.work.layer) + " does not make value " +
                                  std::to_string(header.work.value));
    if (*phase != Phase::set_up && retired_.contains(key.work.pack)) return;
    const auto bytes = message.payload.size();
    probes(*phase).received_bytes.add(bytes);
    const auto bands = *phase == Phase::set_up ? 1 : info_.bands.size();
    if (key.work.band >= bands)
      return violated(m.from, "band " + std::to_string(key.work.band) + " of " + std::to_string(bands));
    Inbound inbound{m.from, header.round, std::move(message.payload)};
    if (auto it = running_.find(key); it != running_.end()) {
      if (m.from == PartyId::producer) it->second.received_from_producer += bytes;
      if (auto wrong = it->second.inbox.add(std::move(inbound)); !wrong.empty())
        return failed(key, {Fault::violation, wrong});
      next_message(it);
      if (const auto waiting = it->second.inbox.bytes(); waiting > core_->early_bytes_limit)
        too_much(m.from, waiting, "before their turn in the step that they are for");
      return;
    }
    const auto held = held_bytes(inbound);
    early_bytes_ += held;
    if (early_bytes_ > core_->early_bytes_limit)
      return too_much(m.from, early_bytes_, "before the steps that they are for");
    auto& early = early_[key];
    early.bytes += held;
    early.messages.push_back(std::move(inbound));
  }

  void too_much(PartyId by, std::size_t bytes, const std::string& when) {
    violated(by,
             std::to_string(bytes) + " bytes came " + when +
                 " (key limits.max_message_mb bounds them; a party that is ahead with many queries or a large layer "
                 "may need more)");
  }

  /// Nothing a party of this session may do: the session cannot go on.
  void violated(PartyId by, const std::string& what) {
    send(supervisor_, SessionFailed{{Fault::violation, "protocol violation of " + std::string(protocol::name(by)) +
                                                           " at layer " + info_.name + ": " + what}});
  }

  struct Early {
    std::vector<Inbound> messages;
    std::size_t bytes = 0;
  };

  std::shared_ptr<const SessionCore> core_;
  const ValueId value_;  ///< that the layer makes
  const protocol::ValueInfo& info_;
  caf::actor supervisor_, next_;
  std::array<LayerProbes, 2> probes_;
  RunningMap running_;
  std::map<PackId, Query> queries_;
  std::map<StepKey, Early> early_;
  std::size_t early_bytes_ = 0;
  RetiredPacks retired_;
};

}  // namespace

caf::actor spawn_layer(caf::actor_system& system, std::shared_ptr<const SessionCore> core, protocol::ValueId value,
                       const caf::actor& supervisor, const caf::actor& next, monitoring::Registry& registry) {
  const auto& name = core->program->values()[value].name;
  return system.spawn<Layer>(core, value, supervisor, next, layer_probes(registry, name, monitoring::Lane::online),
                             layer_probes(registry, name, monitoring::Lane::preprocessing));
}

}  // namespace blindsight::actors
