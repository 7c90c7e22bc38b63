#include "client/client.h"

#include <algorithm>
#include <future>
#include <map>
#include <thread>

#include "client/channel.h"
#include "client/query_state.h"
#include "net/identities.h"
#include "protocol/core/text.h"
#include "protocol/prg/prg.h"

namespace blindsight::client {
namespace {

using protocol::Error;
using protocol::fail;
using protocol::Fault;
using protocol::PartyId;
using protocol::Payload;
using protocol::Result;
using wire::Kind;
using Clock = Loop::Clock;

/// For requests that ask for no computation.
constexpr std::chrono::seconds patience{10};
/// For a status when there is no time left: a connection on which an answer is late is given up.
constexpr std::chrono::milliseconds least_patience{500};
/// For a layer's weights to be sent and written to disk.
constexpr std::chrono::seconds upload_patience{120};
/// The servers' own time limit is the same as ours: a little more here, so that their reason arrives first.
constexpr std::chrono::seconds after_servers_limit{2};
/// Two machines' clocks may differ so much.
constexpr std::chrono::minutes clock_allowance{5};

constexpr std::array parties = {PartyId::server0, PartyId::server1, PartyId::producer};

std::size_t index(PartyId party) {
  return static_cast<std::size_t>(party);
}

const config::Address& address_of(const config::ClientConfig& config, PartyId party) {
  return party == PartyId::server0   ? config.server0
         : party == PartyId::server1 ? config.server1
                                     : config.crypto_producer;
}

}  // namespace

class Client::Impl : public std::enable_shared_from_this<Client::Impl> {
 public:
  explicit Impl(config::ClientConfig config) : config_(std::move(config)) {
    const auto tls = net::tls_context(config_);
    if (tls && *tls) key_ = (*tls)->own().fingerprint();
    for (const auto party : parties)
      channels_[index(party)] = std::make_unique<Channel>(loop_, address_of(config_, party), party, config_, tls);
  }

  /// Once, before the last owner lets go: what is under way ends, the thread ends.
  void close() {
    {
      const std::scoped_lock lock(mutex_);
      closed_ = true;
    }
    loop_.post([this] {
      closing_ = true;
      for (auto& channel : channels_) channel.reset();
      while (!line_.empty()) {
        const auto state = line_.begin()->second;
        end(state, fail(Fault::refused, "the client was closed"));
      }
    });
    loop_.stop();
  }

  Query submit(const ModelPtr& model, Result<std::vector<std::int64_t>> encoded, QueryOptions options,
               OnAnswer on_answer) {
    auto state = std::make_shared<Query::State>();
    state->model = model;
    state->options = std::move(options);
    state->on_answer = std::move(on_answer);
    if (state->options.progress) state->options.progress(QueryState::sharing);
    if (encoded) state->input = std::move(*encoded);
    const auto shared = encoded ? share(*state) : Result<void>(tl::unexpected(encoded.error()));
    state->give_up = [weak = weak_from_this(), weak_state = std::weak_ptr(state)](const Error& error) {
      const auto impl = weak.lock();
      const auto held = weak_state.lock();
      if (impl && held) impl->give_up(held, error);
    };
    if (!shared) {
      state->give_up(shared.error());
      return Query(state);
    }
    if (state->options.progress) state->options.progress(QueryState::computing);
    loop_.post([this, state] { start(state); });
    return Query(state);
  }

  /// One request to one party, and its answer. The error is `usage` on the loop's thread, which would wait for itself.
  Result<wire::Message> ask(PartyId party, Kind kind, Payload payload, Kind expected, std::chrono::milliseconds limit,
                            protocol::LayerId layer = protocol::no_layer) {
    if (auto may = may_wait(); !may) return tl::unexpected(may.error());
    auto answered = std::make_shared<std::promise<Result<wire::Message>>>();
    auto answer = answered->get_future();
    loop_.post(
        [this, party, kind, expected, limit, layer, answered, held = std::make_shared<Payload>(std::move(payload))] {
          channels_[index(party)]->request(
              kind, std::move(*held), layer, expected, limit,
              [answered](Result<wire::Message> message) { answered->set_value(std::move(message)); });
        });
    return answer.get();
  }

