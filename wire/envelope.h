#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "protocol/core/result.h"
#include "protocol/core/step.h"
#include "protocol/core/work.h"

namespace blindsight::wire {

/// Raised whenever a frame or control message changes its meaning: parties of different versions refuse each other.
inline constexpr std::uint32_t version = 6;

/// Strict priority on a link, the first before the second before the third.
enum class Lane : std::uint16_t { control = 0, online = 1, preprocessing = 2 };

enum class Kind : std::uint16_t {
  // any connection
  hello,
  refuse,  ///< why the sender closes the connection
  // between parties
  confirm,          ///< session id as the sender computed it
  session_ended,    ///< the sender has ended the session, with the reason: the first cause travels, not the last link
                    ///< that closed
  set_up,           ///< a step's message
  deal,             ///< a step's message
  online,           ///< a step's message
  want,             ///< server to producer: number of packs of the session it has room for
  deal_begins,      ///< producer to servers: the pack is being dealt
  pack_ready,       ///< server 1 to server 0
  query_pending,    ///< server 1 to server 0: a client's share is here
  query_start,      ///< server 0 to server 1, and to a producer that helps online: the query and the pack it uses
  query_cancelled,  ///< between servers, and to and from a producer that helps online, with the reason; burns the pack
                    ///< unless that is 0
  // clients
  status_request,
  status,
  plan_request,
  plan,
  deploy_begin,
  deploy_share,  ///< one layer's weights
  deploy_commit,
  deployed,
  predict,
  predicted,
  cancel,   ///< a client gives its query up
  failure,  ///< in answer to any request, with the reason
  // between parties
  ping,  ///< a number that rises; answered at once
  pong,  ///< the number of the ping that it answers
  last = pong
};

std::string_view name(Kind kind);

struct Header {
  Kind kind = Kind::hello;
  Lane lane = Lane::control;
  std::uint64_t session = 0;
  protocol::Work work;
  std::uint16_t round = 0;

  bool operator==(const Header&) const = default;
};

/// Of a control message, about a session and a pack where it is about one.
constexpr Header control_header(Kind kind, std::uint64_t session = 0, protocol::PackId pack = 0) {
  return {kind, Lane::control, session, {.pack = pack}, 0};
}

struct Message {
  Header header;
  protocol::Payload payload;
};

/// Bytes that a frame adds to its payload, at most.
inline constexpr std::size_t frame_overhead_bytes = 256;

/// A message on its way out, cut into frames of at most `frame_bytes` payload (rounded down to a multiple of 8).
class Outgoing {
 public:
  Outgoing(Message message, std::uint32_t number) : message_(std::move(message)), number_(number) {}

  const Message& message() const { return message_; }
  bool finished() const { return finished_; }
  /// Appends the next frame to `out` and returns its size. Not when finished. The payload is copied here and nowhere
  /// else.
  std::size_t append_frame(std::size_t frame_bytes, std::vector<char>& out);
  std::size_t remaining_bytes() const { return message_.payload.size() - offset_; }

 private:
  Message message_;
  std::uint32_t number_, part_ = 0;
  std::size_t offset_ = 0, part_bytes_ = 0;
  bool finished_ = false;
};

/// Bounds on what a peer may make us hold.
struct ReaderLimits {
  std::size_t frame_bytes = 256 * 1024;            ///< payload of one frame
  std::size_t message_bytes = 1024 * 1024 * 1024;  ///< payload of one message
  std::size_t open_messages = 4096;                ///< messages of which some parts have arrived
};

/// Bytes in, messages out, whatever carries the bytes: length-prefixed frames to envelopes to whole messages. All bytes
/// are untrusted; memory is taken only as parts arrive. After an error the stream is of no use any more.
class Reader {
 public:
  explicit Reader(ReaderLimits limits) : limits_(limits) {}

  void set_limits(ReaderLimits limits) { limits_ = limits; }
  /// Bytes that are missing to the end of the length prefix or frame under way. Feeding exactly so many avoids a copy.
  std::size_t wanted() const { return wanted_ - buffer_.size(); }
  /// Takes all of `bytes`; appends the messages that they complete to `out`. The error says what was wrong, not on
  /// which link.
  protocol::Result<void> feed(std::span<const char> bytes, std::vector<Message>& out);
  struct Traffic {
    std::uint64_t frames = 0, bytes = 0;  ///< headers included
  };
  /// What came in each lane since the last call.
  std::array<Traffic, 3> take_traffic() { return std::exchange(traffic_, {}); }

 private:
  struct Partial {
    Header header;
    std::uint32_t next_part = 0, parts = 0;
    std::uint64_t total = 0;
    protocol::Payload payload;
  };

  protocol::Result<void> take_prefix(const char* bytes);
  protocol::Result<void> take_frame(const char* bytes, std::size_t size, std::vector<Message>& out);

  ReaderLimits limits_;
  bool in_frame_ = false;
  std::size_t wanted_ = 4;
  std::vector<char> buffer_;
  std::map<std::uint32_t, Partial> open_;
  std::array<Traffic, 3> traffic_{};
};

}  // namespace blindsight::wire
