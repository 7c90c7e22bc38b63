#include "actors/engine/correlation_store.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>
#include <chrono>
#include <deque>
#include <map>
#include <set>

#include "actors/engine/messages.h"
#include "actors/engine/pack_ledger.h"
#include "actors/engine/pack_probes.h"
#include "wire/control.h"

namespace blindsight::actors {
namespace {

using protocol::PackId;
using protocol::PartyId;
using wire::Kind;
using Clock = std::chrono::steady_clock;

class CorrelationStore : public caf::event_based_actor {
 public:
  CorrelationStore(caf::actor_config& config, std::shared_ptr<const SessionCore> core, std::vector<caf::actor> layers,
                   caf::actor supervisor, caf::actor front_end, PackProbes probes)
      : caf::event_based_actor(config),
        core_(std::move(core)),
        layers_(std::move(layers)),
        supervisor_(std::move(supervisor)),
        front_end_(std::move(front_end)),
        probes_(std::move(probes)) {}

  const char* name() const override { return "correlation-store"; }

  /// Actors refer to one another: what they hold must go when they end, or none of it ever does.
  void on_exit() override {
    preparing_.clear();
    ready_.clear();
    takers_.clear();
    layers_.clear();
    core_.reset();
    supervisor_ = front_end_ = nullptr;
  }

  caf::behavior make_behavior() override {
    return {
        [this](Begin) {
          begun_ = true;
          ask_for_packs();
        },
        [this](const Arrived& m) { arrived(m); },
        [this](const BandPrepared& m) { band_prepared(m); },
        [this](const QueryLoad& m) {
          load_ = m;
          ask_for_packs();
        },
        [this](TakeAnyPack m) -> caf::result<PackGranted> {
          auto promise = make_response_promise();
          takers_.push_back({m.taker, promise});
          hand_out();
          return promise;
        },
        [this](WithdrawTake m) { withdraw(m.taker); },
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

  struct Taker {
    std::uint64_t number = 0;
    caf::response_promise promise;
  };

  void arrived(const Arrived& m) {
    const auto message = m.message.take();
    const auto pack = message.header.work.pack;
    if (message.header.kind == Kind::deal_begins && m.from == PartyId::producer) {
      if (auto why_not = ledger_.announce(pack); !why_not.empty()) return violated(why_not);
      auto keys = core_->keys->open(pack);
      if (!keys) return violated(keys.error().what);
      prepare(pack, std::move(*keys));
    } else if (message.header.kind == Kind::pack_ready && m.from == PartyId::server1 &&
               core_->self == PartyId::server0) {
      peer_ready_.insert(pack);
      hand_out();
      tell_depth();
    } else {
      violated(std::string(wire::name(message.header.kind)) + " message from " + std::string(protocol::name(m.from)));
    }
  }

  void prepare(PackId pack, protocol::PackKeysPtr keys) {
    auto& p = preparing_[pack];
    p.pack.id = pack;
    p.pack.keys = std::move(keys);
    const auto& values = core_->program->values();
    p.pack.compute_s.resize(values.size());
    p.pack.dealt_bytes.resize(values.size());
    for (const auto& value : values) {
      p.pack.materials.emplace_back(value.bands.size());
      p.missing += value.bands.size();
    }
    for (std::size_t value = 0; value < values.size(); ++value) {
      PrepareBands work{pack, p.pack.keys, {}, this};
      for (std::uint32_t band = 0; band < values[value].bands.size(); ++band) work.bands.push_back(band);
      send(layers_[value], std::move(work));
    }
  }

  void band_prepared(const BandPrepared& m) {
    auto it = preparing_.find(m.work.pack);
    if (it == preparing_.end()) return;  // burned in the meantime
    auto& p = it->second;
    auto material = m.material.take();
    p.pack.materials[m.work.value][m.work.band] = std::move(material);
    p.pack.compute_s[m.work.value] += m.compute_s;
    p.pack.dealt_bytes[m.work.value] += m.received_bytes;
    p.pack.sent_bytes += m.sent_bytes[static_cast<std::size_t>(protocol::other(core_->self))];
    if (--p.missing > 0) return;
    p.pack.offline_s = std::chrono::duration<double>(Clock::now() - p.since).count();
    probes_.dealt(p.pack.offline_s);
    ready_.emplace(m.work.pack, std::move(p.pack));
    preparing_.erase(it);
    ledger_.prepared(m.work.pack);
    if (core_->self == PartyId::server1) tell(PartyId::server0, Kind::pack_ready, m.work.pack, {});
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
      takers_.front().promise.deliver(PackGranted{Parcel(take(pack))});
      takers_.pop_front();
    }
  }

  void withdraw(std::uint64_t number) {
    const auto taker = std::ranges::find(takers_, number, &Taker::number);
    if (taker == takers_.end()) return;
    taker->promise.deliver(PackGranted{Parcel(Pack{})});
    takers_.erase(taker);
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
         Send{Parcel(wire::Message{wire::control_header(kind, core_->session, pack), std::move(payload)})});
  }

  void drop(PackId pack) {
    peer_ready_.erase(pack);
    for (const auto& layer : layers_) send(layer, DropPack{pack});
  }

  void tell_depth() {
    std::uint64_t usable = 0;
    for (const auto& [pack, unused] : ready_) usable += core_->self == PartyId::server1 || peer_ready_.contains(pack);
    probes_.pool_depth.set(usable);
    send(front_end_, PacksReady{usable});
  }

  void violated(const std::string& what) {
    send(supervisor_, SessionFailed{{protocol::Fault::violation, "protocol violation: " + what}});
  }

  std::shared_ptr<const SessionCore> core_;
  std::vector<caf::actor> layers_;
  caf::actor supervisor_, front_end_;
  PackProbes probes_;
  PackLedger ledger_;
  bool begun_ = false;
  QueryLoad load_;
  std::uint64_t granted_ = 0;  ///< packs given to the scheduler
  std::map<PackId, Preparing> preparing_;
  std::map<PackId, Pack> ready_;
  std::set<PackId> peer_ready_;
  std::deque<Taker> takers_;
};

}  // namespace

caf::actor spawn_correlation_store(caf::actor_system& system, std::shared_ptr<const SessionCore> core,
                                   std::vector<caf::actor> layers, const caf::actor& supervisor,
                                   const caf::actor& front_end, monitoring::Registry& registry) {
  return system.spawn<CorrelationStore>(std::move(core), std::move(layers), supervisor, front_end,
                                        PackProbes(registry));
}

}  // namespace blindsight::actors
