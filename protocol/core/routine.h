#pragma once

#include <array>
#include <coroutine>
#include <deque>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "protocol/core/step.h"

namespace blindsight::protocol {

/// One party's part in a piece of a protocol, written as one function that awaits its messages in the order in which
/// the protocol has them (decision 7). A coroutine: it begins when it is awaited, and belongs to whoever awaits it.
template <class T = void>
class [[nodiscard]] Routine;

/// A message that a routine cannot accept. Thrown inside routines only; their step returns it as an Error.
class BadMessage : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace detail {

struct Resume {
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) const noexcept {
    auto next = done.promise().continuation;
    return next ? next : std::noop_coroutine();
  }
  void await_resume() const noexcept {}
};

struct PromiseBase {
  std::coroutine_handle<> continuation;
  std::exception_ptr error;

  std::suspend_always initial_suspend() const noexcept { return {}; }
  Resume final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Routine<T> get_return_object();
  void return_value(T v) { value.emplace(std::move(v)); }
  T take() { return std::move(*value); }
};

template <>
struct Promise<void> : PromiseBase {
  Routine<void> get_return_object();
  void return_void() const noexcept {}
  void take() const noexcept {}
};

}  // namespace detail

template <class T>
class [[nodiscard]] Routine {
 public:
  using promise_type = detail::Promise<T>;

  explicit Routine(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Routine(Routine&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Routine& operator=(Routine&&) = delete;
  ~Routine() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept {
    handle_.promise().continuation = caller;
    return handle_;
  }
  T await_resume() {
    if (handle_.promise().error) std::rethrow_exception(handle_.promise().error);
    return handle_.promise().take();
  }

  std::coroutine_handle<promise_type> handle() const { return handle_; }

 private:
  std::coroutine_handle<promise_type> handle_;
};

template <class T>
Routine<T> detail::Promise<T>::get_return_object() {
  return Routine<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Routine<void> detail::Promise<void>::get_return_object() {
  return Routine<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

/// What the routines of one step send and receive. Rounds are numbered per receiver, as Outbound has them.
class Channel {
 public:
  explicit Channel(std::string where) : where_(std::move(where)) {}

  void send(PartyId to, Payload bytes) { outbound_.push_back({to, next_out_[index(to)]++, std::move(bytes)}); }

  /// `co_await receive(from, bytes, what)`: the next message of that sender, which must have that many bytes. `what`
  /// names it in errors.
  auto receive(PartyId from, std::size_t bytes, const char* what) { return Receive{*this, from, bytes, what}; }

 private:
  friend class RoutineStep;
  static std::size_t index(PartyId p) { return static_cast<std::size_t>(p); }

  struct Receive {
    Channel& channel;
    PartyId from;
    std::size_t bytes;
    const char* what;

    bool await_ready() const noexcept { return !channel.inbox_[index(from)].empty(); }
    void await_suspend(std::coroutine_handle<> routine) noexcept {
      channel.waiting_ = routine;
      channel.awaited_ = from;
      channel.awaited_what_ = what;
    }
    Payload await_resume() {
      auto& queue = channel.inbox_[index(from)];
      Payload message = std::move(queue.front());
      queue.pop_front();
      if (message.size() != bytes)
        throw BadMessage(std::string(what) + ": unexpected message of " + std::to_string(message.size()) +
                         " bytes from " + std::string(name(from)) + "; awaited " + std::to_string(bytes));
      return message;
    }
  };

  std::string where_;
  std::vector<Outbound> outbound_;
  std::array<std::deque<Payload>, 4> inbox_;
  std::array<std::uint16_t, 4> next_out_{}, next_in_{};
  std::coroutine_handle<> waiting_;
  PartyId awaited_ = PartyId::client;
  const char* awaited_what_ = "";
};

/// A routine as a step. `where` begins every error: layer and band. Exceptions that are no BadMessage (no memory, a
/// stream past its end) pass through, as from any step; whoever runs steps makes failures of them.
class RoutineStep final : public Step {
 public:
  RoutineStep(std::string where, std::function<Routine<>(Channel&)> body)
      : channel_(std::move(where)), body_(std::move(body)) {}

  Result<Progress> begin() override {
    routine_.emplace(body_(channel_));
    return go_on(routine_->handle());
  }

  Result<Progress> advance(Inbound m) override {
    const auto from = Channel::index(m.from);
    if (!channel_.waiting_ || m.round != channel_.next_in_[from])
      return fail(channel_.where_ + ": unexpected message of " + std::to_string(m.payload.size()) + " bytes from " +
                  std::string(name(m.from)) + ", round " + std::to_string(m.round) + "; awaited " + awaited());
    ++channel_.next_in_[from];
    channel_.inbox_[from].push_back(std::move(m.payload));
    if (m.from != channel_.awaited_) return Progress{};  // kept until the routine comes to it
    return go_on(std::exchange(channel_.waiting_, nullptr));
  }

 private:
  std::string awaited() const {
    if (!channel_.waiting_) return "none";
    return std::string(channel_.awaited_what_) + " from " + std::string(name(channel_.awaited_));
  }

  Result<Progress> go_on(std::coroutine_handle<> at) {
    at.resume();
    Progress p;
    p.outbound = std::exchange(channel_.outbound_, {});
    if (!routine_->handle().done()) return p;
    try {
      routine_->await_resume();
    } catch (const BadMessage& e) {
      return fail(channel_.where_ + ": " + e.what());
    }
    for (std::size_t from = 0; from < channel_.inbox_.size(); ++from)
      if (!channel_.inbox_[from].empty())
        return fail(channel_.where_ + ": a message more than awaited from " +
                    std::string(name(static_cast<PartyId>(from))));
    p.done = true;
    return p;
  }

  Channel channel_;
  std::function<Routine<>(Channel&)> body_;  // what the routine refers to: goes after it
  std::optional<Routine<>> routine_;
};

}  // namespace blindsight::protocol