  Result<wire::PartyStatus> status(PartyId party, std::chrono::milliseconds limit) {
    auto answer = ask(party, Kind::status_request, {}, Kind::status, limit);
    if (!answer) return tl::unexpected(answer.error());
    auto read = wire::decode<wire::PartyStatus>(answer->payload);
    if (!read) return tl::unexpected(protocol::within(name(party) + ": ", read.error()));
    return std::move(*read);
  }

  Result<void> may_wait() const {
    if (loop_.is_here()) return fail(Fault::usage, "a callback of the client asks the client and waits for the answer");
    return {};
  }

  std::string name(PartyId party) const { return channels_[index(party)]->name(); }
  std::uint64_t connections(PartyId party) const { return channels_[index(party)]->connections(); }

  /// From any thread, also while the client is being closed.
  void give_up(const std::shared_ptr<Query::State>& state, const Error& error) {
    const std::scoped_lock lock(mutex_);
    if (!closed_) loop_.post([this, state, error] { end(state, tl::unexpected(error)); });
  }

 private:
  using StatePtr = std::shared_ptr<Query::State>;

  std::chrono::milliseconds limit_of(const QueryOptions& options) const {
    return options.deadline.count() > 0 ? options.deadline
                                        : std::chrono::milliseconds(config_.query.timeout_ms) + after_servers_limit;
  }

  /// When nobody waits for an answer any more, with an allowance for clocks that differ.
  static std::uint64_t not_after_ms(std::chrono::milliseconds limit) {
    const auto end = std::chrono::system_clock::now() + limit + clock_allowance;
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(end.time_since_epoch()).count());
  }

  /// A number and shares of the input, all fresh: whatever servers have got of the query before is of no use with them.
  Result<void> share(Query::State& state) const {
    protocol::random_bytes(state.id);
    auto shares = state.model->bound().clients->share_input(state.input);
    if (!shares) return tl::unexpected(shares.error());
    if (!state.options.ask_again) state.input.clear();
    wire::Predict request;
    request.header = {state.id, state.model->digest(), key_, {}, not_after_ms(limit_of(state.options))};
    protocol::random_bytes(request.header.nonce);
    request.timeline = state.options.timeline;
    for (const auto server : {0u, 1u}) {
      request.server = parties[server];
      request.input_share = std::move((*shares)[server]);
      state.payloads[server] = wire::encode(request);
    }
    return {};
  }

  // On the loop's thread.

  void start(const StatePtr& state) {
    if (closing_) return end(state, fail(Fault::refused, "the client was closed"));
    state->place = ++places_;
    const auto limit = limit_of(state->options);
    state->deadline = loop_.at(state->started + limit, [this, state] {
      state->deadline.reset();
      if (state->in_line) return end(state, tl::unexpected(state->refusal));
      std::string silent;
      for (const auto server : {0u, 1u})
        if (!state->halves[server]) silent += (silent.empty() ? "" : " and ") + channels_[server]->name();
      end(state, fail(Fault::timed_out, "no answer from " + silent + " in time (key query.timeout_ms)"));
    });
    // Those in line came first.
    if (state->options.ask_again && !line_.empty()) return stand_in_line(state, line_.begin()->second->refusal);
    ask(state);
  }

  void ask(const StatePtr& state) {
    for (const auto server : {0u, 1u}) {
      // The first may have failed at once, and the query with it.
      if (state->result || state->in_line) return;
      channels_[server]->predict(
          state->id, std::move(state->payloads[server]),
          [this, state, server](Result<wire::Predicted> half) { answered(state, server, std::move(half)); });
    }
  }

  void answered(const StatePtr& state, std::size_t server, Result<wire::Predicted> half) {
    if (!half) return refused(state, half.error());
    state->halves[server] = std::move(*half);
    if (state->halves[0] && state->halves[1]) end(state, reveal(*state));
  }

  void refused(const StatePtr& state, const Error& error) {
    if (!makes_sense_again(*state, error)) return end(state, tl::unexpected(error));
    cancel_at_servers(*state);
    for (auto& payload : state->payloads) payload.clear();
    stand_in_line(state, error);
    next_after_ = std::chrono::milliseconds(*error.retry_after_ms);
    set_next();
  }

  /// With a time to come back, servers say that nothing of the query has run.
  static bool makes_sense_again(Query::State& state, const Error& error) {
    if (!state.options.ask_again || !error.retry_after_ms || state.halves[0] || state.halves[1]) return false;
    if (error.fault != Fault::not_serving) return error.fault == Fault::busy;
    const auto now = Clock::now();
    if (!state.not_serving_since) state.not_serving_since = now;
    return now - *state.not_serving_since < state.options.session_patience;
  }

