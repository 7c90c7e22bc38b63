#include "actors/serve/model_store.h"

#include <spdlog/spdlog.h>

#include <caf/all.hpp>

#include "actors/engine/memory.h"
#include "actors/serve/messages.h"

namespace blindsight::actors {
namespace {

using protocol::fail;
using protocol::Fault;
using protocol::Result;
using wire::Kind;

void answer(const caf::actor& client, Kind kind, protocol::Payload payload) {
  caf::anon_send(client, Send{Parcel(wire::Message{wire::control_header(kind), std::move(payload)})});
}

class ModelStore : public caf::event_based_actor {
 public:
  ModelStore(caf::actor_config& config, DeploymentFolder folder, protocol::PartyId self, config::PartyConfig party,
             const protocol::Choice& choice, Offload* offload)
      : caf::event_based_actor(config),
        folder_(std::move(folder)),
        self_(self),
        config_(std::move(party)),
        choice_(choice),
        offload_(offload) {}

  const char* name() const override { return "model-store"; }

  caf::behavior make_behavior() override {
    return {
        [this](const BeginDeployment& m) { deploy(m.link, [&] { return begin(m.begin.take(), m.link); }); },
        [this](const Arrived& m, const caf::actor& supervisor) {
          deploy(m.link, [&] { return take(m.message.take(), m.link, supervisor); });
        },
        [this](const PrepareSession& m) { return prepare(m); },
    };
  }

 private:
  /// Does a step of a deployment and answers how it went.
  template <class Step>
  void deploy(const caf::actor& link, const Step& step) {
    Result<void> result;
    try {
      result = step();
    } catch (const std::exception& e) {
      result = fail(Fault::internal, std::string("the deployment broke off: ") + e.what());
    }
    if (result)
      answer(link, Kind::deployed, {});
    else
      answer(link, Kind::failure, wire::encode(wire::Failure{{}, result.error()}));
  }

  Result<void> begin(const wire::DeployBegin& begin, const caf::actor& link) {
    auto plan = model::plan_from_bytes(begin.plan);
    if (!plan) return tl::unexpected(protocol::within("the plan was refused: ", plan.error()));
    auto bound = choice_.bind(plan->network);
    if (!bound)
      return fail(Fault::usage,
                  "the plan does not fit protocol " + std::string(choice_.protocol->name) + ": " + bound.error().what);
    if (auto fits = budget_packs(config_, estimate_memory(config_, *bound), memory_for_this_process()); !fits)
      return tl::unexpected(fits.error());
    uploader_ = link;
    uploaded_ = bound->clients;
    network_ = std::move(plan->network);
    return folder_.begin(begin.id, begin.plan);
  }

  Result<void> take(wire::Message message, const caf::actor& link, const caf::actor& supervisor) {
    // Shares of two deployments must not be mixed: the last to begin is the one that goes on.
    if (uploader_ && link != uploader_)
      return fail(Fault::refused, "another deployment has begun in the meantime; deploy again");
    switch (message.header.kind) {
      case Kind::deploy_share:
        if (const protocol::LayerId layer = message.header.work.layer;
            protocol::is_server(self_) && layer < network_.layers.size()) {
          const std::size_t expected = uploaded_->weight_share_bytes(layer)[static_cast<std::size_t>(self_)];
          if (message.payload.size() != expected)
            return fail(Fault::violation, "the weight share of layer '" + network_.layers[layer].name + "' has " +
                                              std::to_string(message.payload.size()) + " bytes, expected " +
                                              std::to_string(expected));
        }
        return folder_.add_share(message.header.work.layer, message.payload);
      case Kind::deploy_commit: {
        auto committed = folder_.commit();
        if (!committed) return tl::unexpected(committed.error());
        send(supervisor, Deployed{*committed});
        return {};
      }
      default:
        return fail(Fault::violation, "unexpected " + std::string(wire::name(message.header.kind)) + " message");
    }
  }

  SessionPrepared prepare(const PrepareSession& m) {
    try {
      return prepared(m);
    } catch (const std::exception& e) {
      return {m.attempt, nullptr, {Fault::internal, e.what()}};
    }
  }

  SessionPrepared prepared(const PrepareSession& m) {
    auto core = std::make_shared<SessionCore>();
    core->self = self_;
    core->offload = offload_;
    core->producer_online = choice_.protocol->producer_online;
    core->network = m.deployment->plan.network;
    const auto bound = choice_.bind(core->network);
    if (!bound) return {m.attempt, nullptr, bound.error()};
    const auto estimate = estimate_memory(config_, *bound);
    auto budget = budget_packs(config_, estimate, memory_for_this_process());
    if (!budget) return {m.attempt, nullptr, budget.error()};
    core->budget = *budget;
    spdlog::info("{}: memory with model {}: {}", protocol::name(self_), m.deployment->plan.model_name,
                 describe(estimate, config_, budget->depth));
    if (!budget->warning.empty()) spdlog::warn("{}", budget->warning);
    auto shares = folder_.weight_shares(*m.deployment);
    if (!shares) return {m.attempt, nullptr, shares.error()};
    core->weight_shares = std::move(*shares);
    auto program = bound->parties->make_program({self_, core->weight_shares});
    if (!program) return {m.attempt, nullptr, program.error()};
    core->program = std::move(*program);
    if (protocol::is_server(self_))
      core->input_share_bytes = bound->clients->input_share_bytes()[static_cast<std::size_t>(self_)];
    return {m.attempt, std::move(core), {}};
  }

  DeploymentFolder folder_;
  caf::actor uploader_;            ///< link of the client whose deployment is being received
  protocol::NetworkSpec network_;  ///< of that deployment
  std::shared_ptr<const protocol::Clients> uploaded_;
  protocol::PartyId self_;
  config::PartyConfig config_;
  protocol::Choice choice_;
  Offload* offload_;
};

}  // namespace

caf::actor spawn_model_store(caf::actor_system& system, DeploymentFolder folder, protocol::PartyId self,
                             const config::PartyConfig& config, const protocol::Choice& choice, Offload& offload) {
  folder.drop_unfinished();
  return system.spawn<ModelStore, caf::detached>(std::move(folder), self, config, choice, &offload);
}

}  // namespace blindsight::actors
