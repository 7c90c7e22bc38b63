#include "actors/serve/front_end.h"

#include <algorithm>
#include <array>
#include <caf/all.hpp>
#include <chrono>
#include <map>

#include "actors/engine/cores.h"
#include "actors/serve/inference.h"
#include "actors/serve/messages.h"
#include "actors/serve/rights.h"
#include "actors/session/handshake.h"
#include "protocol/core/text.h"
#include "tensor/kernels/isa.h"

namespace blindsight::actors {
namespace {

using protocol::Fault;
using protocol::PartyId;
using wire::Kind;
using wire::QueryId;
using Clock = std::chrono::steady_clock;

/// What is counted of queries.
class QueryProbes {
 public:
  explicit QueryProbes(monitoring::Registry& registry)
      : in_flight(registry.probe<monitoring::metrics::queries_in_flight>()) {
    for (const auto outcome : monitoring::outcomes) {
      auto& ended = ended_[static_cast<std::size_t>(outcome)];
      ended.queries = registry.probe<monitoring::metrics::queries>(outcome);
      if (outcome != monitoring::Outcome::refused)
        ended.seconds = registry.probe<monitoring::metrics::query_seconds>(outcome);
    }
    for (std::size_t i = 0; i < failures_.size(); ++i)
      failures_[i] =
          registry.probe<monitoring::metrics::query_failures>(protocol::name(static_cast<protocol::Fault>(i)));
  }

  /// `seconds` from acceptance to the end; a refused query counts, and its time does not. `fault`: unless it is ok.
  void finished(monitoring::Outcome outcome, protocol::Fault fault, double seconds) const {
    const auto& ended = ended_[static_cast<std::size_t>(outcome)];
    ended.queries.add();
    ended.seconds.observe(seconds);
    if (outcome != monitoring::Outcome::ok) failures_[static_cast<std::size_t>(fault)].add();
  }

  monitoring::Gauge in_flight;

 private:
  struct Ended {
    monitoring::Counter queries;
    monitoring::Histogram seconds;
  };
  std::array<Ended, monitoring::outcomes.size()> ended_;
  std::array<monitoring::Counter, protocol::fault_kinds> failures_;
};

class FrontEnd : public caf::event_based_actor {
 public:
  FrontEnd(caf::actor_config& actor_config, config::PartyConfig config, std::string choice, PartyId self,
           std::filesystem::path data_folder, caf::actor model_store, QueryProbes probes)
      : caf::event_based_actor(actor_config),
        config_(std::move(config)),
        choice_(std::move(choice)),
        self_(self),
        data_folder_(std::move(data_folder)),
        model_store_(std::move(model_store)),
        rights_(config_.clients),
        probes_(std::move(probes)) {}

  const char* name() const override { return "front-end"; }

  /// Actors refer to one another: what they hold must go when they end, or none of it ever does.
  void on_exit() override {
    model_store_ = supervisor_ = nullptr;
    serving_ = {};
  }

  caf::behavior make_behavior() override {
    return {
        [this](const Arrived& m) { arrived(m); },
        [this](const ClientGone& m) {
          if (serving_.scheduler) send(serving_.scheduler, m);
        },
        [this](const Deployed& m) { deployment_ = m.deployment; },
        [this](const Serving& m) {
          if (!supervisor_) supervisor_ = caf::actor_cast<caf::actor>(current_sender());
          serving_ = m;
          if (!m.serving) packs_ready_ = 0;
        },
        [this](const PacksReady& m) { packs_ready_ = m.packs; },
        [this](const QueryClosed& m) { closed(m); },
        [this](const NewRights& m) { rights_.replace(m.clients); },
    };
  }

 private:
  void arrived(const Arrived& m) {
    switch (m.message.look().header.kind) {
      case Kind::status_request:
        if (auto may = rights_.status(m.client.get()); !may) return refuse(m.link, {}, may.error());
        return answer(m.link, Kind::status, wire::encode(status()));
      case Kind::plan_request:
        if (auto may = rights_.status(m.client.get()); !may) return refuse(m.link, {}, may.error());
        if (!deployment_) return refuse(m.link, {}, no_model());
        return answer(m.link, Kind::plan, deployment_->plan_bytes);
      case Kind::deploy_begin: {
        auto begin = wire::decode<wire::DeployBegin>(m.message.take().payload);
        if (!begin) return refuse(m.link, {}, begin.error());
        if (auto may = rights_.deploy(m.client.get(), begin->name); !may) return refuse(m.link, {}, may.error());
        send(model_store_, BeginDeployment{m.link, Parcel(std::move(*begin))});
        return;
      }
      // Of a deployment that the same link has begun, which the model store checks.
      case Kind::deploy_share:
      case Kind::deploy_commit:
        send(model_store_, m, supervisor_);
        return;
      case Kind::predict:
        return predict(m);
      case Kind::cancel:
        return cancel(m);
      case Kind::ping: {
        // Whoever may connect may know that this party lives.
        const auto ping = wire::decode<wire::Number>(m.message.take().payload);
        if (!ping) return refuse(m.link, {}, ping.error());
        return answer(m.link, Kind::pong, wire::encode(*ping));
      }
      default:
        return refuse(
            m.link, {},
            {Fault::violation, "unexpected " + std::string(wire::name(m.message.look().header.kind)) + " message"});
    }
  }

