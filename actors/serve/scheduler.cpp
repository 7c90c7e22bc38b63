#include "actors/serve/scheduler.h"

#include <algorithm>
#include <caf/all.hpp>
#include <deque>
#include <map>
#include <set>

#include "actors/serve/inference.h"
#include "actors/serve/messages.h"
#include "actors/session/handshake.h"

namespace blindsight::actors {
namespace {

using monitoring::Outcome;
using protocol::PackId;
using protocol::PartyId;
using wire::Kind;
using wire::QueryId;

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
        [this](const WaitedTooLong& m) { waited_too_long(m.query); },
        [this](const EndSession& m) { end_session(m.reason); },
    };
  }

 private:
  struct Waiting {
    SubmitQuery query;
    bool granted = false;  ///< a pack was asked for
  };
  struct Running {
    caf::actor inference, client;
    PackId pack = 0;
  };

  bool leads() const { return core_->self == PartyId::server0; }

  void submit(const SubmitQuery& m) {
    if (waiting_.contains(m.query) || running_.contains(m.query))
      return refuse(m, "a query of this number is already under way");
    if (const auto bytes = m.share.look().size(); bytes != core_->input_share_bytes)
      return refuse(m, "the input share has " + std::to_string(bytes) + " bytes, the deployed plan takes " +
                           std::to_string(core_->input_share_bytes));
    if (waiting_.size() + running_.size() >= settings_.max_queries)
      return refuse(m, "busy: " + std::to_string(settings_.max_queries) +
                           " queries wait or run already (key limits.max_queries); try again in a moment");
    waiting_[m.query].query = m;
    delayed_send(this, settings_.timeout, WaitedTooLong{m.query});
    if (leads()) {
      order_.push_back(m.query);
      start_what_can();
    } else {
      tell_peer(Kind::query_pending, 0, m.query, {});
    }
    tell_load();
  }

  void refuse(const SubmitQuery& m, const std::string& reason) {
    send_failure(m.client, m.query, reason);
    send(front_end_, QueryClosed{m.query, Outcome::refused});
  }

  /// Server 0: asks for a pack for each query that is here at both servers, oldest first.
  void start_what_can() {
    for (const auto& id : order_) {
      auto it = waiting_.find(id);
      if (it == waiting_.end() || it->second.granted || !at_peer_.contains(id)) continue;
      it->second.granted = true;
      request(store_, caf::infinite, TakeAnyPack{})
          .then([this, id](const PackGranted& m) { granted(id, m.pack.take()); },
                [](const caf::error&) { /* the store is gone with the session, which EndSession tells */ });
    }
    std::erase_if(order_, [&](const auto& id) {
      auto it = waiting_.find(id);
      return it == waiting_.end() || it->second.granted;
    });
  }

  void granted(const QueryId& id, Pack pack) {
    ++packs_received_;
    auto it = waiting_.find(id);
    // The query went while it waited for this pack: the next one that waits for a pack of its own takes it, and that
    // one goes to whoever is next in turn.
    if (it == waiting_.end())
      it = std::ranges::find_if(waiting_, [](const auto& waiting) { return waiting.second.granted; });
    if (it == waiting_.end()) {
      // The pack has left the store, so nobody else gets it: burn it at server 1 too.
      tell_of_cancel(pack.id, id, "the query was given up at server0");
      burn(pack.id);
      tell_load();
      return;
    }
    tell_peer(Kind::query_start, pack.id, it->first, {});
    if (core_->producer_online) tell(PartyId::producer, Kind::query_start, pack.id, it->first, {});
    begin(it->second.query, std::move(pack));
  }

  void begin(SubmitQuery query, Pack pack) {
    const auto id = query.query;
    waiting_.erase(id);
    at_peer_.erase(id);
    const auto pack_id = pack.id;
    auto client = query.client;
    running_[id] = {
        spawn_inference(system(), core_, layers_, std::move(query), std::move(pack), settings_.timeout, this), client,
        pack_id};
    monitor(running_[id].inference);
    tell_load();
  }

  /// An inference that ends without a word has failed by an exception: its query must not wait for ever.
  void inference_down(const caf::actor_addr& source) {
    for (const auto& [id, running] : running_) {
      if (running.inference.address() != source) continue;
      const std::string reason = "the query failed at " + std::string(protocol::name(core_->self)) + "; see its log";
      send_failure(running.client, id, reason);
      return ended({id, running.pack, Outcome::failed, reason});
    }
  }

  void arrived(const Arrived& m) {
    const auto message = m.message.take();
    auto note = wire::decode<wire::QueryNote>(message.payload);
    const auto pack = message.header.work.pack;
    if (!note) return violated(m.from, message.header.kind);
    if (m.from == PartyId::producer && core_->producer_online && message.header.kind == Kind::query_cancelled &&
        pack != 0)
      return failed_at_producer(note->query, pack, protocol::party_name(m.from) + ": " + note->text);
    if (m.from != protocol::other(core_->self)) return violated(m.from, message.header.kind);
    switch (message.header.kind) {
      case Kind::query_pending:
        if (!leads()) return violated(m.from, message.header.kind);
        // A peer that announces without end must not fill our memory; its clients' limit is the same as ours.
        if (at_peer_.size() >= 4 * settings_.max_queries) return violated(m.from, message.header.kind);
        at_peer_.insert(note->query);
        start_what_can();
        return;
      case Kind::query_start:
        if (leads()) return violated(m.from, message.header.kind);
        return start(note->query, pack);
      case Kind::query_cancelled: {
        at_peer_.erase(note->query);
        const auto reason = std::string(protocol::name(m.from)) + ": " + note->text;
        if (auto running = running_.find(note->query); running != running_.end()) {
          told_.insert(note->query);
          send(running->second.inference, AbortQuery{reason});
        } else if (auto waiting = waiting_.find(note->query); waiting != waiting_.end()) {
          // Server 1 answers a cancel with its own: it follows the query_pending that may still be on its way, so
          // that server 0 does not wait for ever for a query that is over.
          give_up(waiting, reason, !leads());
        }
        if (pack != 0) burn(pack);
        return;
      }
      default:
        return violated(m.from, message.header.kind);
    }
  }

  /// The producer has told both servers. Its message may come before server 0's start of the query.
  void failed_at_producer(const QueryId& id, PackId pack, const std::string& reason) {
    if (std::ranges::any_of(running_, [&](const auto& r) { return r.second.pack == pack && r.first != id; }))
      return violated(PartyId::producer, Kind::query_cancelled);
    if (auto running = running_.find(id); running != running_.end() && running->second.pack == pack)
      send(running->second.inference, AbortQuery{reason});
    else if (auto waiting = waiting_.find(id); waiting != waiting_.end() && !leads())
      give_up(waiting, reason, true);
    burn(pack);
  }

  /// Server 1: server 0 has chosen a pack for a query.
  void start(const QueryId& id, PackId pack) {
    if (!waiting_.contains(id)) {
      tell_of_cancel(pack, id, "the client's share is not here (any more)");
      burn(pack);
      return;
    }
    request(store_, caf::infinite, TakePack{pack})
        .then(
            [this, id, pack](const PackGranted& m) {
              auto granted_pack = m.pack.take();
              auto it = waiting_.find(id);
              if (granted_pack.id != pack) {
                // A mask is used once: neither another pack nor this one again.
                const auto reason = "pack " + std::to_string(pack) + " was used, burned, or never ready at server1";
                tell_of_cancel(pack, id, reason);
                if (it != waiting_.end()) give_up(it, reason, false);
                return;
              }
              ++packs_received_;
              if (it == waiting_.end()) {
                tell_of_cancel(pack, id, "the client has gone");
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
    send(front_end_, QueryClosed{m.query, m.outcome});
    running_.erase(it);
    const bool told = told_.erase(m.query) > 0;
    if (m.outcome != Outcome::ok) {
      if (told)
        tell_producer_of_cancel(m.pack, m.query, m.reason);
      else
        tell_of_cancel(m.pack, m.query, m.reason);
      burn(m.pack);
    }
    tell_load();
  }

  using WaitingMap = std::map<QueryId, Waiting>;

  void give_up(WaitingMap::iterator it, const std::string& reason, bool tell, Outcome outcome = Outcome::failed) {
    const auto query = it->second.query;
    waiting_.erase(it);
    send_failure(query.client, query.query, reason);
    send(front_end_, QueryClosed{query.query, outcome});
    if (tell) tell_peer(Kind::query_cancelled, 0, query.query, reason);
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
    give_up(it, reason, true);
  }

  void client_gone(const caf::actor& client) {
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      auto next = std::next(it);
      if (it->second.query.client == client)
        give_up(it, "the client has closed its connection", true, Outcome::cancelled);
      it = next;
    }
    for (const auto& [id, running] : running_)
      if (running.client == client)
        send(running.inference, AbortQuery{"the client has closed its connection", Outcome::cancelled});
  }

  void end_session(const std::string& reason) {
    while (!waiting_.empty()) give_up(waiting_.begin(), reason, false);
    for (auto& [id, running] : running_) {
      // Told from here, so that whoever sees the scheduler end knows that all clients have been told.
      send_failure(running.client, id, reason);
      send(front_end_, QueryClosed{id, Outcome::failed});
      send(running.inference, AbortQuery{});
    }
    quit();
  }

  void burn(PackId pack) {
    for (const auto& layer : layers_) send(layer, DropPack{pack});
    send(store_, BurnPack{pack});
  }

  /// Whoever takes part in queries is told when one that has a pack is over.
  void tell_of_cancel(PackId pack, const QueryId& id, const std::string& reason) {
    tell_peer(Kind::query_cancelled, pack, id, reason);
    tell_producer_of_cancel(pack, id, reason);
  }

  void tell_producer_of_cancel(PackId pack, const QueryId& id, const std::string& reason) {
    if (core_->producer_online) tell(PartyId::producer, Kind::query_cancelled, pack, id, reason);
  }

  void tell_peer(Kind kind, PackId pack, const QueryId& id, const std::string& text) {
    tell(protocol::other(core_->self), kind, pack, id, text);
  }

  void tell(PartyId to, Kind kind, PackId pack, const QueryId& id, const std::string& text) {
    const auto& link = core_->links[static_cast<std::size_t>(to)];
    send(link, Send{Parcel(wire::Message{wire::control_header(kind, core_->session, pack),
                                         wire::encode(wire::QueryNote{id, text})})});
  }

  void tell_load() { send(store_, QueryLoad{waiting_.size(), running_.size(), packs_received_}); }

  void violated(PartyId by, Kind kind) {
    send(supervisor_, StepFailed{Phase::preprocess,
                                 {},
                                 "protocol violation: " + std::string(wire::name(kind)) + " message from " +
                                     std::string(protocol::name(by))});
  }

  std::shared_ptr<const SessionCore> core_;
  std::vector<caf::actor> layers_;
  caf::actor store_;
  SchedulerSettings settings_;
  caf::actor supervisor_, front_end_;
  WaitingMap waiting_;
  std::deque<QueryId> order_;  ///< server 0: waiting queries without a pack, as they came
  std::set<QueryId> at_peer_;  ///< server 0: queries whose share server 1 has
  std::map<QueryId, Running> running_;
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
