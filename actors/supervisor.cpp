#include "actors/supervisor.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <caf/all.hpp>
#include <map>
#include <optional>
#include <set>

#include "actors/engine/cores.h"
#include "actors/engine/correlation_store.h"
#include "actors/engine/dealer.h"
#include "actors/engine/layer.h"
#include "actors/engine/offload.h"
#include "actors/link/dialer.h"
#include "actors/serve/messages.h"
#include "actors/serve/query_helper.h"
#include "actors/serve/rights.h"
#include "actors/serve/scheduler.h"
#include "actors/session/handshake.h"
#include "actors/session/machine.h"
#include "protocol/core/text.h"

namespace blindsight::actors {
namespace {

/// Supervisor to itself.
struct DialAgain {
  protocol::PartyId peer = protocol::PartyId::client;
};

/// Supervisor to itself: a stranger has had its time to say Hello.
struct GreetingOver {
  caf::actor link;
};

/// Supervisor to itself: once a day.
struct LookAtKey {};

/// Supervisor to itself: the session's machine wants to know that time passes.
struct TickNow {};

}  // namespace
}  // namespace blindsight::actors

BLINDSIGHT_LOCAL_MESSAGE(DialAgain)
BLINDSIGHT_LOCAL_MESSAGE(GreetingOver)
BLINDSIGHT_LOCAL_MESSAGE(LookAtKey)
BLINDSIGHT_LOCAL_MESSAGE(TickNow)

namespace blindsight::actors {
namespace {

using protocol::Fault;
using protocol::PartyId;
using std::chrono::milliseconds;
using wire::Kind;
namespace event = session::event;
namespace action = session::action;

constexpr milliseconds greeting_patience{5000};
/// Reasons of refusals that the log tells; the metric counts all.
constexpr double refusals_a_minute = 30;
constexpr std::size_t most_strangers = 64, most_clients = 256, most_links_of_one = 32;

/// A session serves one model today, so none has a second number.
constexpr protocol::ModelNumber served_number = 1;

std::size_t index(PartyId p) {
  return static_cast<std::size_t>(p);
}

config::Role role_of(PartyId p) {
  return static_cast<config::Role>(p);
}

/// Whom a party dials; the others dial it.
std::vector<PartyId> dialed_by(PartyId self) {
  std::vector<PartyId> all;
  for (const auto role : config::dialed_by(role_of(self))) all.push_back(static_cast<PartyId>(role));
  return all;
}

/// What is counted of the connection to one peer.
struct PeerProbes {
  monitoring::Gauge connected;
  monitoring::Counter connections, disconnections;
};

PeerProbes peer_probes(monitoring::Registry& registry, std::string_view peer) {
  namespace metrics = monitoring::metrics;
  return {.connected = registry.probe<metrics::peer_connected>(peer),
          .connections = registry.probe<metrics::peer_connections>(peer),
          .disconnections = registry.probe<metrics::peer_disconnections>(peer)};
}

session::Heartbeat heartbeat(const config::LinkConfig& link) {
  return {milliseconds(link.ping_interval_ms), milliseconds(link.silence_ms)};
}

class Supervisor : public caf::event_based_actor {
 public:
  Supervisor(caf::actor_config& actor_config, SupervisorParts parts, monitoring::Registry* registry)
      : caf::event_based_actor(actor_config),
        config_(std::move(parts.config)),
        rights_(config_.clients),
        choice_(std::move(parts.choice)),
        self_(parts.self),
        deployment_(std::move(parts.deployment)),
        front_end_(std::move(parts.front_end)),
        model_store_(std::move(parts.model_store)),
        stopping_(std::move(parts.stopping)),
        registry_(registry),
        listening_descriptors_(parts.listening_descriptors),
        heartbeat_(heartbeat(config_.link)),
        machine_(self_, heartbeat_, std::chrono::steady_clock::now()) {
    link_settings_.tls = std::move(parts.tls);
    const auto& tls = link_settings_.tls;
    registry_->probe<monitoring::metrics::links_insecure>().set(tls ? 0 : 1);
    registry_->probe<monitoring::metrics::key_expiry>().set(
        tls ? static_cast<double>(std::chrono::system_clock::to_time_t(tls->own().not_after())) : 0);
    for (const auto door : {Door::parties, Door::clients})
      for (std::size_t fault = 0; fault < protocol::fault_kinds; ++fault)
        refused_connections_[static_cast<std::size_t>(door)][fault] =
            registry_->probe<monitoring::metrics::connections_refused>(actors::name(door),
                                                                       protocol::name(static_cast<Fault>(fault)));
    for (const auto peer : {PartyId::server0, PartyId::server1, PartyId::producer})
      if (peer != self_) {
        others_.push_back(peer);
        probes_[index(peer)] = peer_probes(*registry_, protocol::name(peer));
      }
  }

