#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "wire/envelope.h"

namespace blindsight::wire {

/// Messages that wait for one link, in strict order: control before online before preprocessing; in a lane the oldest
/// query first; online the last value of it first, so that what is nearest to an answer overtakes; then first come.
/// A message under way is overtaken between two of its frames.
class Outbox {
 public:
  /// `ordered` false: first come, first served.
  explicit Outbox(bool ordered) : ordered_(ordered) {}

  void push(Message message);
  bool empty() const { return waiting_.empty(); }
  /// Of the next frame. Not when empty.
  Lane front_lane() const { return waiting_.begin()->second.message().header.lane; }
  /// Payload bytes not yet appended.
  std::uint64_t queued_bytes(Lane lane) const { return queued_bytes_[static_cast<std::size_t>(lane)]; }

  struct Frame {
    Lane lane;
    std::size_t frame_bytes, payload_bytes;
  };
  /// Appends the next frame to `out`. Not when empty.
  Frame append_frame(std::size_t frame_bytes, std::vector<char>& out);

 private:
  using Place = std::tuple<std::uint16_t, std::uint64_t, std::uint32_t, std::uint64_t>;
  Place place_of(const Header& header);

  bool ordered_;
  std::uint64_t arrivals_ = 0;
  std::uint32_t numbers_ = 0;
  std::map<Place, Outgoing> waiting_;
  std::array<std::uint64_t, 3> queued_bytes_{};
};

}  // namespace blindsight::wire
