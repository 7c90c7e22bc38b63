#pragma once

#include <cstdint>
#include <vector>

#include "protocol/core/party.h"
#include "protocol/core/result.h"
#include "tensor/ring.h"

namespace blindsight::protocol {

/// Bytes of one message; moved, never copied, from the step that packs it to the link that sends it. Not zeroed when
/// it is made: who makes it of a size fills all of it.
using Payload = tensor::Buffer<std::uint8_t>;

/// A message that a step wants sent. `round` counts the messages of this step to this receiver, from 0.
struct Outbound {
  PartyId to;
  std::uint16_t round;
  Payload payload;
};

/// A message that arrived for a step. Its bytes are untrusted: the step checks sender, round and length before use.
struct Inbound {
  PartyId from;
  std::uint16_t round;
  Payload payload;
};

/// What a call of a step brought about. When `done`, the step's result is in place and nothing more is awaited.
struct Progress {
  std::vector<Outbound> outbound;
  bool done = false;
};

/// One step in flight: a value without input/output, threads or clocks. The same arguments and the same bytes give the
/// same result. begin() is called once, then advance() for each message in the order of its rounds; a message that is
/// not awaited or is malformed is a returned error that names sender, layer and step, and ends the step. Calls may come
/// from any thread, one at a time.
class Step {
 public:
  virtual ~Step() = default;
  virtual Result<Progress> begin() = 0;
  virtual Result<Progress> advance(Inbound message) = 0;
};

/// Declared cost of a piece of work. Tests compare it with what was sent; the plan's report adds it up.
struct Cost {
  std::uint64_t rounds = 0;              ///< messages between the three parties that must follow one another
  std::uint64_t server0_to_server1 = 0;  ///< bytes, payload only, as are all below
  std::uint64_t server1_to_server0 = 0;
  std::uint64_t producer_to_server0 = 0;
  std::uint64_t producer_to_server1 = 0;
  std::uint64_t server_to_producer = 0;  ///< both servers
  std::uint64_t client = 0;              ///< both directions, both servers

  Cost& operator+=(const Cost& c) {
    rounds += c.rounds;
    server0_to_server1 += c.server0_to_server1;
    server1_to_server0 += c.server1_to_server0;
    producer_to_server0 += c.producer_to_server0;
    producer_to_server1 += c.producer_to_server1;
    server_to_producer += c.server_to_producer;
    client += c.client;
    return *this;
  }
  bool operator==(const Cost&) const = default;
};

}  // namespace blindsight::protocol
