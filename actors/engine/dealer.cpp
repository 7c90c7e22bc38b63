#include "actors/engine/dealer.h"

#include <algorithm>
#include <array>
#include <caf/all.hpp>
#include <chrono>

#include "actors/engine/memory.h"
#include "actors/engine/messages.h"
#include "actors/engine/pack_probes.h"
#include "wire/control.h"

namespace blindsight::actors {
namespace {

using protocol::PartyId;
using wire::Kind;
using Clock = std::chrono::steady_clock;

class Dealer : public caf::event_based_actor {
 public:
  Dealer(caf::actor_config& config, std::shared_ptr<const SessionCore> core, std::vector<caf::actor> layers,
         std::shared_ptr<PackCounter> counter, unsigned bands_at_once, caf::actor helper, caf::actor supervisor,
         PackProbes probes)
      : caf::event_based_actor(config),
        core_(std::move(core)),
        layers_(std::move(layers)),
        counter_(std::move(counter)),
        bands_at_once_(bands_at_once),
        helper_(std::move(helper)),
        supervisor_(std::move(supervisor)),
        probes_(std::move(probes)) {}

  const char* name() const override { return "dealer"; }

  /// Actors refer to one another: what they hold must go when they end, or none of it ever does.
  void on_exit() override {
    layers_.clear();
    keys_.reset();
    core_.reset();
    helper_ = supervisor_ = nullptr;
  }

  caf::behavior make_behavior() override {
    return {
        [this](Begin) {
          begun_ = true;
          deal();
        },
        [this](const Arrived& m) {
          const auto message = m.message.take();
          auto want = wire::decode<wire::Number>(message.payload);
          if (message.header.kind != Kind::want || !want || !protocol::is_server(m.from)) {
            send(supervisor_, SessionFailed{{protocol::Fault::violation,
                                             "protocol violation: " + std::string(wire::name(message.header.kind)) +
                                                 " message from " + std::string(protocol::name(m.from))}});
            return;
          }
          wanted_[static_cast<std::size_t>(m.from)] = want->number;
          deal();
        },
        [this](const BandPrepared& m) {
          --in_flight_;
          for (const auto server : {0u, 1u}) waiting_bytes_[server] += static_cast<std::int64_t>(m.sent_bytes[server]);
          if (in_flight_ == 0 && value_ == core_->program->values().size()) {
            ++dealt_;
            dealing_ = false;
            keys_.reset();
            probes_.dealt(std::chrono::duration<double>(Clock::now() - since_).count());
          }
          deal();
        },
        [this](const Drained& m) {
          waiting_bytes_[static_cast<std::size_t>(m.to)] -= static_cast<std::int64_t>(m.bytes);
          deal();
        },
    };
  }

 private:
  void deal() {
    if (!begun_) return;
    if (!dealing_) {
      if (dealt_ >= std::min(wanted_[0], wanted_[1])) return;
      dealing_ = true;
      since_ = Clock::now();
      pack_ = ++*counter_;
      auto keys = core_->keys->open(pack_);
      if (!keys) return send(supervisor_, SessionFailed{keys.error()});
      keys_ = std::move(*keys);
      value_ = band_ = 0;
      // Urgent as the query_start that answers it, which would overtake it otherwise.
      if (helper_) send<caf::message_priority::high>(helper_, PackAnnounced{pack_, keys_});
      for (const auto server : {0u, 1u})
        send(core_->links[server],
             Send{Parcel(wire::Message{wire::control_header(Kind::deal_begins, core_->session, pack_), {}})});
    }
    const auto& values = core_->program->values();
    while (value_ < values.size() && in_flight_ < bands_at_once_ &&
           std::max(waiting_bytes_[0], waiting_bytes_[1]) < dealer_window_bytes) {
      if (band_ == values[value_].bands.size()) {
        ++value_;
        band_ = 0;
        continue;
      }
      ++in_flight_;
      send(layers_[value_], PrepareBands{pack_, keys_, {band_++}, this});
    }
    // Behind the last band of the last value, so that the end is noticed when bands come back.
    if (value_ < values.size() && value_ + 1 == values.size() && band_ == values[value_].bands.size()) ++value_;
  }

  std::shared_ptr<const SessionCore> core_;
  std::vector<caf::actor> layers_;
  std::shared_ptr<PackCounter> counter_;
  const unsigned bands_at_once_;
  caf::actor helper_, supervisor_;
  PackProbes probes_;
  std::array<std::uint64_t, 2> wanted_{};
  std::array<std::int64_t, 2> waiting_bytes_{};  ///< may dip below 0: a link may report before the layer does
  std::uint64_t dealt_ = 0, pack_ = 0;
  protocol::PackKeysPtr keys_;  ///< of the pack that is being dealt
  bool begun_ = false, dealing_ = false;
  std::size_t value_ = 0;
  std::uint32_t band_ = 0;
  unsigned in_flight_ = 0;
  Clock::time_point since_{};
};

}  // namespace

caf::actor spawn_dealer(caf::actor_system& system, std::shared_ptr<const SessionCore> core,
                        std::vector<caf::actor> layers, std::shared_ptr<PackCounter> counter, unsigned bands_at_once,
                        const caf::actor& helper, const caf::actor& supervisor, monitoring::Registry& registry) {
  return system.spawn<Dealer>(std::move(core), std::move(layers), std::move(counter), bands_at_once, helper, supervisor,
                              PackProbes(registry));
}

}  // namespace blindsight::actors