  const char* name() const override { return "supervisor"; }

  /// Actors refer to one another: what they hold must go when they end, or none of it ever does.
  void on_exit() override {
    front_end_ = model_store_ = packs_ = scheduler_ = helper_ = nullptr;
    listeners_ = {};
    layers_.clear();
    core_.reset();
    dials_.clear();
    greetings_.clear();
    all_links_.clear();
    clients_.clear();
    peers_ = {};
  }

  caf::behavior make_behavior() override {
    set_down_handler([this](const caf::down_msg& m) { actor_down(m); });
    set_exception_handler([](const std::exception_ptr& e) -> caf::error {
      try {
        std::rethrow_exception(e);
      } catch (const std::exception& x) {
        spdlog::critical("supervisor: {}", x.what());
      }
      return caf::exit_reason::unhandled_exception;
    });
    link_settings_.config = config_.link;
    link_settings_.priorities = config_.priorities.enabled;
    link_settings_.registry = registry_;
    look_at_key();
    listen(Door::parties, dialing_us());
    listen(Door::clients, {PartyId::client});
    for (const auto peer : dialed_by(self_)) {
      dials_[peer].dialer = spawn_dialer(system(), peer, *config_.peers.of(role_of(peer)),
                                         milliseconds(config_.link.connect_timeout_ms), stopping_, this);
      dial_later(peer, milliseconds(0));
    }
    send(front_end_, Deployed{deployment_});
    begin_attempt();
    tick();
    return {
        [this](const Accepted& m) { accepted(m); },
        [this](const HandshakeFailed& m) { handshake_failed(m); },
        [this](const NewRights& m) { new_rights(m); },
        [this](LookAtKey) { look_at_key(); },
        [this](const Dialed& m) { dialed(m); },
        [this](const DialAgain& m) { dial(m.peer); },
        [this](const Arrived& m) { arrived(m); },
        [this](const LinkDown& m) { link_down(m); },
        [this](const GreetingOver& m) { greeting_over(m.link); },
        [this](TickNow) { tick(); },
        [this](const Heard& m) {
          if (const auto peer = peer_at(m.link)) handle(event::Heard{*peer});
        },
        [this](const LayerSetUp&) {
          if (of_this_session(current_sender())) handle(event::LayerSetUp{});
        },
        [this](const StepFailed& m) {
          if (of_this_session(current_sender())) end_session(protocol::within(who() + ": ", m.error));
        },
        [this](const SessionFailed& m) {
          if (of_this_session(current_sender())) end_session(protocol::within(who() + ": ", m.error));
        },
        [this](const Deployed& m) {
          deployment_ = m.deployment;
          spdlog::info("{}: model {} (plan {}) is deployed", who(), m.deployment->plan.model_name,
                       protocol::to_hex(m.deployment->name.plan).substr(0, 12));
          send(front_end_, m);
          end_session({Fault::not_serving,
                       "a model was deployed at " + who() + "; the parties begin a new session with it", retry_ms},
                      false);
        },
        [this](Stop) { stop(); },
    };
  }

 private:
  struct Peer {
    caf::actor link;
    wire::Hello hello;
    std::string address;
    bool dialed = false;
  };
  struct Greeting {
    std::optional<PartyId> dialed;
    std::string address;
    Door door = Door::parties;
    std::optional<wire::Identity> identity = std::nullopt;  ///< of who dialed us, unless the link is plain
    std::uint64_t number = 0;                               ///< rises
  };
  struct DialState {
    caf::actor dialer;
    bool under_way = false;  ///< scheduled, dialing or greeting
    milliseconds pause{0};
    std::string last_failure;  ///< said once
  };

  std::string who() const { return protocol::party_name(self_); }

  // --- the session: its machine decides, what it decides is done here ---

  void handle(const session::Event& what) {
    for (const auto& decided : machine_.on(what, std::chrono::steady_clock::now()))
      std::visit([this](const auto& one) { perform(one); }, decided);
  }

  void tick() {
    if (stopped_) return;
    handle(event::Tick{});
    delayed_send(this, heartbeat_.tick(), TickNow{});
  }

  std::optional<PartyId> peer_at(const caf::actor& link) const {
    for (const auto peer : others_)
      if (const auto& slot = peers_[index(peer)]; slot && slot->link == link) return peer;
    return std::nullopt;
  }

  void perform(const action::SendPing& decided) {
    tell(peers_[index(decided.peer)]->link, Kind::ping, wire::encode(wire::Number{decided.number}));
  }

