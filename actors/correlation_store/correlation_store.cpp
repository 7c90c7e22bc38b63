#include "actors/correlation_store/correlation_store.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>
#include <chrono>
#include <deque>
#include <map>
#include <set>

#include "actors/correlation_store/pack_ledger.h"
#include "actors/correlation_store/pack_probes.h"
#include "actors/messages/messages.h"

namespace blindsight::actors {
namespace {

using protocol::PackId;
using protocol::PartyId;
using wire::Kind;
using Clock = std::chrono::steady_clock;

class CorrelationStore : public caf::event_based_actor {
 public:
  CorrelationStore(caf::actor_config& config, std::shared_ptr<const SessionCore> core, std::vector<caf::actor> layers,
                   caf::actor node, caf::actor gate, PackProbes probes)
      : caf::event_based_actor(config),
        core_(std::move(core)),
        layers_(std::move(layers)),
        node_(std::move(node)),
        gate_(std::move(gate)),
        probes_(std::move(probes)) {}

  const char* name() const override { return "correlation-store"; }

  /// Actors refer to one another: what they hold must go when they end, or none of it ever does.
  void on_exit() override {
    preparing_.clear();
    ready_.clear();
    takers_.clear();
    layers_.clear();
    core_.reset();
    node_ = gate_ = nullptr;
  }

  caf::behavior make_behavior() override {
    return {
        [this](Begin) {
          begun_ = true;
          ask_for_packs();
        },
        [this](const Arrived& m) { arrived(m); },
        [this](const TilePrepared& m) { tile_prepared(m); },
        [this](const QueryLoad& m) {
          load_ = m;
          ask_for_packs();
        },
        [this](TakeAnyPack) -> caf::result<PackGranted> {
          auto promise = make_response_promise();
          takers_.push_back(promise);
          hand_out();
          return promise;
        },
        [this](TakePack m) { return PackGranted{Parcel(take(m.pack))}; },
        [this](BurnPack m) {
          if (!ledger_.spend(m.pack)) return;
          preparing_.erase(m.pack);
          ready_.erase(m.pack);
          drop(m.pack);
          probes_.burned.add();
          tell_depth();
          ask_for_packs();
        },
    };
  }

 private:
  struct Preparing {
    Pack pack;
    std::size_t missing = 0;
    Clock::time_point since = Clock::now();
  };

  void arrived(const Arrived& m) {
    const auto message = m.message.take();
    const auto pack = message.header.query;
    if (message.header.kind == Kind::deal_begins && m.from == PartyId::producer) {
      if (auto why_not = ledger_.announce(pack); !why_not.empty()) return violated(why_not);
      prepare(pack);
    } else if (message.header.kind == Kind::pack_ready && m.from == PartyId::server1 &&
               core_->self == PartyId::server0) {
      peer_ready_.insert(pack);
      hand_out();
      tell_depth();
    } else {
      violated(std::string(wire::name(message.header.kind)) + " message from " + std::string(protocol::name(m.from)));
    }
  }

  void prepare(PackId pack) {
    auto& p = preparing_[pack];
    p.pack.id = pack;
    const auto& stages = core_->program->stages();
    p.pack.compute_s.resize(stages.size());
    p.pack.dealt_bytes.resize(stages.size());
    for (const auto& stage : stages) {
      p.pack.materials.emplace_back(stage.tiles.size());
      p.missing += stage.tiles.size();
    }
    for (std::size_t stage = 0; stage < stages.size(); ++stage) {
      PrepareTiles work{pack, {}, this};
      for (std::size_t tile = 0; tile < stages[stage].tiles.size(); ++tile) work.tiles.push_back(tile);
      send(layers_[stage], std::move(work));
    }
  }

