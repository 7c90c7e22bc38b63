// Frames and the messages that they carry. The first byte chooses the reader's limits and how the rest is taken: as a
// stream off the wire, or as choices of messages that are sent, cut into frames, and then meddled with.
#include <fuzzer/FuzzedDataProvider.h>

#include <numeric>
#include <vector>

#include "tests/fuzz/property.h"
#include "wire/envelope.h"
#include "wire/outbox.h"

namespace blindsight::fuzz {
namespace {

using protocol::Payload;
using namespace wire;
using Bytes = std::vector<char>;

constexpr ReaderLimits all_limits[] = {{64, 512, 2}, {8, 64, 1}, {256, 2048, 8}, {4096, 8192, 3}};

bool same(const Message& a, const Message& b) {
  return a.header == b.header && a.payload == b.payload;
}

bool same(const std::vector<Message>& a, const std::vector<Message>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) { return same(x, y); });
}

/// What came of a stream: the messages up to the first error, and the error.
struct Outcome {
  std::vector<Message> messages;
  std::string error;
};

/// What a reader holds at most while messages are under way: the frame that it collects in a vector that doubles, and
/// of each message all that it may have, and its place in a tree.
std::size_t most_held(const ReaderLimits& limits) {
  return 2 * (limits.frame_bytes + frame_overhead_bytes) + limits.open_messages * (limits.message_bytes + 384) + 512;
}

std::size_t bytes_of(const std::vector<Message>& messages) {
  std::size_t sum = messages.capacity() * sizeof(Message);
  for (const auto& m : messages) sum += m.payload.capacity();
  return sum;
}

/// Feeds `stream` in pieces whose lengths `cut` gives.
template <class Cut>
Outcome read(std::span<const char> stream, const ReaderLimits& limits, Cut cut) {
  Outcome outcome;
  const std::size_t before = heap_bytes();
  Reader reader(limits);
  std::uint64_t counted = 0;
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t size = std::clamp<std::size_t>(cut(reader), 1, stream.size() - at);
    const auto fed = reader.feed(stream.subspan(at, size), outcome.messages);
    at += size;
    for (const auto& lane : reader.take_traffic()) counted += lane.bytes;
    property(counted <= at, "no more is counted than came");
    if (!fed) {
      property(fed.error().fault == protocol::Fault::violation, "what cannot be read is a violation");
      outcome.error = fed.error().what;
      refusal_is_readable(outcome.error);
      break;
    }
    property(reader.wanted() > 0 && reader.wanted() <= limits.frame_bytes + frame_overhead_bytes,
             "what is wanted next is the rest of a frame");
    property(heap_bytes() <= before + bytes_of(outcome.messages) + most_held(limits), "memory is bounded by the limits",
             std::to_string(heap_bytes() - before));
  }
  for (const auto& m : outcome.messages)
    property(m.payload.size() <= std::min(limits.message_bytes, stream.size()),
             "a message is no longer than is allowed, and than what came");
  return outcome;
}

Outcome read_whole(std::span<const char> stream, const ReaderLimits& limits) {
  return read(stream, limits, [&](const Reader&) { return stream.size(); });
}

Outcome read_in_pieces(std::span<const char> stream, const ReaderLimits& limits, Random random) {
  return read(stream, limits, [&](const Reader& reader) -> std::size_t {
    const auto way = random() % 4;
    return way == 0 ? reader.wanted() : way == 1 ? 1 : 1 + random() % (way == 2 ? 16 : 1000);
  });
}

Outcome read_twice(std::span<const char> stream, const ReaderLimits& limits, unsigned seed) {
  auto whole = read_whole(stream, limits);
  const auto pieces = read_in_pieces(stream, limits, Random(seed));
  property(same(whole.messages, pieces.messages) && whole.error == pieces.error,
           "how the bytes are cut changes nothing", whole.error + " / " + pieces.error);
  return whole;
}

/// All frames of all of them, as a link sends them, each frame by itself. A message comes when a frame of those before
/// it is sent, so an ordered outbox interleaves them.
std::vector<Bytes> frames_of(const std::vector<Message>& messages, bool ordered, const ReaderLimits& limits) {
  Outbox outbox(ordered);
  std::array<std::uint64_t, 3> queued{};
  std::vector<Bytes> frames;
  const auto send = [&] {
    const auto lane = outbox.front_lane();
    const auto sent = outbox.append_frame(limits.frame_bytes, frames.emplace_back());
    property(sent.lane == lane && sent.frame_bytes == frames.back().size(), "a frame is what the outbox says of it");
    property(sent.frame_bytes <= sent.payload_bytes + frame_overhead_bytes && sent.payload_bytes <= limits.frame_bytes,
             "a frame keeps the limits");
    auto& left = queued[static_cast<std::size_t>(lane)];
    left -= sent.payload_bytes;
    property(outbox.queued_bytes(lane) == left, "what waits is counted");
  };
  for (const auto& m : messages) {
    queued[static_cast<std::size_t>(m.header.lane)] += m.payload.size();
    outbox.push(m);
    send();
  }
  while (!outbox.empty()) send();
  return frames;
}