  void perform(const action::SendPong& decided) {
    tell(peers_[index(decided.peer)]->link, Kind::pong, wire::encode(wire::Number{decided.number}));
  }

  void perform(const action::TurnAway& decided) { refuse(arriving_->link, decided.why); }

  void perform(const action::Welcome& decided) {
    const auto peer = decided.peer;
    if (arriving_->dialed) {
      dials_[peer].under_way = false;
      dials_[peer].last_failure.clear();
    } else {
      tell(arriving_->link, Kind::hello, wire::encode(hello()));
    }
    greetings_.erase(arriving_->link);
    probes_[index(peer)].connected.set(1);
    probes_[index(peer)].connections.add();
    spdlog::debug("{}: {} is connected ({})", who(), protocol::party_name(peer), arriving_->address);
    peers_[index(peer)] = std::move(*arriving_);
    tell_front_end(false, waiting_text());
  }

  void begin_attempt() {
    ++attempt_;
    keys_ = std::make_unique<SessionKeyPair>();
    model_keys_.reset();
    session_.reset();
    tell_front_end(false, waiting_text());
    // A Hello that is on its way shows a key of the last attempt.
    for (auto it = greetings_.begin(); it != greetings_.end();) {
      const auto dialed = it->second.dialed;
      if (!dialed) {
        ++it;
        continue;
      }
      send(it->first, CloseLink{});
      it = greetings_.erase(it);
      dials_[*dialed].under_way = false;
      dial_later(*dialed, milliseconds(config_.link.reconnect_min_ms));
    }
  }

  wire::Hello hello() const {
    wire::Hello h;
    h.wire_version = wire::version;
    h.software_version = BLINDSIGHT_VERSION;
    h.role = self_;
    h.public_key = keys_->public_key();
    h.choice = choice_;
    if (deployment_) h.deployment = deployment_->name;
    h.max_frame_bytes = config_.link.frame_bytes;
    return h;
  }

  std::string waiting_text() const {
    std::string missing;
    for (const auto peer : others_) {
      if (peers_[index(peer)]) continue;
      missing += (missing.empty() ? "" : " and ") + protocol::party_name(peer);
      if (auto dial = dials_.find(peer); dial != dials_.end() && !dial->second.last_failure.empty())
        missing += " (" + dial->second.last_failure + ")";
    }
    std::string text = missing.empty() ? "agreeing on a session" : "no session: not connected: " + missing;
    if (!last_end_.empty()) text += "; the last session ended: " + last_end_;
    return text;
  }

  void perform(const action::Agree& /*decided*/) {
    std::array<wire::PublicKey, 3> public_keys;
    std::array<std::optional<wire::DeploymentName>, 3> deployments;
    public_keys[index(self_)] = keys_->public_key();
    if (deployment_) deployments[index(self_)] = deployment_->name;
    for (const auto peer : others_) {
      public_keys[index(peer)] = peers_[index(peer)]->hello.public_key;
      deployments[index(peer)] = peers_[index(peer)]->hello.deployment;
    }
    session_ = session_id(public_keys);
    auto secrets = keys_->agree(self_, public_keys, *session_);
    if (!secrets) return end_session(secrets.error());
    idle_reason_ = deployment_mismatch(deployments);
    if (!idle_reason_.empty()) return confirm();
    auto model_keys = secrets->serve(served_number, deployment_->name.id);
    if (!model_keys) return end_session(model_keys.error());
    model_keys_ = std::move(*model_keys);
    request(model_store_, caf::infinite, PrepareSession{attempt_, deployment_})
        .then([this](const SessionPrepared& m) { prepared(m); },
              [](const caf::error&) { /* the model_store ends with the party */ });
  }

  void prepared(const SessionPrepared& m) {
    if (m.attempt != attempt_ || !session_ || stopped_) return;
    if (!m.core) return end_session(protocol::within(who() + ": the deployed model cannot be used: ", m.error));
    core_ = m.core;
    core_->model = served_number;
    core_->keys = std::move(model_keys_);
    core_->session = short_session_id(*session_);
    core_->session_id = *session_;
    core_->early_bytes_limit = std::size_t{config_.limits.max_message_mb} << 20;
    for (const auto peer : others_) core_->links[index(peer)] = peers_[index(peer)]->link;
    const auto values = core_->program->values().size();
    layers_.resize(values);
    for (std::size_t value = values; value-- > 0;)
      layers_[value] = spawn_layer(system(), core_, static_cast<protocol::ValueId>(value), this,
                                   value + 1 < values ? layers_[value + 1] : nullptr, *registry_);
    if (protocol::is_server(self_)) {
      packs_ = spawn_correlation_store(system(), core_, layers_, this, front_end_, *registry_);
      scheduler_ =
          spawn_scheduler(system(), core_, layers_, packs_,
                          {config_.limits.max_queries, milliseconds(config_.query.timeout_ms)}, this, front_end_);
      monitor(scheduler_);
    } else {
      if (core_->producer_online) {
        helper_ = spawn_query_helper(system(), core_, layers_, milliseconds(config_.query.timeout_ms), this);
        monitor(helper_);
      }
      packs_ = spawn_dealer(system(), core_, layers_, pack_counter_, 2 * or_cores(config_.threads.preprocessing),
                            helper_, this, *registry_);
    }
    for (const auto& layer : layers_) monitor(layer);
    monitor(packs_);
    confirm();
  }

