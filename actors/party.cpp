#include "actors/party.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <condition_variable>
#include <mutex>

#include "actors/client_gate/client_gate.h"
#include "actors/deployment/deployment_keeper.h"
#include "actors/link/socket.h"
#include "actors/memory/memory.h"
#include "actors/messages/messages.h"
#include "actors/party_node/party_node.h"
#include "actors/session/dealing.h"
#include "actors/session/handshake.h"

namespace blindsight::actors {
namespace {

using protocol::PartyId;
using protocol::Result;

/// CAF's settings come from our configuration alone: no command line, no file of its own.
struct SystemConfig : caf::actor_system_config {
  explicit SystemConfig(unsigned threads) {
    load<caf::io::middleman>();
    // Sharing one queue under a condition variable: idle workers sleep instead of polling for work to steal.
    set("scheduler.policy", caf::atom("sharing"));
    if (threads > 0) set("scheduler.max-threads", static_cast<std::size_t>(threads));
  }
};

}  // namespace

struct Party::Impl {
  explicit Impl(const config::PartyConfig& c)
      : caf_config(c.threads.actors),
        system(caf_config),
        offload(c.threads.online, c.threads.preprocessing, c.priorities.enabled) {}

  SystemConfig caf_config;
  caf::actor_system system;
  Offload offload;  ///< goes before the system: its last tasks still hold actors
  caf::actor node;
  config::Address address;
  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false, stopped = false;
};

Party::Party(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Party>> Party::start(const config::PartyConfig& config, const protocol::Protocol& protocol,
                                            monitoring::Registry& registry) {
  const auto self = static_cast<PartyId>(config.role);
  if (auto ok = check_plaintext_allowed(config.listen, config.insecure_plaintext_links,
                                        "the listening address (key `listen`)");
      !ok)
    return tl::unexpected(ok.error());
  for (const auto role : {config::Role::server0, config::Role::server1, config::Role::crypto_producer}) {
    if (role == config.role) continue;
    const auto& address = config.peers.of(role);
    if (!address)
      return protocol::fail("the address of " + std::string(config::name(role)) + " is missing (keys `peers`)");
    if (auto ok = check_plaintext_allowed(*address, config.insecure_plaintext_links, "the link to"); !ok)
      return tl::unexpected(ok.error());
  }
  if (auto wrong = dealing_refusal(protocol, config.triples, config.randomness); !wrong.empty())
    return protocol::fail(wrong);
  auto folder = DeploymentFolder::open(config.data_dir, protocol::is_server(self));
  if (!folder) return tl::unexpected(folder.error());
  auto deployment = folder->current();
  if (!deployment) return tl::unexpected(deployment.error());
  if (*deployment) {
    const auto network = dealt_as((*deployment)->plan.network, dealing_of(config.triples, config.randomness));
    if (auto ok = protocol.check(network); !ok)
      return protocol::fail("the deployment in '" + config.data_dir.string() + "' does not fit the protocol " +
                            config.protocol + ": " + ok.error().what + "; deploy the model again");
    const auto estimate = estimate_memory(config, protocol, network);
    auto budget = budget_packs(config, estimate, memory_for_this_process());
    if (!budget)
      return protocol::fail(budget.error().what + "; or remove the deployment in '" + config.data_dir.string() + "'");
  }
  auto descriptor = listen_on(config.listen);
  if (!descriptor) return tl::unexpected(descriptor.error());

  auto impl = std::make_unique<Impl>(config);
  impl->address = {config.listen.host, bound_port(*descriptor)};
  NodeParts parts;
  parts.config = config;
  parts.self = self;
  parts.listening_descriptor = *descriptor;
  parts.deployment = *deployment;
  const auto data_folder = folder->path();
  parts.keeper = spawn_deployment_keeper(impl->system, std::move(*folder), self, config, protocol, impl->offload);
  parts.gate = spawn_client_gate(impl->system, config, self, data_folder, parts.keeper, registry);
  impl->node = spawn_party_node(impl->system, std::move(parts), registry);
  spdlog::info("{} listens on {}, protocol {}, {}", party_name(self), config::to_string(impl->address), config.protocol,
               *deployment ? "model " + (*deployment)->plan.model_name : "no model deployed yet");
  return std::unique_ptr<Party>(new Party(std::move(impl)));
}

Party::~Party() {
  stop();
}

config::Address Party::address() const {
  return impl_->address;
}

void Party::wait() {
  std::unique_lock lock(impl_->mutex);
  impl_->changed.wait(lock, [&] { return impl_->stopped; });
}

void Party::stop() {
  {
    std::unique_lock lock(impl_->mutex);
    if (impl_->stopping) {
      impl_->changed.wait(lock, [&] { return impl_->stopped; });
      return;
    }
    impl_->stopping = true;
  }
  {
    caf::scoped_actor self(impl_->system);
    self->send(impl_->node, Stop{});
    self->wait_for(impl_->node);
  }
  impl_->node = nullptr;
  impl_->system.await_all_actors_done();
  const std::scoped_lock lock(impl_->mutex);
  impl_->stopped = true;
  impl_->changed.notify_all();
}

}  // namespace blindsight::actors