  // The line of those that were refused for the moment. The oldest is asked again when the servers said, one after the
  // other at that pace, and one at once whenever a query has its answer: its place is free. All at once would send
  // their shares in vain.

  void stand_in_line(const StatePtr& state, const Error& why) {
    state->in_line = true;
    state->refusal = why;
    line_.emplace(state->place, state);
  }

  void leave_line(Query::State& state) {
    if (!state.in_line) return;
    state.in_line = false;
    line_.erase(state.place);
  }

  void set_next() {
    if (next_) loop_.cancel(*next_);
    next_.reset();
    if (line_.empty()) return;
    next_ = loop_.at(Clock::now() + next_after_, [this] {
      next_.reset();
      ask_oldest();
      set_next();
    });
  }

  void ask_oldest() {
    if (line_.empty()) return;
    const auto state = line_.begin()->second;
    leave_line(*state);
    if (state->payloads[0].empty())
      if (auto shared = share(*state); !shared) return end(state, tl::unexpected(shared.error()));
    ask(state);
  }

  static Result<Answer> reveal(Query::State& state) {
    const auto& plan = state.model->plan();
    const auto& bound = state.model->bound();
    if (state.halves[0]->attempt != state.halves[1]->attempt)
      return fail(Fault::violation,
                  "server0 and server1 answered with halves of two attempts, which make no answer together");
    Answer answer;
    std::array<Payload, 2> shares;
    for (const auto server : {0u, 1u}) {
      shares[server] = std::move(state.halves[server]->output_share);
      answer.report.servers[server] = std::move(state.halves[server]->report);
    }
    // Servers count their messages to each other. Where the producer takes part, a round may be a message from or to
    // it: what the protocol declares, and is tested to need, is the number.
    if (bound.protocol->producer_online)
      for (auto& server : answer.report.servers)
        for (auto& made : server.layers)
          if (made.value <= plan.network.layers.size()) made.rounds = bound.costs->online(made.value).rounds;
    auto outputs = bound.clients->reveal_output(shares);
    if (!outputs) return tl::unexpected(outputs.error());
    answer.outputs = std::move(*outputs);
    answer.logits = model::decode_output(plan, answer.outputs);
    answer.report.total_s = std::chrono::duration<double>(Clock::now() - state.started).count();
    return answer;
  }

  /// Whoever still works for it need not.
  void cancel_at_servers(const Query::State& state) {
    if (closing_) return;
    for (const auto server : {0u, 1u}) channels_[server]->cancel(state.id);
  }

  void end(const StatePtr& state, Result<Answer> result) {
    if (state->deadline) loop_.cancel(*state->deadline);
    state->deadline.reset();
    leave_line(*state);
    cancel_at_servers(*state);
    state->input = {};
    state->payloads = {};
    const bool has_answer = result.has_value();
    state->finish(std::move(result));
    if (has_answer) ask_oldest();
  }

  const config::ClientConfig config_;
  wire::Fingerprint key_{};  ///< zeros on plain links
  Loop loop_;
  std::array<std::unique_ptr<Channel>, 3> channels_;
  // On the loop's thread.
  bool closing_ = false;  ///< channels are going
  std::uint64_t places_ = 0;
  std::map<std::uint64_t, StatePtr> line_;  ///< by place
  std::optional<Loop::Timer> next_;         ///< when the oldest in line is asked
  std::chrono::milliseconds next_after_{0};

  std::mutex mutex_;
  bool closed_ = false;  ///< nothing is posted any more
};

Client::Client(config::ClientConfig config) : impl_(std::make_shared<Impl>(std::move(config))) {}
Client::~Client() {
  if (impl_) impl_->close();
}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

Query Client::submit(const ModelPtr& model, const model::Image& image, QueryOptions options, OnAnswer on_answer) {
  return impl_->submit(model, model::encode_input(model->plan(), image.values), std::move(options),
                       std::move(on_answer));
}

Query Client::submit(const ModelPtr& model, std::span<const std::int64_t> encoded, QueryOptions options,
                     OnAnswer on_answer) {
  return impl_->submit(model, std::vector(encoded.begin(), encoded.end()), std::move(options), std::move(on_answer));
}