  /// Everything that a peer may send once it has our Confirm has a receiver from here on.
  void confirm() {
    const wire::Confirm own{*session_, core_ ? core_->model : 0};
    for (const auto peer : others_) {
      const auto& p = *peers_[index(peer)];
      Routes routes;
      routes.peer = peer;
      routes.name = protocol::name(peer);
      routes.session = short_session_id(*session_);
      if (core_) routes.model = core_->model;
      routes.control = this;
      routes.queries = protocol::is_server(self_) ? scheduler_ : helper_;
      routes.packs = packs_;
      routes.layers = layers_;
      if (peer != PartyId::producer && self_ == PartyId::producer) routes.drain_watcher = packs_;
      routes.life_told_every = heartbeat_.tick();
      routes.frame_bytes = p.hello.max_frame_bytes;
      routes.message_bytes = std::size_t{config_.limits.max_message_mb} << 20;
      send(p.link, std::move(routes));
      tell(p.link, Kind::confirm, wire::encode(own));
    }
    handle(event::Prepared{own, layers_.size()});
  }

  void perform(const action::Establish& /*decided*/) {
    last_end_.clear();
    const auto name = protocol::to_hex(*session_).substr(0, 8);
    if (!core_) {
      spdlog::warn("{}: session {} of all three parties, but {}", who(), name, idle_reason_);
      return tell_front_end(false, idle_reason_);
    }
    spdlog::info("{}: session {} of all three parties; setting up {}", who(), name, deployment_->plan.model_name);
    tell_front_end(false, "the model is being set up");
    set_up_began_ = std::chrono::steady_clock::now();
    const auto keys = core_->keys->open(protocol::set_up_pack);
    if (!keys) return end_session(keys.error());
    for (const auto& layer : layers_) send(layer, SetUp{*keys});
  }

  void perform(const action::Serve& /*decided*/) {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - set_up_began_).count();
    spdlog::info("{}: serving {} ({} layers set up in {:.2f} s)", who(), deployment_->plan.model_name, layers_.size(),
                 seconds);
    send(packs_, Begin{});
    tell_front_end(true, "serving");
  }

  void end_session(const protocol::Error& error, bool failure = true) { handle(event::End{error, failure}); }

  void perform(const action::EndSession& decided) {
    const auto& error = decided.why;
    bool anything = false;
    for (const auto peer : others_) {
      auto& slot = peers_[index(peer)];
      if (!slot) continue;
      anything = true;
      tell(slot->link, Kind::session_ended, wire::encode(wire::Failure{{}, error}));
      send(slot->link, CloseLink{});
      probes_[index(peer)].connected.set(0);
      probes_[index(peer)].disconnections.add();
      slot.reset();
    }
    if (!anything) {
      begin_attempt();
      return;
    }
    if (decided.was_established || error.what != last_end_)
      spdlog::log(decided.failure ? spdlog::level::warn : spdlog::level::info, "{}: session ended ({}): {}", who(),
                  protocol::name(error.fault), error.what);
    last_end_ = error.what;
    // Before any client hears of it from the scheduler, and asks again.
    tell_front_end(false, waiting_text());
    if (scheduler_) send(scheduler_, EndSession{error});
    scheduler_ = nullptr;
    for (const auto& layer : layers_) send_exit(layer, caf::exit_reason::user_shutdown);
    for (const auto& actor : {packs_, helper_})
      if (actor) send_exit(actor, caf::exit_reason::user_shutdown);
    layers_.clear();
    packs_ = helper_ = nullptr;
    core_.reset();
    begin_attempt();
    if (stopped_) return;
    // Everybody closes and comes back with fresh keys: a short pause lets the news travel first.
    for (auto& [peer, state] : dials_) {
      state.pause = std::min(milliseconds(config_.link.reconnect_max_ms),
                             milliseconds(config_.link.reconnect_min_ms) * (1 << std::min(decided.failures, 8u)));
      dial_later(peer, state.pause);
    }
  }

