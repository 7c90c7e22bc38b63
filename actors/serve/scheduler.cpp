#include "actors/serve/scheduler.h"

#include <algorithm>
#include <caf/all.hpp>
#include <deque>
#include <map>
#include <set>

#include "actors/serve/deadlines.h"
#include "actors/serve/inference.h"
#include "actors/serve/messages.h"
#include "actors/session/handshake.h"

namespace blindsight::actors {
namespace {

using monitoring::Outcome;
using protocol::Fault;
using protocol::PackId;
using protocol::PartyId;
using wire::Kind;
using wire::QueryId;

/// For a client that was told that all places are taken.
constexpr std::uint32_t busy_retry_ms = 100;

using Tick = caf::atom_constant<caf::atom("tick")>;

class Scheduler : public caf::event_based_actor {
 public:
  Scheduler(caf::actor_config& config, std::shared_ptr<const SessionCore> core, std::vector<caf::actor> layers,
            caf::actor store, SchedulerSettings settings, caf::actor supervisor, caf::actor front_end)
      : caf::event_based_actor(config),
        core_(std::move(core)),
        layers_(std::move(layers)),
        store_(std::move(store)),
        settings_(settings),
        supervisor_(std::move(supervisor)),
        front_end_(std::move(front_end)) {}

  const char* name() const override { return "scheduler"; }

  /// Actors refer to one another: what they hold must go when they end, or none of it ever does.
  void on_exit() override {
    waiting_.clear();
    running_.clear();
    layers_.clear();
    core_.reset();
    store_ = supervisor_ = front_end_ = nullptr;
  }

  caf::behavior make_behavior() override {
    set_down_handler([this](const caf::down_msg& m) { inference_down(m.source); });
    return {
        [this](const SubmitQuery& m) { submit(m); },
        [this](const Arrived& m) { arrived(m); },
        [this](const QueryEnded& m) { ended(m); },
        [this](const ClientGone& m) { client_gone(m.client); },
        [this](const CancelQuery& m) { cancel(m); },
        [this](Tick) {
          for (const auto& query : deadlines_.tick(clock().now())) time_is_up(query);
          sleep();
        },
        [this](const EndSession& m) { end_session(m.error); },
    };
  }

 private:
  struct Waiting {
    SubmitQuery query;
    std::uint64_t taker = 0;  ///< under this number a pack was asked for
  };
  struct Running {
    caf::actor inference, client;
    PackId pack = 0;
  };

  bool leads() const { return core_->self == PartyId::server0; }

  void submit(const SubmitQuery& m) {
    if (waiting_.contains(m.query) || running_.contains(m.query))
      return refuse(m, {Fault::refused, "a query of this number is already under way"});
    if (const auto bytes = m.share.look().size(); bytes != core_->input_share_bytes)
      return refuse(
          m, {Fault::violation, "the input share has " + std::to_string(bytes) + " bytes, the deployed plan takes " +
                                    std::to_string(core_->input_share_bytes)});
    if (waiting_.size() + running_.size() >= settings_.max_queries)
      return refuse(m, {Fault::busy,
                        "busy: " + std::to_string(settings_.max_queries) +
                            " queries wait or run already (key limits.max_queries); try again in a moment",
                        busy_retry_ms});
    waiting_[m.query].query = m;
    give_time(m.query);
    if (leads()) {
      order_.push_back(m.query);
      refuse_if_mixed(m.query);
      start_what_can();
    } else {
      tell_peer(Kind::query_pending, 0, wire::encode(wire::QueryName{m.query, m.job}));
    }
    tell_load();
  }

  /// From now on: to get a pack, or with it to end.
  void give_time(const QueryId& query) {
    deadlines_.set(query, clock().now() + settings_.timeout);
    sleep();
  }

  void sleep() {
    if (const auto wait = deadlines_.tick_after(clock().now())) delayed_send(this, *wait, Tick::value);
  }

  void time_is_up(const QueryId& query) {
    if (const auto running = running_.find(query); running != running_.end())
      send(running->second.inference, TimeIsUp{settings_.timeout});
    else
      waited_too_long(query);
  }

  void refuse(const SubmitQuery& m, const protocol::Error& error) {
    send_failure(m.client, m.query, error);
    send(front_end_, QueryClosed{m.query, Outcome::refused, error.fault});
  }