Bytes joined(const std::vector<Bytes>& frames) {
  Bytes stream;
  for (const auto& f : frames) stream.insert(stream.end(), f.begin(), f.end());
  return stream;
}

void written_again_is_the_same(const std::vector<Message>& messages, const ReaderLimits& limits) {
  for (const auto& m : messages) {
    const auto again = read_whole(joined(frames_of({m}, false, limits)), limits);
    property(again.error.empty() && again.messages.size() == 1 && same(again.messages[0], m),
             "what was read can be written and read", again.error);
  }
}

Message message(FuzzedDataProvider& from, const ReaderLimits& limits) {
  Message m;
  m.header.kind = static_cast<Kind>(from.ConsumeIntegralInRange<unsigned>(0, static_cast<unsigned>(Kind::last)));
  m.header.lane = static_cast<Lane>(from.ConsumeIntegralInRange<unsigned>(0, 2));
  m.header.session = from.ConsumeIntegral<std::uint64_t>();
  m.header.work.model = from.ConsumeIntegral<std::uint8_t>();
  m.header.work.pack = from.ConsumeIntegralInRange<std::uint64_t>(0, 3);
  m.header.work.value = from.ConsumeIntegralInRange<std::uint16_t>(0, 3);
  m.header.work.layer = from.ConsumeIntegral<std::uint8_t>();
  m.header.work.band = from.ConsumeIntegral<std::uint8_t>();
  m.header.round = from.ConsumeIntegral<std::uint16_t>();
  // Now and then more than a reader takes.
  const std::size_t most = limits.message_bytes + (from.ConsumeIntegral<std::uint8_t>() == 255 ? 64 : 0);
  const auto size = from.ConsumeBool() ? from.ConsumeIntegralInRange<std::size_t>(0, most)
                                       : static_cast<std::size_t>(from.PickValueInArray(edges));
  m.payload.resize(std::min(size, most));
  std::iota(m.payload.begin(), m.payload.end(), from.ConsumeIntegral<std::uint8_t>());
  return m;
}

enum class Touched { not_at_all, order, bytes };

/// Frames lost, sent twice or in another order, and now and then the bytes of one changed.
Touched meddle(std::vector<Bytes>& frames, FuzzedDataProvider& from) {
  const auto before = frames;
  bool bytes_changed = false;
  for (auto n = from.ConsumeIntegralInRange(0, 4); n > 0 && !frames.empty(); --n) {
    const auto at = from.ConsumeIntegralInRange<std::size_t>(0, frames.size() - 1);
    const auto place = frames.begin() + static_cast<std::ptrdiff_t>(at);
    switch (from.ConsumeIntegralInRange(0, 4)) {
      case 0:
        frames.erase(place);
        break;
      case 1:
        frames.insert(place, Bytes(*place));
        break;
      case 2:
        std::swap(*place, frames[from.ConsumeIntegralInRange<std::size_t>(0, frames.size() - 1)]);
        break;
      case 3:
        bytes_changed = true;
        place->resize(from.ConsumeIntegralInRange<std::size_t>(0, place->size()));
        break;
      default: {
        bytes_changed = true;
        if (place->empty()) break;
        auto& byte = (*place)[from.ConsumeIntegralInRange<std::size_t>(0, place->size() - 1)];
        byte = static_cast<char>(byte ^ from.ConsumeIntegral<char>());
      }
    }
  }
  return frames == before ? Touched::not_at_all : bytes_changed ? Touched::bytes : Touched::order;
}

/// Whether each message of `some` is one of `all`.
bool within(const std::vector<Message>& some, const std::vector<Message>& all) {
  return std::all_of(some.begin(), some.end(), [&](const Message& m) {
    return std::any_of(all.begin(), all.end(), [&](const Message& a) { return same(a, m); });
  });
}

