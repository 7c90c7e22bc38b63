#include "wire/outbox.h"

namespace blindsight::wire {

Outbox::Place Outbox::place_of(const Header& header) {
  const auto lane = static_cast<std::uint16_t>(header.lane);
  const auto arrival = arrivals_++;
  if (!ordered_) return {0, 0, 0, arrival};
  // Control messages must keep their order whatever they are about.
  if (header.lane == Lane::control) return {lane, 0, 0, arrival};
  const auto& work = header.work;
  return {lane, work.pack, header.lane == Lane::online ? 0xffffu - work.value : work.value, arrival};
}

void Outbox::push(Message message) {
  queued_bytes_[static_cast<std::size_t>(message.header.lane)] += message.payload.size();
  const auto place = place_of(message.header);
  waiting_.emplace(place, Outgoing(std::move(message), numbers_++));
}

Outbox::Frame Outbox::append_frame(std::size_t frame_bytes, std::vector<char>& out) {
  auto first = waiting_.begin();
  auto& message = first->second;
  const auto lane = message.message().header.lane;
  const auto before = message.remaining_bytes();
  const auto size = message.append_frame(frame_bytes, out);
  const auto payload = before - message.remaining_bytes();
  queued_bytes_[static_cast<std::size_t>(lane)] -= payload;
  if (message.finished()) waiting_.erase(first);
  return {lane, size, payload};
}

}  // namespace blindsight::wire