  /// Server 0: asks for a pack for each query that is here at both servers, oldest first.
  void start_what_can() {
    for (const auto& id : order_) {
      auto it = waiting_.find(id);
      if (it == waiting_.end() || it->second.taker != 0 || !at_peer_.contains(id)) continue;
      it->second.taker = ++takers_;
      request(store_, caf::infinite, TakeAnyPack{it->second.taker})
          .then([this, id](const PackGranted& m) { granted(id, m.pack.take()); },
                [](const caf::error&) { /* the store is gone with the session, which EndSession tells */ });
    }
    std::erase_if(order_, [&](const auto& id) {
      auto it = waiting_.find(id);
      return it == waiting_.end() || it->second.taker != 0;
    });
  }

  /// A pack that becomes ready for a query that is over would have to be burned.
  void withdraw(const Waiting& waiting) {
    if (waiting.taker != 0) send(store_, WithdrawTake{waiting.taker});
  }

  void granted(const QueryId& id, Pack pack) {
    if (pack.id == 0) return;  // withdrawn
    ++packs_received_;
    auto it = waiting_.find(id);
    // The query went while this pack was on its way: another one that waits for a pack takes it.
    if (it == waiting_.end()) {
      it = std::ranges::find_if(waiting_, [](const auto& waiting) { return waiting.second.taker != 0; });
      if (it != waiting_.end()) withdraw(it->second);
    }
    if (it == waiting_.end()) {
      // The pack has left the store, so nobody else gets it: burn it at server 1 too. It is nobody's: the query that
      // asked for it may be running with the pack of one that went.
      tell_of_cancel(pack.id, {}, {Fault::refused, "the query that it was for was given up at server0"});
      burn(pack.id);
      tell_load();
      return;
    }
    const auto name = wire::encode(wire::QueryName{it->first, it->second.query.job});
    tell_peer(Kind::query_start, pack.id, name);
    if (core_->producer_online) tell(PartyId::producer, Kind::query_start, pack.id, name);
    begin(it->second.query, std::move(pack));
  }

  void begin(SubmitQuery query, Pack pack) {
    const auto id = query.query;
    waiting_.erase(id);
    at_peer_.erase(id);
    const auto pack_id = pack.id;
    auto client = query.client;
    running_[id] = {spawn_inference(system(), core_, layers_, std::move(query), std::move(pack), this), client,
                    pack_id};
    give_time(id);
    monitor(running_[id].inference);
    tell_load();
  }

  /// An inference that ends without a word has failed by an exception: its query must not wait for ever.
  void inference_down(const caf::actor_addr& source) {
    for (const auto& [id, running] : running_) {
      if (running.inference.address() != source) continue;
      const protocol::Error error{Fault::internal,
                                  "the query failed at " + std::string(protocol::name(core_->self)) + "; see its log"};
      send_failure(running.client, id, error);
      return ended({id, running.pack, Outcome::failed, error});
    }
  }

  void arrived(const Arrived& m) {
    const auto message = m.message.take();
    const auto pack = message.header.work.pack;
    const auto kind = message.header.kind;
    if (kind == Kind::query_cancelled) {
      auto failure = wire::decode<wire::Failure>(message.payload);
      if (!failure) return violated(m.from, kind);
      if (is_of_another(pack, failure->query)) return violated(m.from, kind);
      const auto error = protocol::within(protocol::party_name(m.from) + ": ", failure->error);
      if (m.from == PartyId::producer && core_->producer_online && pack != 0)
        return failed_at_producer(failure->query, pack, error);
      if (m.from != protocol::other(core_->self)) return violated(m.from, kind);
      return cancelled_by_peer(failure->query, pack, error);
    }
    auto named = wire::decode<wire::QueryName>(message.payload);
    if (!named || m.from != protocol::other(core_->self)) return violated(m.from, kind);
    if (kind == Kind::query_pending && leads()) return pending_at_peer(*named);
    if (kind == Kind::query_start && !leads()) return start(*named, pack);
    violated(m.from, kind);
  }

  /// Server 0: server 1 has the share of a query. What is announced is bounded, so that it cannot fill our memory; but
  /// server 1's clients may have more queries under way than we take, so the excess is refused and no violation.
  void pending_at_peer(const wire::QueryName& named) {
    const auto& id = named.query;
    if (at_peer_.size() >= 4 * settings_.max_queries) {
      const protocol::Error error{Fault::busy,
                                  "busy: " + std::to_string(at_peer_.size()) +
                                      " queries wait at server1 already (4 times the key limits.max_queries); try "
                                      "again in a moment",
                                  busy_retry_ms};
      return tell_peer(Kind::query_cancelled, 0, wire::encode(wire::Failure{id, error}));
    }
    at_peer_[id] = named.job;
    refuse_if_mixed(id);
    start_what_can();
  }

