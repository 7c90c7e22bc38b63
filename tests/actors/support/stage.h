#pragma once

#include <algorithm>
#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "actors/engine/messages.h"
#include "actors/engine/session_core.h"
#include "wire/control.h"

namespace blindsight::test {

/// An actor system in which nothing happens but what a test lets happen: actors run in settle(), on the test's thread,
/// and time passes in pass(). Not for actors that have threads or work in other threads.
class Stage {
 public:
  Stage() : system_(config_) { system_.await_actors_before_shutdown(false); }
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  caf::actor_system& system() { return system_; }
  /// The actor ends with the stage.
  caf::actor keep(caf::actor actor) {
    actors_.push_back(actor);
    return actor;
  }
  /// Until no actor has anything to do.
  void settle() { scheduler().run(); }
  void pass(std::chrono::milliseconds time) {
    scheduler().advance_time(time);
    settle();
  }
  /// Sends from nobody, and lets everything happen that follows.
  template <class... Content>
  void tell(const caf::actor& to, Content... content) {
    caf::anon_send(to, std::move(content)...);
    settle();
  }
  void end(const caf::actor& actor) {
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    settle();
  }

 private:
  struct Config : caf::actor_system_config {
    Config() { set("scheduler.policy", caf::atom("testing")); }
  };
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  }

  Config config_;
  caf::actor_system system_;
  std::vector<caf::actor> actors_;
};

/// Something to be done inside an actor.
struct Do {
  std::function<void(caf::event_based_actor*)> what;
};

}  // namespace blindsight::test

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(blindsight::test::Do)

namespace blindsight::test {

/// Stands in another actor's place, and keeps what it is sent until the test takes it.
class Role {
 public:
  explicit Role(Stage& stage);
  /// What it was sent may hold actors that hold this one: it goes, or none of them ever does.
  ~Role() { kept_->clear(); }
  Role(const Role&) = delete;
  Role& operator=(const Role&) = delete;

  const caf::actor& actor() const { return actor_; }

  /// The oldest message of this type that was not taken; none when there is none.
  template <class T>
  std::optional<T> take() {
    const auto found = find<T>();
    if (found == kept_->end()) return std::nullopt;
    T taken = found->content.template get_as<T>(0);
    kept_->erase(found);
    return taken;
  }
  /// As take(); the request is answered with what `reply` makes of it.
  template <class T, class Reply>
  std::optional<T> answer(Reply reply) {
    const auto found = find<T>();
    if (found == kept_->end()) return std::nullopt;
    auto promise = found->promise;
    auto request = take<T>();
    act([&](caf::event_based_actor*) { promise.deliver(reply(*request)); });
    return request;
  }
  /// Asks a store of packs, and lets everything happen that follows; what is granted is kept like any other message.
  template <class T>
  void request(const caf::actor& to, T content) {
    act([&](caf::event_based_actor* self) {
      self->request(to, caf::infinite, std::move(content)).then([kept = kept_](const actors::PackGranted& granted) {
        kept->push_back({caf::make_message(granted), {}});
      });
    });
  }
  /// As take<Send>(), for a role that is a link.
  std::optional<wire::Message> sent() {
    auto message = take<actors::Send>();
    if (!message) return std::nullopt;
    return message->message.take();
  }
  /// The failure that a role that is a link was to send; none when its oldest message is another.
  std::optional<wire::Failure> sent_failure(wire::Kind kind = wire::Kind::failure);
  /// Messages that were not taken.
  std::size_t left() const { return kept_->size(); }
  void forget() { kept_->clear(); }

 private:
  struct Kept {
    caf::message content;
    caf::response_promise promise;
  };
  /// Inside the actor, whose messages and answers it sends.
  void act(std::function<void(caf::event_based_actor*)> what) { stage_.tell(actor_, Do{std::move(what)}); }
  template <class T>
  std::deque<Kept>::iterator find() {
    return std::ranges::find_if(*kept_, [](const Kept& kept) { return kept.content.match_elements<T>(); });
  }

  Stage& stage_;
  std::shared_ptr<std::deque<Kept>> kept_ = std::make_shared<std::deque<Kept>>();
  caf::actor actor_;
};

/// A message of a party, as a link hands it on.
actors::Arrived arrived(protocol::PartyId from, wire::Kind kind, protocol::PackId pack = 0,
                        protocol::Payload payload = {}, const caf::actor& link = nullptr);

/// What the actors of a session share, with the fake protocol's program: five values, of 1, 2, 2, 2 and 1 bands.
std::shared_ptr<actors::SessionCore> fake_core(protocol::PartyId self);
/// A pack's keys as the ring of that core opens them; the ring is left as it is.
protocol::PackKeysPtr fake_keys(protocol::PartyId self, protocol::PackId pack);

}  // namespace blindsight::test
