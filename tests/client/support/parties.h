#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "client/query.h"
#include "config/config.h"
#include "tests/client/support/fake_party.h"

namespace blindsight::tests {

/// A network of one layer whose output is its input, of two numbers.
model::Plan identity_plan();
/// The same as a client asks with, under the protocol that hides nothing.
client::ModelPtr identity();

/// The answer to a predict message: the input comes back as the output, for with plaintext all is in server 0's half.
wire::Message echo(const wire::Message& message);
/// The answer to a query, or to a request where it is zeros: a failure.
wire::Message refusal(const wire::QueryId& query, protocol::Fault fault,
                      std::optional<std::uint32_t> retry_after_ms = {});
/// Echoes every query, answers nothing else.
std::vector<wire::Message> answer_all(const wire::Message& message);

/// Messages of one kind that a fake party keeps, to answer them when a test says; it answers no other.
class Kept {
 public:
  explicit Kept(wire::Kind kind = wire::Kind::predict) : kind_(kind) {}
  FakeParty::Handler handler();
  /// As soon as so many have come: all that have.
  std::vector<wire::Message> wait_for(std::size_t count);

 private:
  const wire::Kind kind_;
  std::mutex mutex_;
  std::vector<wire::Message> messages_;
  std::condition_variable came_;
};

/// The three that a client talks to.
struct Parties {
  explicit Parties(FakeParty::Handler first = answer_all, FakeParty::Handler second = answer_all);
  config::ClientConfig config() const;

  FakeParty server0, server1, producer;
};

/// Whether it becomes true. Bounded: what a test waits for is on its way already.
template <class Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 10'000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return condition();
}

}  // namespace blindsight::tests