  // --- connections ---

  void dial_later(PartyId peer, milliseconds pause) {
    auto& state = dials_[peer];
    if (state.under_way || stopped_) return;
    state.under_way = true;
    // Parties that fail together must not come back in step for ever.
    std::array<std::uint8_t, 1> random;
    protocol::random_bytes(random);
    delayed_send(this, pause / 2 + pause * random[0] / 512, DialAgain{peer});
  }

  void dial(PartyId peer) {
    if (stopped_) return;
    send(dials_[peer].dialer, Dial{});
  }

  void dial_failed(PartyId peer, const std::string& reason) {
    auto& state = dials_[peer];
    if (state.last_failure != reason) {
      spdlog::warn("{}: no link to {}: {}; keeps trying", who(), protocol::party_name(peer), reason);
      state.last_failure = reason;
      if (!machine_.established()) tell_front_end(false, waiting_text());
    }
    state.under_way = false;
    state.pause = std::clamp(state.pause * 2, milliseconds(config_.link.reconnect_min_ms),
                             milliseconds(config_.link.reconnect_max_ms));
    dial_later(peer, state.pause);
  }

  void dialed(const Dialed& m) {
    if (m.descriptor < 0) return dial_failed(m.peer, m.error.what);
    if (stopped_) {
      ::close(m.descriptor);
      return;
    }
    auto settings = link_settings_;
    settings.admission = {{m.peer}, "the address of " + protocol::party_name(m.peer)};
    auto link = spawn_link(system(), m.descriptor, settings, this);
    greet(link, {m.peer, config::to_string(*config_.peers.of(role_of(m.peer)))});
    tell(link, Kind::hello, wire::encode(hello()));
  }

  void accepted(const Accepted& m) {
    if (stopped_) {
      all_links_.insert(m.link);
      send(m.link, CloseLink{});
      return;
    }
    if (m.identity && links_of(m.identity->name) >= most_links_of_one) {
      const auto name = protocol::in_quotes(m.identity->name);
      greet(m.link, {std::nullopt, m.address, m.door, m.identity});
      return refuse(
          m.link, {Fault::busy, "busy: " + name + " has " + std::to_string(most_links_of_one) + " connections already",
                   retry_ms});
    }
    if (greetings_at(m.door) >= most_strangers) oldest_gives_way(m.door);
    greet(m.link, {std::nullopt, m.address, m.door, m.identity});
  }