  /// Server 0: two halves under one id that are not of one job are refused at both servers, before they cost a pack.
  void refuse_if_mixed(const QueryId& id) {
    const auto here = waiting_.find(id);
    const auto there = at_peer_.find(id);
    if (here == waiting_.end() || there == at_peer_.end() || here->second.query.job == there->second) return;
    at_peer_.erase(there);
    give_up(here, mixed_halves(), true, Outcome::refused);
  }

  static protocol::Error mixed_halves() {
    return {Fault::refused,
            "the two halves of the query are not of one job: they were mixed up, or made by two clients under one id"};
  }

  void cancelled_by_peer(const QueryId& id, PackId pack, const protocol::Error& error) {
    at_peer_.erase(id);
    if (auto running = running_.find(id); running != running_.end()) {
      told_.insert(id);
      send(running->second.inference, AbortQuery{error});
    } else if (auto waiting = waiting_.find(id); waiting != waiting_.end()) {
      // Server 1 answers a cancel with its own: it follows the query_pending that may still be on its way, so that
      // server 0 does not wait for ever for a query that is over.
      give_up(waiting, error, !leads());
    }
    if (pack != 0) burn(pack);
  }

  /// Whether a query other than this one runs with the pack.
  bool is_of_another(PackId pack, const QueryId& id) const {
    return std::ranges::any_of(running_, [&](const auto& r) { return r.second.pack == pack && r.first != id; });
  }

  /// The producer has told both servers. Its message may come before server 0's start of the query.
  void failed_at_producer(const QueryId& id, PackId pack, const protocol::Error& error) {
    if (auto running = running_.find(id); running != running_.end() && running->second.pack == pack)
      send(running->second.inference, AbortQuery{error});
    else if (auto waiting = waiting_.find(id); waiting != waiting_.end() && !leads())
      give_up(waiting, error, true);
    burn(pack);
  }

  /// Server 1: server 0 has chosen a pack for a query.
  void start(const wire::QueryName& named, PackId pack) {
    const auto& id = named.query;
    const auto here = waiting_.find(id);
    if (here == waiting_.end()) {
      tell_of_cancel(pack, id, {Fault::refused, "the client's share is not here (any more)"});
      burn(pack);
      return;
    }
    // Server 0 looks before it starts one; that it has, server 1 need not believe.
    if (here->second.query.job != named.job) {
      tell_of_cancel(pack, id, mixed_halves());
      burn(pack);
      return give_up(here, mixed_halves(), false, Outcome::refused);
    }
    request(store_, caf::infinite, TakePack{pack})
        .then(
            [this, id, pack](const PackGranted& m) {
              auto granted_pack = m.pack.take();
              auto it = waiting_.find(id);
              if (granted_pack.id != pack) {
                // A mask is used once: neither another pack nor this one again.
                const protocol::Error error{
                    Fault::internal, "pack " + std::to_string(pack) + " was used, burned, or never ready at server1"};
                tell_of_cancel(pack, id, error);
                if (it != waiting_.end()) give_up(it, error, false);
                return;
              }
              ++packs_received_;
              if (it == waiting_.end()) {
                tell_of_cancel(pack, id, {Fault::refused, "the client has gone"});
                burn(pack);
                tell_load();
                return;
              }
              begin(it->second.query, std::move(granted_pack));
            },
            [](const caf::error&) { /* as above */ });
  }

  void ended(const QueryEnded& m) {
    auto it = running_.find(m.query);
    if (it == running_.end()) return;
    send(front_end_, QueryClosed{m.query, m.outcome, m.error.fault});
    running_.erase(it);
    deadlines_.erase(m.query);
    const bool told = told_.erase(m.query) > 0;
    if (m.outcome != Outcome::ok) {
      if (told)
        tell_producer_of_cancel(m.pack, m.query, m.error);
      else
        tell_of_cancel(m.pack, m.query, m.error);
      burn(m.pack);
    }
    tell_load();
  }

  using WaitingMap = std::map<QueryId, Waiting>;

  void give_up(WaitingMap::iterator it, const protocol::Error& error, bool tell, Outcome outcome = Outcome::failed) {
    const auto query = it->second.query;
    withdraw(it->second);
    waiting_.erase(it);
    deadlines_.erase(query.query);
    send_failure(query.client, query.query, error);
    send(front_end_, QueryClosed{query.query, outcome, error.fault});
    if (tell) tell_peer(Kind::query_cancelled, 0, wire::encode(wire::Failure{query.query, error}));
    tell_load();
  }