void from_choices(FuzzedDataProvider& from, const ReaderLimits& limits) {
  std::vector<Message> messages;
  for (auto n = from.ConsumeIntegralInRange<std::size_t>(0, 2 * limits.open_messages); n > 0; --n)
    messages.push_back(message(from, limits));
  // An ordered outbox interleaves them: no more than may be under way at once.
  const bool ordered = from.ConsumeBool() && messages.size() <= limits.open_messages;
  auto frames = frames_of(messages, ordered, limits);
  const auto touched = meddle(frames, from);
  const auto outcome = read_twice(joined(frames), limits, from.ConsumeIntegral<unsigned>());
  written_again_is_the_same(outcome.messages, limits);
  if (touched == Touched::bytes) return;
  property(within(outcome.messages, messages), "what comes was sent");
  if (touched == Touched::order) return;
  const bool too_long = std::any_of(messages.begin(), messages.end(),
                                    [&](const Message& m) { return m.payload.size() > limits.message_bytes; });
  property(outcome.error.empty() == !too_long, "what keeps the limits is read, and nothing else", outcome.error);
  property(too_long || outcome.messages.size() == messages.size(), "what is sent comes");
}

void from_stream(std::span<const std::uint8_t> bytes, const ReaderLimits& limits) {
  const unsigned seed = bytes.empty() ? 1 : bytes[0];
  const Bytes stream(bytes.begin(), bytes.end());
  written_again_is_the_same(read_twice(stream, limits, seed).messages, limits);
}

constexpr std::uint8_t takes_choices = 4;

const ReaderLimits& limits_of(std::uint8_t first) {
  return all_limits[first % 4];
}

/// A stream of random messages whose frames alternate by chance: right but for the number of those under way.
Bytes random_stream(Random& random, const ReaderLimits& limits) {
  std::vector<std::uint8_t> choices(800);
  for (auto& c : choices) c = static_cast<std::uint8_t>(random());
  FuzzedDataProvider from(choices.data(), choices.size());
  std::vector<Outgoing> all;
  for (auto n = 1 + random() % (4 * limits.open_messages); n > 0; --n) {
    all.emplace_back(message(from, limits), static_cast<std::uint32_t>(n));
  }
  Bytes stream;
  while (!all.empty()) {
    const auto place = all.begin() + static_cast<std::ptrdiff_t>(random() % all.size());
    place->append_frame(limits.frame_bytes, stream);
    if (place->finished()) all.erase(place);
  }
  return stream;
}

/// Where the frames of a stream begin, as their lengths say.
std::vector<std::size_t> beginnings(std::span<const std::uint8_t> stream) {
  std::vector<std::size_t> found;
  for (std::size_t at = 0; at + 4 <= stream.size();) {
    found.push_back(at);
    const std::size_t length = stream[at] | std::size_t{stream[at + 1]} << 8 | std::size_t{stream[at + 2]} << 16;
    at += 4 + length;
  }
  return found;
}

/// A frame's length as what follows is long, one of its words bent, or the frame again behind all others.
std::size_t mutate_frame(std::uint8_t* stream, std::size_t size, std::size_t most, Random& random) {
  const auto all = beginnings({stream, size});
  if (all.empty()) return size;
  const std::size_t which = random() % all.size(), at = all[which];
  const std::size_t end = which + 1 < all.size() ? all[which + 1] : size, length = end - at;
  switch (random() % 3) {
    case 0: {
      const std::size_t body = (size - at - 4) & ~std::size_t{7};
      for (unsigned i = 0; i < 4; ++i) stream[at + i] = static_cast<std::uint8_t>(body >> (8 * i));
      return size;
    }
    case 1:
      if (length >= 12) {
        auto* word = stream + at + 4 + 8 * (random() % ((length - 4) / 8));
        word[random() % 8] = static_cast<std::uint8_t>(random() % 2 == 0 ? random() % 8 : random());
      }
      return size;
    default:
      if (size + length > most) return size;
      std::copy_n(stream + at, length, stream + size);
      return size + length;
  }
}

}  // namespace
}  // namespace blindsight::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindsight::fuzz;
  if (size == 0) return 0;
  const auto& limits = limits_of(data[0]);
  if ((data[0] & takes_choices) == 0) {
    from_stream({data + 1, size - 1}, limits);
  } else {
    FuzzedDataProvider from(data + 1, size - 1);
    from_choices(from, limits);
  }
  return 0;
}

/// Now and then a stream that is right, or choices of one, takes the place of another: seeds that follow the format.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  using namespace blindsight::fuzz;
  Random random(seed);
  random.discard(1);
  if (size == 0 || random() % 50 == 0) {
    const auto first = static_cast<std::uint8_t>(random() % 8);
    Bytes input(random() % 400);
    for (auto& b : input) b = static_cast<char>(random());
    if ((first & takes_choices) == 0) input = random_stream(random, limits_of(first));
    input.insert(input.begin(), static_cast<char>(first));
    return put(input, data, most);
  }
  if ((data[0] & takes_choices) == 0 && random() % 3 == 0)
    return 1 + mutate_frame(data + 1, size - 1, most - 1, random);
  return LLVMFuzzerMutate(data, size, most);
}