  void tile_prepared(const TilePrepared& m) {
    auto it = preparing_.find(m.pack);
    if (it == preparing_.end()) return;  // burned in the meantime
    auto& p = it->second;
    auto material = m.material.take();
    p.pack.materials[m.stage][m.tile] = std::move(material);
    p.pack.compute_s[m.stage] += m.compute_s;
    p.pack.dealt_bytes[m.stage] += m.received_bytes;
    p.pack.sent_bytes += m.sent_bytes[static_cast<std::size_t>(protocol::other(core_->self))];
    if (--p.missing > 0) return;
    p.pack.offline_s = std::chrono::duration<double>(Clock::now() - p.since).count();
    probes_.dealt(p.pack.offline_s);
    ready_.emplace(m.pack, std::move(p.pack));
    preparing_.erase(it);
    ledger_.prepared(m.pack);
    if (core_->self == PartyId::server1) tell(PartyId::server0, Kind::pack_ready, m.pack, {});
    hand_out();
    tell_depth();
    ask_for_packs();
  }

  /// Server 0: oldest pack that both have.
  void hand_out() {
    while (!takers_.empty()) {
      auto usable = ready_.begin();
      while (usable != ready_.end() && !peer_ready_.contains(usable->first)) ++usable;
      if (usable == ready_.end()) return;
      const auto pack = usable->first;
      peer_ready_.erase(pack);
      takers_.front().deliver(PackGranted{Parcel(take(pack))});
      takers_.pop_front();
    }
  }

  /// The one door out. Pack 0 when it may not be used.
  Pack take(PackId pack) {
    auto it = ready_.find(pack);
    if (it == ready_.end() || !ledger_.spend(pack)) return {};
    Pack taken = std::move(it->second);
    ready_.erase(it);
    probes_.used.add();
    // A test over processes killed at random reads this: no server may say it twice for the same pack and session.
    spdlog::debug("{}: pack {} of session {:016x} goes to a query", protocol::name(core_->self), pack, core_->session);
    tell_depth();
    ++granted_;
    ask_for_packs();
    return taken;
  }

  void ask_for_packs() {
    if (!begun_) return;
    const std::uint64_t on_their_way = granted_ - load_.packs_received;
    const std::uint64_t goal = packs_to_want(core_->budget, load_.running + on_their_way,
                                             load_.waiting - std::min<std::uint64_t>(load_.waiting, on_their_way));
    if (goal <= ledger_.outstanding()) return;
    ledger_.want(goal - ledger_.outstanding());
    tell(PartyId::producer, Kind::want, 0, wire::encode(wire::Number{ledger_.wanted()}));
  }

  void tell(PartyId to, Kind kind, PackId pack, protocol::Payload payload) {
    send(core_->links[static_cast<std::size_t>(to)],
         Send{Parcel(wire::Message{{kind, wire::Lane::control, core_->session, pack, 0, 0, 0}, std::move(payload)})});
  }

  void drop(PackId pack) {
    peer_ready_.erase(pack);
    for (const auto& layer : layers_) send(layer, DropPack{pack});
  }

  void tell_depth() {
    std::uint64_t usable = 0;
    for (const auto& [pack, unused] : ready_) usable += core_->self == PartyId::server1 || peer_ready_.contains(pack);
    probes_.pool_depth.set(usable);
    send(gate_, PacksReady{usable});
  }

  void violated(const std::string& what) {
    send(node_, StepFailed{Phase::preprocess, 0, 0, "protocol violation: " + what});
  }

  std::shared_ptr<const SessionCore> core_;
  std::vector<caf::actor> layers_;
  caf::actor node_, gate_;
  PackProbes probes_;
  PackLedger ledger_;
  bool begun_ = false;
  QueryLoad load_;
  std::uint64_t granted_ = 0;  ///< packs given to the desk
  std::map<PackId, Preparing> preparing_;
  std::map<PackId, Pack> ready_;
  std::set<PackId> peer_ready_;
  std::deque<caf::response_promise> takers_;
};

}  // namespace

caf::actor spawn_correlation_store(caf::actor_system& system, std::shared_ptr<const SessionCore> core,
                                   std::vector<caf::actor> layers, const caf::actor& node, const caf::actor& gate,
                                   monitoring::Registry& registry) {
  return system.spawn<CorrelationStore>(std::move(core), std::move(layers), node, gate, PackProbes(registry));
}

}  // namespace blindsight::actors
