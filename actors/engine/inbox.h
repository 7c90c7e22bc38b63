#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "protocol/core/party.h"
#include "protocol/core/step.h"

namespace blindsight::actors {

/// What a message takes in memory while it waits: its payload, and at least so much around it that a flood of empty
/// ones is a flood, too.
inline std::size_t held_bytes(const protocol::Inbound& message) {
  constexpr std::size_t around = 256;
  return message.payload.size() + around;
}

/// Messages of the peers that a step has not seen yet. Those of one sender are handed over in the order of their
/// rounds. A plain value.
class Inbox {
 public:
  /// The reason why the message cannot be meant for this step, or empty.
  std::string add(protocol::Inbound message) {
    const auto from = static_cast<std::size_t>(message.from);
    if (message.round < next_[from] || by_round_[from].contains(message.round))
      return "round " + std::to_string(message.round) + " of " + std::string(protocol::name(message.from)) +
             " came twice";
    bytes_ += held_bytes(message);
    by_round_[from].emplace(message.round, std::move(message));
    return {};
  }

  /// `first` holds back everybody else's until a message of that sender was handed over.
  std::optional<protocol::Inbound> pop(std::optional<protocol::PartyId> first) {
    for (std::size_t from = 0; from < by_round_.size(); ++from) {
      if (first && next_[static_cast<std::size_t>(*first)] == 0 && from != static_cast<std::size_t>(*first)) continue;
      auto& queue = by_round_[from];
      if (queue.empty() || queue.begin()->first != next_[from]) continue;
      auto message = std::move(queue.begin()->second);
      queue.erase(queue.begin());
      bytes_ -= held_bytes(message);
      ++next_[from];
      return message;
    }
    return std::nullopt;
  }

  /// Held by the messages that wait; 0 when none does.
  std::size_t bytes() const { return bytes_; }

 private:
  std::array<std::map<std::uint16_t, protocol::Inbound>, 4> by_round_;
  std::array<std::uint16_t, 4> next_{};
  std::size_t bytes_ = 0;
};

}  // namespace blindsight::actors