  void predict(const Arrived& m) {
    const auto message = m.message.take();
    auto request = wire::decode<wire::Predict>(message.payload);
    if (!request) return refuse(m.link, {}, request.error());
    const auto& header = request->header;
    const auto& query = header.job;
    if (auto may = rights_.predict(m.client.get()); !may) return refuse(m.link, query, may.error());
    if (!protocol::is_server(self_))
      return refuse(m.link, query, {Fault::refused, "the crypto producer takes no queries; ask the servers"});
    if (request->server != self_)
      return refuse(m.link, query,
                    {Fault::refused, "this half is for " + protocol::party_name(request->server) + ", not for " +
                                         protocol::party_name(self_)});
    if (m.client && header.client != m.client->key)
      return refuse(m.link, query, {Fault::refused, "the query was made for another client's key"});
    // One clock judges, or a query could be late at one server and in time at the other.
    if (self_ == PartyId::server0 && header.not_after_ms != 0 && header.not_after_ms < unix_ms())
      return refuse(m.link, query,
                    {Fault::expired,
                     "the query came later than its client wanted an answer; its clock and the one of "
                     "server0 may differ"});
    if (!deployment_) return refuse(m.link, query, no_model());
    if (header.plan != deployment_->name.plan)
      return refuse(
          m.link, query,
          {Fault::stale_plan, "the query is for plan " + protocol::to_hex(header.plan) + ", deployed is plan " +
                                  protocol::to_hex(deployment_->name.plan) + " (" + deployment_->plan.model_name +
                                  "); use the deployed plan, or deploy yours"});
    if (!serving_.scheduler)
      return refuse(m.link, query, {Fault::not_serving, serving_.state, serving_.retry_after_ms});
    if (queries_.contains(query))
      return refuse(m.link, query, {Fault::refused, "a query of this number is already under way"});
    // Last: what is refused for another reason, and may be asked again for it, does not use the client's rate up.
    if (auto may = rights_.count_query(m.client.get(), Clock::now()); !may) return refuse(m.link, query, may.error());
    queries_[query] = Clock::now();
    probes_.in_flight.set(queries_.size());
    // A scheduler that ends with its session answers what is still in its mailbox with an error.
    this->request(serving_.scheduler, caf::infinite,
                  SubmitQuery{query, wire::digest(header), Parcel(std::move(request->input_share)), m.link,
                              request->timeline})
        .then([] {},
              [this, query, client = m.link](const caf::error&) {
                if (!queries_.contains(query)) return;
                const auto why = "the session ended before the query began; try again in a moment" +
                                 (serving_.scheduler ? std::string() : ": " + serving_.state);
                send_failure(client, query, {Fault::not_serving, why, retry_ms});
                closed({query, monitoring::Outcome::failed, Fault::not_serving});
              });
  }

  /// A client gives one of its queries up; that it may have ended in the meantime is no fault of its.
  void cancel(const Arrived& m) {
    auto named = wire::decode<wire::QueryName>(m.message.look().payload);
    if (!named) return refuse(m.link, {}, named.error());
    if (serving_.scheduler) send(serving_.scheduler, CancelQuery{named->query, m.link});
  }

  void closed(const QueryClosed& m) {
    auto it = queries_.find(m.query);
    if (it == queries_.end()) return;
    probes_.finished(m.outcome, m.fault, std::chrono::duration<double>(Clock::now() - it->second).count());
    queries_.erase(it);
    probes_.in_flight.set(queries_.size());
  }

  wire::PartyStatus status() const {
    wire::PartyStatus s;
    s.version = BLINDSIGHT_VERSION;
    s.wire_version = wire::version;
    s.role = self_;
    s.choice = choice_;
    s.in_session = serving_.in_session;
    s.session = serving_.state;
    if (deployment_) {
      s.deployment = deployment_->plan.model_name;
      s.plan_digest = protocol::to_hex(deployment_->name.plan);
    }
    s.serving = serving_.serving;
    s.packs_ready = packs_ready_;
    s.pack_depth = config_.preprocessing.depth;
    s.queries_in_flight = queries_.size();
    s.clock_unix_ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    s.cores = usable_cores();
    s.isa = tensor::name(tensor::active_isa());
    std::error_code error;
    const auto space = std::filesystem::space(data_folder_, error);
    s.disk_free_bytes = error ? 0 : space.available;
    s.plaintext_links_allowed = config_.insecure_plaintext_links;
    return s;
  }

  static std::uint64_t unix_ms() {
    using namespace std::chrono;
    return static_cast<std::uint64_t>(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
  }

  void answer(const caf::actor& client, Kind kind, protocol::Payload payload) {
    send(client, Send{Parcel(wire::Message{wire::control_header(kind), std::move(payload)})});
  }

  static protocol::Error no_model() {
    return {Fault::not_serving, "no model is deployed here; the model owner must run `blindsight model deploy`"};
  }

  void refuse(const caf::actor& client, const QueryId& query, const protocol::Error& error) {
    if (query != QueryId{}) probes_.finished(monitoring::Outcome::refused, error.fault, 0);
    send_failure(client, query, error);
  }

  config::PartyConfig config_;
  std::string choice_;
  PartyId self_;
  std::filesystem::path data_folder_;
  caf::actor model_store_, supervisor_;
  Rights rights_;
  QueryProbes probes_;
  std::shared_ptr<const Deployment> deployment_;
  Serving serving_;
  std::uint64_t packs_ready_ = 0;
  std::map<QueryId, Clock::time_point> queries_;
};

}  // namespace

caf::actor spawn_front_end(caf::actor_system& system, const config::PartyConfig& config, std::string choice,
                           PartyId self, std::filesystem::path data_folder, const caf::actor& model_store,
                           monitoring::Registry& registry) {
  return system.spawn<FrontEnd>(config, std::move(choice), self, std::move(data_folder), model_store,
                                QueryProbes(registry));
}

}  // namespace blindsight::actors