  /// Neither those at one door nor those of one client keep others out, before they have said Hello as little as after.
  std::size_t greetings_at(Door door) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(greetings_, [&](const auto& g) { return !g.second.dialed && g.second.door == door; }));
  }

  std::size_t links_of(const std::string& name) const {
    const auto greeting = std::ranges::count_if(
        greetings_, [&](const auto& g) { return g.second.identity && g.second.identity->name == name; });
    const auto greeted =
        std::ranges::count_if(clients_, [&](const auto& c) { return c.second && c.second->name == name; });
    return static_cast<std::size_t>(greeting + greeted);
  }

  std::vector<PartyId> dialing_us() const {
    std::vector<PartyId> all;
    for (const auto peer : others_)
      for (const auto dialed : dialed_by(peer))
        if (dialed == self_) all.push_back(peer);
    return all;
  }

  void listen(Door door, std::vector<PartyId> whom) {
    const auto descriptor = listening_descriptors_[static_cast<std::size_t>(door)];
    if (descriptor < 0) return;
    ListenerSettings settings;
    settings.door = door;
    settings.link = link_settings_;
    settings.link.admission = {std::move(whom),
                               (door == Door::parties ? "listen.parties of " : "listen.clients of ") + who()};
    settings.handshakes_per_second = config_.limits.handshakes_per_second;
    listeners_[static_cast<std::size_t>(door)] = spawn_listener(system(), descriptor, settings, this);
  }

  void handshake_failed(const HandshakeFailed& m) {
    count_refused(m.door, m.error.fault, m.connections);
    if (m.error.fault == Fault::peer_lost || m.error.fault == Fault::not_serving)
      spdlog::debug("{}: {} has gone before it proved who it is: {}", who(), m.address, m.error.what);
    else
      say_refused(m.address, m.error);
  }

  /// A key that nobody replaces in time ends the service on a day that nobody chose.
  void look_at_key() {
    const auto& tls = link_settings_.tls;
    if (!tls)
      return spdlog::warn("{}: INSECURE: links are neither encrypted nor authenticated (insecure_plaintext_links)",
                          who());
    if (tls->own().expires_soon(std::chrono::system_clock::now()))
      spdlog::warn(
          "{}: its key expires on {}, and no link comes up after that: blindsight key new FILE; let the others "
          "add its pin; restart",
          who(), wire::date_text(tls->own().not_after()));
    delayed_send(this, std::chrono::hours(24), LookAtKey{});
  }

  void new_rights(const NewRights& m) {
    link_settings_.tls = m.tls;
    for (const auto& listener : listeners_)
      if (listener) send(listener, NewIdentities{m.tls});
    // Each link ends by itself when its other end is not known any more as what it was.
    for (const auto& link : all_links_) send(link, NewIdentities{m.tls});
    send(front_end_, m);
    rights_.replace(m.clients);
    spdlog::info("{}: read pins and clients again: {} clients", who(), m.clients.size());
  }

  /// Why a peer that has proved who it is, or stands at a plain link, is not what it says; empty when it is.
  std::string false_role(const Greeting& greeting, const wire::Hello& hello) const {
    if (greeting.dialed) return {};  // whom we dial is checked by its address
    const bool is_client = hello.role == PartyId::client;
    if (is_client != (greeting.door == Door::clients))
      return is_client ? "clients connect to listen.clients of " + who() + ", this is listen.parties"
                       : "parties connect to listen.parties of their peers, this is listen.clients of " + who();
    if (greeting.identity && greeting.identity->party != hello.role)
      return "it has the key of " + greeting.identity->name + " and says that it is " +
             protocol::party_name(hello.role);
    return {};
  }

  /// Whoever holds keys but says nothing must not keep others out.
  void oldest_gives_way(Door door) {
    auto oldest = greetings_.end();
    for (auto it = greetings_.begin(); it != greetings_.end(); ++it)
      if (!it->second.dialed && it->second.door == door &&
          (oldest == greetings_.end() || it->second.number < oldest->second.number))
        oldest = it;
    if (oldest != greetings_.end())
      turn_away(oldest, {Fault::busy, "newer connections than this one took its place before it said hello"});
  }

  /// Whoever has not said Hello in its time goes.
  void greeting_over(const caf::actor& link) {
    const auto found = greetings_.find(link);
    if (found == greetings_.end()) return;
    const protocol::Error silent{Fault::timed_out, "no hello within " + std::to_string(greeting_patience.count()) +
                                                       " ms: it is stopped or hung"};
    turn_away(found, silent);
  }

  void greet(const caf::actor& link, Greeting greeting) {
    all_links_.insert(link);
    greeting.number = ++greetings_so_far_;
    greetings_[link] = std::move(greeting);
    delayed_send(this, greeting_patience, GreetingOver{link});
  }

  void arrived(const Arrived& m) {
    const auto message = m.message.take();
    const auto kind = message.header.kind;
    if (auto greeting = greetings_.find(m.link); greeting != greetings_.end()) {
      if (kind == Kind::hello) return greeted(m.link, message);
      if (kind == Kind::refuse) return refused(m.link, message);
      return refuse(m.link,
                    {Fault::violation, "the first message must be hello, it was " + std::string(wire::name(kind))});
    }
    if (const auto peer = peer_at(m.link)) peer_says(*peer, message);
  }

  void peer_says(PartyId peer, const wire::Message& message) {
    const auto malformed = [&] {
      end_session({Fault::violation,
                   protocol::party_name(peer) + " sent a malformed " + std::string(wire::name(message.header.kind))});
    };
    switch (message.header.kind) {
      case Kind::confirm: {
        const auto confirm = wire::decode<wire::Confirm>(message.payload);
        return confirm ? handle(event::Confirmed{peer, *confirm}) : malformed();
      }
      case Kind::session_ended: {
        const auto told = wire::decode<wire::Failure>(message.payload);
        return handle(
            event::PeerEnded{told ? told->error
                                  : protocol::Error{Fault::violation, protocol::party_name(peer) +
                                                                          " ended the session without a reason"}});
      }
      case Kind::ping: {
        const auto ping = wire::decode<wire::Number>(message.payload);
        return ping ? handle(event::Pinged{peer, ping->number}) : malformed();
      }
      case Kind::pong: {
        const auto pong = wire::decode<wire::Number>(message.payload);
        return pong ? handle(event::Ponged{peer, pong->number}) : malformed();
      }
      default:
        return end_session({Fault::violation, "protocol violation: " + std::string(wire::name(message.header.kind)) +
                                                  " message from " + protocol::party_name(peer)});
    }
  }

  void greeted(const caf::actor& link, const wire::Message& message) {
    const auto greeting = greetings_.at(link);
    auto peer = wire::decode<wire::Hello>(message.payload);
    if (!peer) return refuse(link, protocol::within("hello: ", peer.error()));
    if (auto wrong = mismatch(hello(), *peer, greeting.dialed); !wrong.empty())
      return refuse(link, {Fault::usage, wrong});
    if (peer->max_frame_bytes < 4096)
      return refuse(link, {Fault::usage, "frames of less than 4096 bytes are not supported"});
    if (auto wrong = false_role(greeting, *peer); !wrong.empty()) return refuse(link, {Fault::refused, wrong});
    if (peer->role == PartyId::client) {
      if (clients_.size() >= most_clients)
        return refuse(
            link, {Fault::busy, "busy: " + std::to_string(most_clients) + " clients are connected already", retry_ms});
      auto identity = greeting.identity ? std::make_shared<const wire::Identity>(*greeting.identity) : nullptr;
      greetings_.erase(link);
      clients_[link] = identity;
      Routes routes;
      routes.name = "client";
      routes.client = std::move(identity);
      // What a stranger can make us hold: one message under way and a plan that it does not read.
      routes.open_messages = 1;
      routes.unread_bytes = std::uint64_t{64} << 20;
      routes.control = front_end_;
      routes.frame_bytes = peer->max_frame_bytes;
      routes.message_bytes =
          rights_.largest_message(routes.client.get(), std::size_t{config_.limits.max_message_mb} << 20);
      send(link, std::move(routes));
      tell(link, Kind::hello, wire::encode(hello()));
      return;
    }
    if (!greeting.dialed) {
      const auto dialers = dialed_by(peer->role);
      if (std::find(dialers.begin(), dialers.end(), self_) == dialers.end())
        return refuse(link, {Fault::usage, protocol::party_name(peer->role) + " does not dial " + who() +
                                               "; it is the other way round"});
    }
    const auto role = peer->role;
    arriving_ = Peer{link, std::move(*peer), greeting.address, greeting.dialed.has_value()};
    handle(event::PeerHere{role, greeting.dialed.has_value()});
    arriving_.reset();
  }

  void refuse(const caf::actor& link, const protocol::Error& error) {
    tell(link, Kind::refuse, wire::encode(wire::Failure{{}, error}));
    turn_away(greetings_.find(link), error);
  }

  void turn_away(std::map<caf::actor, Greeting>::iterator found, const protocol::Error& error) {
    const auto greeting = found->second;
    send(found->first, CloseLink{});
    greetings_.erase(found);
    if (greeting.dialed) return dial_failed(*greeting.dialed, error.what);
    count_refused(greeting.door, error.fault);
    say_refused(greeting.address, error);
  }

  void count_refused(Door door, Fault fault, std::uint64_t connections = 1) {
    refused_connections_[static_cast<std::size_t>(door)][static_cast<std::size_t>(fault)].add(
        static_cast<double>(connections));
  }

  void say_refused(const std::string& address, const protocol::Error& error) {
    if (refused_reasons_.contains(error.what)) return;
    // Whoever makes up ever new reasons (a key for each connection) fills neither our memory nor the log.
    if (refused_reasons_.size() > 100) refused_reasons_.clear();
    if (!refusals_told_.take(clock().now(), refusals_a_minute, std::chrono::minutes(1))) {
      ++refusals_untold_;
      return;
    }
    // One that went untold is told when it comes again.
    refused_reasons_.insert(error.what);
    const auto untold = std::exchange(refusals_untold_, 0);
    spdlog::error("{}: refused a connection from {} ({}): {}{}", who(), address, protocol::name(error.fault),
                  error.what,
                  untold > 0 ? "; since the last such line, " + std::to_string(untold) +
                                   " other reasons went untold (blindsight_connections_refused_total counts all)"
                             : "");
  }

  void refused(const caf::actor& link, const wire::Message& message) {
    const auto greeting = greetings_.at(link);
    greetings_.erase(link);
    send(link, CloseLink{});
    auto told = wire::decode<wire::Failure>(message.payload);
    if (greeting.dialed) dial_failed(*greeting.dialed, "refused: " + (told ? told->error.what : "no reason given"));
  }

  void link_down(const LinkDown& m) {
    all_links_.erase(m.link);
    clients_.erase(m.link);
    if (auto greeting = greetings_.find(m.link); greeting != greetings_.end()) {
      const auto dialed = greeting->second.dialed;
      const auto address = greeting->second.address;
      greetings_.erase(greeting);
      if (dialed) dial_failed(*dialed, "no hello from " + address + ": " + m.error.what);
    } else {
      if (const auto peer = peer_at(m.link))
        handle(event::PeerLost{
            *peer, protocol::within(protocol::party_name(*peer) + " was lost at " + who() + ": ", m.error)});
      else
        send(front_end_, ClientGone{m.link});
    }
    quit_if_stopped();
  }

  void tell(const caf::actor& link, Kind kind, protocol::Payload payload) {
    send(link, Send{Parcel(wire::Message{wire::control_header(kind), std::move(payload)})});
  }

  void tell_front_end(bool serving, const std::string& state) {
    // Without a model, waiting does not help.
    const bool in_session = machine_.established();
    const bool soon = !serving && (core_ || !in_session);
    send(front_end_, Serving{serving, serving ? scheduler_ : nullptr, in_session, state,
                             soon ? std::optional(retry_ms) : std::nullopt});
  }

  // --- the end ---

  void actor_down(const caf::down_msg& m) {
    if (m.source == stopping_scheduler_) {
      stopping_scheduler_ = nullptr;
      return close_everything();
    }
    // An actor of the session in force that ended by itself has failed.
    if (of_this_session(m.source))
      end_session({Fault::internal, who() + ": an actor of the session failed: " + system().render(m.reason)});
  }

  /// Words of an actor of a session that is over may still arrive; they say nothing about the one in force.
  template <class Address>
  bool of_this_session(const Address& actor) const {
    const auto is = [&](const caf::actor& a) { return a && a == actor; };
    return core_ && (is(scheduler_) || is(packs_) || is(helper_) || std::any_of(layers_.begin(), layers_.end(), is));
  }

  void stop() {
    if (stopped_) return;
    stopped_ = true;
    *stopping_ = true;
    const auto scheduler = scheduler_;
    handle(event::Stop{{Fault::not_serving, who() + " is shutting down"}});
    // The scheduler tells the clients of its queries before it ends; only then are their links closed.
    if (scheduler)
      stopping_scheduler_ = scheduler.address();
    else
      close_everything();
  }

  void close_everything() {
    for (const auto& listener : listeners_)
      if (listener) send(listener, CloseLink{});
    for (auto& [peer, state] : dials_) send_exit(state.dialer, caf::exit_reason::user_shutdown);
    send_exit(model_store_, caf::exit_reason::user_shutdown);
    send_exit(front_end_, caf::exit_reason::user_shutdown);
    for (const auto& link : all_links_) send(link, CloseLink{});
    closing_ = true;
    quit_if_stopped();
  }

  void quit_if_stopped() {
    if (closing_ && all_links_.empty()) quit();
  }

  config::PartyConfig config_;
  Rights rights_;
  std::string choice_;
  const PartyId self_;
  std::vector<PartyId> others_;
  std::shared_ptr<const Deployment> deployment_;
  caf::actor front_end_, model_store_;
  std::array<caf::actor, 2> listeners_;  ///< by Door
  std::shared_ptr<std::atomic<bool>> stopping_;
  monitoring::Registry* registry_;
  std::array<int, 2> listening_descriptors_;
  LinkSettings link_settings_;
  std::array<PeerProbes, 3> probes_;
  std::shared_ptr<PackCounter> pack_counter_ = std::make_shared<PackCounter>(0);

  std::map<PartyId, DialState> dials_;
  std::map<caf::actor, Greeting> greetings_;
  std::uint64_t greetings_so_far_ = 0;
  std::set<caf::actor> all_links_;
  std::map<caf::actor, std::shared_ptr<const wire::Identity>> clients_;
  std::set<std::string> refused_reasons_;
  net::Allowance refusals_told_;
  std::uint64_t refusals_untold_ = 0;
  std::array<std::array<monitoring::Counter, protocol::fault_kinds>, 2> refused_connections_;  ///< by Door

  session::Heartbeat heartbeat_;
  session::SessionMachine machine_;
  std::optional<Peer> arriving_;  ///< while the machine decides on it

  std::uint64_t attempt_ = 0;
  std::unique_ptr<SessionKeyPair> keys_;
  std::unique_ptr<protocol::KeyRing> model_keys_;  ///< until the model is prepared
  std::array<std::optional<Peer>, 3> peers_;
  std::optional<wire::SessionId> session_;
  std::string idle_reason_, last_end_;

  std::shared_ptr<SessionCore> core_;
  std::vector<caf::actor> layers_;
  caf::actor packs_, scheduler_;
  caf::actor helper_;  ///< at a producer that helps online
  std::chrono::steady_clock::time_point set_up_began_{};

  bool stopped_ = false, closing_ = false;
  caf::actor_addr stopping_scheduler_;
};

}  // namespace

caf::actor spawn_supervisor(caf::actor_system& system, SupervisorParts parts, monitoring::Registry& registry) {
  return system.spawn<Supervisor>(std::move(parts), &registry);
}

}  // namespace blindsight::actors
