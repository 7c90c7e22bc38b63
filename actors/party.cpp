#include "actors/party.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <tuple>

#include "actors/engine/cores.h"
#include "actors/engine/memory.h"
#include "actors/serve/front_end.h"
#include "actors/serve/messages.h"
#include "actors/serve/model_store.h"
#include "actors/session/handshake.h"
#include "actors/supervisor.h"
#include "net/identities.h"
#include "net/socket.h"
#include "protocol/core/choice.h"

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
    // CAF's own choice, but for cores that we may not use: actors only route, and some wait for the disk.
    set("scheduler.max-threads", std::size_t{threads > 0 ? threads : std::max(4u, usable_cores())});
  }
};

Result<void> check_addresses(const config::PartyConfig& config) {
  for (const auto role : config::dialed_by(config.role))
    if (!config.peers.of(role))
      return protocol::fail(protocol::Fault::usage,
                            "the address of " + std::string(config::name(role)) + " is missing (keys `peers`)");
  if (config.role != config::Role::crypto_producer && !config.listen.parties)
    return protocol::fail(protocol::Fault::usage, "a server needs the key listen.parties");
  if (!config.insecure_plaintext_links) return {};
  if (auto ok = net::check_loopback(config.listen.clients, "the listening address (key listen.clients)"); !ok)
    return ok;
  if (config.listen.parties)
    if (auto ok = net::check_loopback(*config.listen.parties, "the listening address (key listen.parties)"); !ok)
      return ok;
  for (const auto role : config::dialed_by(config.role))
    if (auto ok = net::check_loopback(*config.peers.of(role), "the link to"); !ok) return ok;
  return {};
}

}  // namespace

struct Party::Impl {
  explicit Impl(const config::PartyConfig& c)
      : caf_config(c.threads.actors),
        system(caf_config),
        offload(c.threads.online, c.threads.preprocessing, c.priorities.enabled) {}

  SystemConfig caf_config;
  caf::actor_system system;
  Offload offload;  ///< goes before the system: its last tasks still hold actors
  caf::actor supervisor;
  std::array<std::optional<config::Address>, 2> addresses;  ///< by Door
  std::shared_ptr<const wire::TlsContext> tls;              ///< as at the start
  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false, stopped = false;
};

Party::Party(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Party>> Party::start(const config::PartyConfig& config, const protocol::Protocol& protocol,
                                            monitoring::Registry& registry) {
  const auto self = static_cast<PartyId>(config.role);
  if (auto ok = check_addresses(config); !ok) return tl::unexpected(ok.error());
  auto tls = net::tls_context(config);
  if (!tls) return tl::unexpected(tls.error());
  const auto choice = protocol::choice_of(protocol, config.triples, config.randomness);
  if (!choice) return tl::unexpected(choice.error());
  auto folder = DeploymentFolder::open(config.data_dir, protocol::is_server(self));
  if (!folder) return tl::unexpected(folder.error());
  auto deployment = folder->current();
  if (!deployment) return tl::unexpected(deployment.error());
  if (*deployment) {
    const auto bound = choice->bind((*deployment)->plan.network);
    if (!bound)
      return protocol::fail(protocol::Fault::usage, "the deployment in '" + config.data_dir.string() +
                                                        "' does not fit the protocol " + std::string(protocol.name) +
                                                        ": " + bound.error().what + "; deploy the model again");
    auto budget = budget_packs(config, estimate_memory(config, *bound), memory_for_this_process());
    if (!budget)
      return protocol::fail(protocol::Fault::usage,
                            budget.error().what + "; or remove the deployment in '" + config.data_dir.string() + "'");
  }
  if (const auto unlocked = unlocked_keys(config)) spdlog::warn("{}; {}", unlocked->why, unlocked->advice);
  std::array<int, 2> descriptors{-1, -1};
  std::array<std::optional<config::Address>, 2> addresses;
  for (const auto& [door, wanted, key] :
       {std::tuple{Door::parties, config.listen.parties, "listen.parties"},
        std::tuple{Door::clients, std::optional(config.listen.clients), "listen.clients"}}) {
    if (!wanted) continue;
    auto descriptor = net::listen_on(*wanted, key);
    if (!descriptor) {
      if (descriptors[0] >= 0) ::close(descriptors[0]);
      return tl::unexpected(descriptor.error());
    }
    descriptors[static_cast<std::size_t>(door)] = *descriptor;
    addresses[static_cast<std::size_t>(door)] = config::Address{wanted->host, net::bound_port(*descriptor)};
  }

  auto impl = std::make_unique<Impl>(config);
  impl->addresses = addresses;
  impl->tls = *tls;
  SupervisorParts parts;
  parts.config = config;
  parts.self = self;
  parts.choice = protocol::spelling(*choice);
  parts.listening_descriptors = descriptors;
  parts.tls = *tls;
  parts.deployment = *deployment;
  const auto data_folder = folder->path();
  parts.model_store = spawn_model_store(impl->system, std::move(*folder), self, config, *choice, impl->offload);
  parts.front_end = spawn_front_end(impl->system, config, parts.choice, self, data_folder, parts.model_store, registry);
  impl->supervisor = spawn_supervisor(impl->system, std::move(parts), registry);
  const auto places = addresses[0] ? config::to_string(*addresses[0]) + " for parties and " : std::string();
  spdlog::info("{} listens on {}{} for clients, protocol {}, {}", protocol::party_name(self), places,
               config::to_string(*addresses[1]), protocol::spelling(*choice),
               *deployment ? "model " + (*deployment)->plan.model_name : "no model deployed yet");
  return std::unique_ptr<Party>(new Party(std::move(impl)));
}

Party::~Party() {
  stop();
}

config::Address Party::clients_address() const {
  return *impl_->addresses[static_cast<std::size_t>(Door::clients)];
}

std::optional<config::Address> Party::parties_address() const {
  return impl_->addresses[static_cast<std::size_t>(Door::parties)];
}

Result<void> Party::reload(const config::PartyConfig& config) {
  if (!impl_->tls || config.insecure_plaintext_links)
    return protocol::fail(protocol::Fault::usage, "plain links have no pins to read again");
  // A key of its own comes with a restart: links that stand could not say which one is theirs.
  auto tls = net::tls_context(config);
  if (!tls) return tl::unexpected(tls.error());
  if ((*tls)->own().fingerprint() != impl_->tls->own().fingerprint())
    return protocol::fail(protocol::Fault::usage, "the key file holds another key than at the start: restart for that");
  caf::anon_send(impl_->supervisor, NewRights{*tls, config.clients});
  return {};
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
    self->send(impl_->supervisor, Stop{});
    self->wait_for(impl_->supervisor);
  }
  impl_->supervisor = nullptr;
  impl_->system.await_all_actors_done();
  const std::scoped_lock lock(impl_->mutex);
  impl_->stopped = true;
  impl_->changed.notify_all();
}

}  // namespace blindsight::actors