  void waited_too_long(const QueryId& id) {
    auto it = waiting_.find(id);
    if (it == waiting_.end()) return;
    std::string reason =
        "the query has waited " + std::to_string(settings_.timeout.count()) + " ms (key query.timeout_ms) ";
    if (leads())
      reason +=
          at_peer_.contains(id) ? "for a pack of the crypto producer" : "for the client's other share to reach server1";
    else
      reason += "for server0 to start it";
    give_up(it, {Fault::timed_out, reason}, true);
  }

  void client_gone(const caf::actor& client) {
    const protocol::Error error{Fault::peer_lost, "the client has closed its connection"};
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      auto next = std::next(it);
      if (it->second.query.client == client) give_up(it, error, true, Outcome::cancelled);
      it = next;
    }
    for (const auto& [id, running] : running_)
      if (running.client == client) send(running.inference, AbortQuery{error, Outcome::cancelled});
  }

  /// A client may give up its own queries only.
  void cancel(const CancelQuery& m) {
    const protocol::Error error{Fault::refused, "the client has given the query up"};
    if (auto it = waiting_.find(m.query); it != waiting_.end() && it->second.query.client == m.client)
      give_up(it, error, true, Outcome::cancelled);
    else if (auto running = running_.find(m.query); running != running_.end() && running->second.client == m.client)
      send(running->second.inference, AbortQuery{error, Outcome::cancelled});
  }

  void end_session(const protocol::Error& error) {
    while (!waiting_.empty()) give_up(waiting_.begin(), error, false);
    auto in_the_middle = error;
    // A time to come back would say that nothing of the query has run.
    in_the_middle.retry_after_ms = std::nullopt;
    for (auto& [id, running] : running_) {
      // Told from here, so that whoever sees the scheduler end knows that all clients have been told.
      send_failure(running.client, id, in_the_middle);
      send(front_end_, QueryClosed{id, Outcome::failed, error.fault});
      send(running.inference, AbortQuery{in_the_middle, Outcome::failed, true});
    }
    quit();
  }

  void burn(PackId pack) {
    for (const auto& layer : layers_) send(layer, DropPack{pack});
    send(store_, BurnPack{pack});
  }

  /// Whoever takes part in queries is told when one that has a pack is over.
  void tell_of_cancel(PackId pack, const QueryId& id, const protocol::Error& error) {
    tell_peer(Kind::query_cancelled, pack, wire::encode(wire::Failure{id, error}));
    tell_producer_of_cancel(pack, id, error);
  }

  void tell_producer_of_cancel(PackId pack, const QueryId& id, const protocol::Error& error) {
    if (core_->producer_online)
      tell(PartyId::producer, Kind::query_cancelled, pack, wire::encode(wire::Failure{id, error}));
  }

  void tell_peer(Kind kind, PackId pack, protocol::Payload payload) {
    tell(protocol::other(core_->self), kind, pack, std::move(payload));
  }

  void tell(PartyId to, Kind kind, PackId pack, protocol::Payload payload) {
    send(core_->links[static_cast<std::size_t>(to)],
         Send{Parcel(wire::Message{wire::control_header(kind, core_->session, pack), std::move(payload)})});
  }

  void tell_load() { send(store_, QueryLoad{waiting_.size(), running_.size(), packs_received_}); }

  void violated(PartyId by, Kind kind) {
    send(supervisor_, SessionFailed{{Fault::violation, "protocol violation: " + std::string(wire::name(kind)) +
                                                           " message from " + std::string(protocol::name(by))}});
  }

  std::shared_ptr<const SessionCore> core_;
  std::vector<caf::actor> layers_;
  caf::actor store_;
  SchedulerSettings settings_;
  caf::actor supervisor_, front_end_;
  WaitingMap waiting_;
  std::deque<QueryId> order_;                   ///< server 0: waiting queries without a pack, as they came
  std::map<QueryId, wire::JobDigest> at_peer_;  ///< server 0: queries whose share server 1 has
  std::map<QueryId, Running> running_;
  Deadlines<QueryId> deadlines_;  ///< of all that wait or run
  std::uint64_t takers_ = 0;      ///< server 0: packs asked for
  std::uint64_t packs_received_ = 0;
  std::set<QueryId> told_;  ///< failing queries that the peer failed first
};

}  // namespace

caf::actor spawn_scheduler(caf::actor_system& system, std::shared_ptr<const SessionCore> core,
                           std::vector<caf::actor> layers, const caf::actor& store, const SchedulerSettings& settings,
                           const caf::actor& supervisor, const caf::actor& front_end) {
  return system.spawn<Scheduler>(std::move(core), std::move(layers), store, settings, supervisor, front_end);
}

}  // namespace blindsight::actors