Result<Answer> Client::predict(const ModelPtr& model, const model::Image& image, QueryOptions options) {
  if (auto may = impl_->may_wait(); !may) return tl::unexpected(may.error());
  return submit(model, image, std::move(options)).get();
}

Result<Answer> Client::predict(const ModelPtr& model, std::span<const std::int64_t> encoded, QueryOptions options) {
  if (auto may = impl_->may_wait(); !may) return tl::unexpected(may.error());
  return submit(model, encoded, std::move(options)).get();
}

Result<model::Plan> Client::deployed_plan() {
  std::optional<model::Plan> plan;
  Payload first;
  for (const auto party : {PartyId::server0, PartyId::server1}) {
    auto answer = impl_->ask(party, Kind::plan_request, {}, Kind::plan, patience);
    if (!answer) return tl::unexpected(answer.error());
    if (plan) {
      if (answer->payload != first)
        return fail(Fault::not_serving, "server0 and server1 have different plans deployed; deploy again");
      continue;
    }
    auto read = model::plan_from_bytes(answer->payload);
    if (!read) return fail(Fault::violation, impl_->name(party) + ": its plan is damaged: " + read.error().what);
    plan = std::move(*read);
    first = std::move(answer->payload);
  }
  return std::move(*plan);
}

Result<wire::PartyStatus> Client::status(config::Role role) {
  return impl_->status(static_cast<PartyId>(role), patience);
}

Result<void> Client::deploy(const model::Plan& plan, const WeightShares& shares, const DeployOptions& options) {
  // All three first: nothing is sent anywhere when one party is missing.
  for (const auto role : {config::Role::server0, config::Role::server1, config::Role::crypto_producer})
    if (auto there = status(role); !there) return tl::unexpected(there.error());
  wire::DeployBegin begin;
  protocol::random_bytes(begin.id);
  const auto plan_bytes = model::to_bytes(plan);
  begin.plan.assign(plan_bytes.begin(), plan_bytes.end());
  begin.name = options.name.empty() ? plan.model_name : options.name;
  for (const auto party : parties) {
    auto answer = impl_->ask(party, Kind::deploy_begin, wire::encode(begin), Kind::deployed, patience);
    if (!answer) return tl::unexpected(answer.error());
  }
  const auto layers = plan.network.layers.size();
  for (std::size_t layer = 0; layer < layers; ++layer) {
    auto halves = shares(layer);
    if (!halves) return tl::unexpected(halves.error());
    for (const auto server : {0u, 1u}) {
      auto answer = impl_->ask(parties[server], Kind::deploy_share, std::move((*halves)[server]), Kind::deployed,
                               upload_patience, static_cast<protocol::LayerId>(layer));
      if (!answer) return tl::unexpected(answer.error());
    }
    if (options.progress) options.progress(layer + 1, layers);
  }
  for (const auto party : parties) {
    auto answer = impl_->ask(party, Kind::deploy_commit, {}, Kind::deployed, upload_patience);
    if (!answer) {
      auto error = answer.error();
      error.what += "; the parties now hold different models: deploy again";
      return tl::unexpected(error);
    }
  }
  return {};
}

Result<void> Client::wait_until_serving(const model::Plan& plan, std::chrono::milliseconds limit) {
  const auto until = Clock::now() + limit;
  const auto wanted = protocol::to_hex(model::digest(plan));
  for (;;) {
    Error missing{Fault::not_serving, {}};
    for (const auto role : {config::Role::server0, config::Role::server1, config::Role::crypto_producer}) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
      auto answer = impl_->status(static_cast<PartyId>(role),
                                  std::clamp<std::chrono::milliseconds>(left, least_patience, patience));
      const auto name = protocol::party_name(static_cast<PartyId>(role));
      if (!answer)
        missing = answer.error();
      else if (answer->plan_digest != wanted)
        missing.what = name + " has " + (answer->plan_digest.empty() ? "no plan" : "plan " + answer->plan_digest) +
                       " deployed, not plan " + wanted;
      else if (!answer->serving)
        missing.what = name + ": " + answer->session;
      if (!missing.what.empty()) break;
    }
    if (missing.what.empty()) return {};
    if (Clock::now() >= until) return tl::unexpected(missing);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

std::uint64_t Client::connections_to(config::Role role) const {
  return impl_->connections(static_cast<PartyId>(role));
}

}  // namespace blindsight::client
