#include "actors/serve/inference.h"

#include <caf/all.hpp>
#include <chrono>
#include <optional>

namespace blindsight::actors {
namespace {

using monitoring::Outcome;
using protocol::Fault;
using Clock = std::chrono::steady_clock;

class Inference : public caf::event_based_actor {
 public:
  Inference(caf::actor_config& config, std::shared_ptr<const SessionCore> core, std::vector<caf::actor> layers,
            SubmitQuery query, const Parcel<Pack>& pack, caf::actor scheduler)
      : caf::event_based_actor(config),
        core_(std::move(core)),
        layers_(std::move(layers)),
        query_(std::move(query)),
        pack_(pack.take()),
        scheduler_(std::move(scheduler)) {}

  const char* name() const override { return "inference"; }

  /// Actors refer to one another: what they hold must go when they end, or none of it ever does.
  void on_exit() override {
    pack_ = {};
    layers_.clear();
    core_.reset();
    query_.client = scheduler_ = nullptr;
  }

  caf::behavior make_behavior() override {
    start();
    return {
        [this](const LayerDone& m) {
          auto& to = report_.layers[m.work.value];
          to = m.report;
          to.offline_compute_s = pack_.compute_s[m.work.value];
          to.dealt_bytes = pack_.dealt_bytes[m.work.value];
          ++layers_done_;
          finish_if_done();
        },
        [this](const ClientBound& m) {
          if (output_) return fail({Fault::internal, "the last layer sent the client more than one message"});
          output_ = m.payload.take();
          finish_if_done();
        },
        [this](const StepFailed& m) { fail(m.error); },
        [this](const AbortQuery& m) { fail(m.error, m.outcome, m.client_knows); },
        [this](const TimeIsUp& m) {
          fail({Fault::timed_out, "no answer after " + std::to_string(m.allowed.count()) +
                                      " ms (key query.timeout_ms); " + std::to_string(layers_done_) + " of " +
                                      std::to_string(layers_.size()) + " layers were done"});
        },
    };
  }

 private:
  void start() {
    const auto& values = core_->program->values();
    report_.offline_s = pack_.offline_s;
    report_.pack = pack_.id;
    report_.offline_sent_bytes = pack_.sent_bytes;
    report_.client_bytes = query_.share.look().size();
    report_.layers.resize(values.size());
    // The output is nobody's to read here: its shares go to the client.
    std::vector<std::shared_ptr<protocol::MaskedMap>> maps(values.size());
    for (std::size_t value = 0; value + 1 < values.size(); ++value)
      maps[value] = std::make_shared<protocol::MaskedMap>(values[value].map_bytes);
    // The last value first: when a layer tells of rows, the one that reads them has the query in its mailbox already.
    for (std::size_t value = values.size(); value-- > 0;) {
      const bool is_input = value == protocol::input_value;
      BeginQuery begin{
          pack_.id,
          pack_.keys,
          is_input ? nullptr : maps[protocol::read_by(protocol::layer_of(static_cast<protocol::ValueId>(value)))],
          maps[value],
          Parcel(std::move(pack_.materials[value])),
          {},
          this,
          {}};
      if (is_input) begin.client_share = query_.share;
      if (query_.timeline) begin.timeline_from = started_;
      send(layers_[value], std::move(begin));
    }
    pack_.keys.reset();  // each layer holds them until its part is done
  }

  void finish_if_done() {
    if (layers_done_ < layers_.size()) return;
    if (!output_) return fail({Fault::internal, "the last layer ended without a message for the client"});
    report_.online_s = std::chrono::duration<double>(Clock::now() - started_).count();
    report_.client_bytes += output_->size();
    wire::Predicted answer{query_.query, wire::attempt_of(core_->session_id, pack_.id), std::move(*output_), report_};
    tell_scheduler(Outcome::ok, {});
    send(query_.client, Send{Parcel(wire::Message{wire::control_header(wire::Kind::predicted), encode(answer)})});
    quit();
  }

  void fail(const protocol::Error& error, Outcome outcome = Outcome::failed, bool client_knows = false) {
    for (const auto& layer : layers_) send(layer, DropPack{pack_.id});
    tell_scheduler(outcome, error);
    if (!client_knows) send_failure(query_.client, query_.query, error);
    quit();
  }

  /// Before the client is told: the query's place is free when the client asks again.
  void tell_scheduler(Outcome outcome, const protocol::Error& error) {
    send(scheduler_, QueryEnded{query_.query, pack_.id, outcome, error});
  }

  std::shared_ptr<const SessionCore> core_;
  std::vector<caf::actor> layers_;
  SubmitQuery query_;
  Pack pack_;
  caf::actor scheduler_;
  wire::ServerReport report_;
  std::optional<protocol::Payload> output_;
  std::size_t layers_done_ = 0;
  Clock::time_point started_ = Clock::now();
};

}  // namespace

caf::actor spawn_inference(caf::actor_system& system, std::shared_ptr<const SessionCore> core,
                           std::vector<caf::actor> layers, SubmitQuery query, Pack pack, const caf::actor& scheduler) {
  return system.spawn<Inference>(std::move(core), std::move(layers), std::move(query), Parcel(std::move(pack)),
                                 scheduler);
}

void send_failure(const caf::actor& client, const wire::QueryId& query, const protocol::Error& error) {
  caf::anon_send(client, Send{Parcel(wire::Message{wire::control_header(wire::Kind::failure),
                                                   wire::encode(wire::Failure{query, error})})});
}

}  // namespace blindsight::actors
