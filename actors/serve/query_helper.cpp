#include "actors/serve/query_helper.h"

#include <spdlog/spdlog.h>

#include <caf/all.hpp>
#include <map>
#include <string>

#include "actors/serve/deadlines.h"
#include "actors/serve/help_ledger.h"
#include "actors/serve/messages.h"

namespace blindsight::actors {
namespace {

using protocol::Fault;
using protocol::PackId;
using protocol::PartyId;
using wire::Kind;
using Tick = caf::atom_constant<caf::atom("tick")>;

class QueryHelper : public caf::event_based_actor {
 public:
  QueryHelper(caf::actor_config& config, std::shared_ptr<const SessionCore> core, std::vector<caf::actor> layers,
              std::chrono::milliseconds timeout, caf::actor supervisor)
      : caf::event_based_actor(config),
        core_(std::move(core)),
        layers_(std::move(layers)),
        timeout_(timeout),
        supervisor_(std::move(supervisor)) {}

  const char* name() const override { return "query-helper"; }

  /// Actors refer to one another: what they hold must go when they end, or none of it ever does.
  void on_exit() override {
    layers_.clear();
    keys_.clear();
    core_.reset();
    supervisor_ = nullptr;
  }

  caf::behavior make_behavior() override {
    return {
        [this](const PackAnnounced& m) {
          ledger_.announce(m.pack);
          keys_[m.pack] = m.keys;
        },
        [this](const Arrived& m) { arrived(m); },
        [this](const LayerDone& m) {
          auto it = running_.find(m.work.pack);
          if (it != running_.end() && ++it->second.layers_done == layers_.size()) over(m.work.pack);
        },
        [this](const StepFailed& m) { failed(m.work.pack, m.error); },
        [this](Tick) {
          for (const auto pack : deadlines_.tick(clock().now())) time_is_up(pack);
          sleep();
        },
    };
  }

 private:
  struct Running {
    wire::QueryId query{};
    std::size_t layers_done = 0;
  };

  void arrived(const Arrived& m) {
    const auto message = m.message.take();
    const auto kind = message.header.kind;
    const auto pack = message.header.work.pack;
    if (kind == Kind::query_start && m.from == PartyId::server0) {
      auto named = wire::decode<wire::QueryName>(message.payload);
      if (!named) return violated(m.from, kind, named.error().what);
      switch (ledger_.start(pack)) {
        case HelpLedger::Start::begin:
          return begin(pack, named->query);
        case HelpLedger::Start::cancelled:
          return;
        case HelpLedger::Start::refused:
          return violated(m.from, kind, "pack " + std::to_string(pack) + " was not announced, or has been used");
      }
    }
    if (kind != Kind::query_cancelled || !protocol::is_server(m.from))
      return violated(m.from, kind, "it is not for the crypto producer");
    if (auto why = wire::decode<wire::Failure>(message.payload); !why) return violated(m.from, kind, why.error().what);
    if (!ledger_.cancel(pack, m.from))
      return violated(m.from, kind, "pack " + std::to_string(pack) + " was not announced");
    drop(pack);
  }

  void begin(PackId pack, const wire::QueryId& query) {
    spdlog::debug("{}: pack {} of session {:016x} goes to a query", protocol::name(core_->self), pack, core_->session);
    running_[pack].query = query;
    const auto keys = keys_.extract(pack);
    deadlines_.set(pack, clock().now() + timeout_);
    sleep();
    // The last value first: a layer has the query in its mailbox when the one before it tells of rows.
    for (std::size_t i = layers_.size(); i-- > 0;) {
      BeginQuery to_layer;
      to_layer.pack = pack;
      to_layer.keys = keys.mapped();
      to_layer.materials = Parcel(std::vector<MaterialPtr>());
      to_layer.inference = this;
      send(layers_[i], std::move(to_layer));
    }
  }

  void sleep() {
    if (const auto wait = deadlines_.tick_after(clock().now())) delayed_send(this, *wait, Tick::value);
  }

  void time_is_up(PackId pack) {
    const auto it = running_.find(pack);
    if (it == running_.end()) return;
    failed(pack, {Fault::timed_out, "its part of the query has not ended after " + std::to_string(timeout_.count()) +
                                        " ms (key query.timeout_ms); " + std::to_string(it->second.layers_done) +
                                        " of " + std::to_string(layers_.size()) + " layers were done"});
  }

  void over(PackId pack) {
    running_.erase(pack);
    deadlines_.erase(pack);
  }

  void failed(PackId pack, const protocol::Error& error) {
    auto it = running_.find(pack);
    if (it == running_.end()) return;
    const auto query = it->second.query;
    drop(pack);
    for (const auto server : {0u, 1u})
      send(core_->links[server],
           Send{Parcel(wire::Message{wire::control_header(Kind::query_cancelled, core_->session, pack),
                                     wire::encode(wire::Failure{query, error})})});
  }

  void drop(PackId pack) {
    over(pack);
    keys_.erase(pack);
    for (const auto& layer : layers_) send(layer, DropPack{pack});
  }

  void violated(PartyId by, Kind kind, const std::string& why) {
    send(supervisor_,
         SessionFailed{{Fault::violation, "protocol violation: " + std::string(wire::name(kind)) + " message from " +
                                              std::string(protocol::name(by)) + ": " + why}});
  }

  std::shared_ptr<const SessionCore> core_;
  std::vector<caf::actor> layers_;
  std::chrono::milliseconds timeout_;
  caf::actor supervisor_;
  HelpLedger ledger_;
  std::map<PackId, protocol::PackKeysPtr> keys_;  ///< of those that were announced and neither started nor cancelled
  std::map<PackId, Running> running_;
  Deadlines<PackId> deadlines_;  ///< of what runs
};

}  // namespace

caf::actor spawn_query_helper(caf::actor_system& system, std::shared_ptr<const SessionCore> core,
                              std::vector<caf::actor> layers, std::chrono::milliseconds timeout,
                              const caf::actor& supervisor) {
  return system.spawn<QueryHelper>(std::move(core), std::move(layers), timeout, supervisor);
}

}  // namespace blindsight::actors
