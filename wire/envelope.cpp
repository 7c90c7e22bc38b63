#include "wire/envelope.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include "protocol/core/text.h"

#include "wire/envelope.capnp.h"
#include "wire/violation.h"

namespace blindsight::wire {
namespace {

using protocol::Result;

constexpr std::size_t prefix_bytes = 4;
/// A message may start by holding this much at once; beyond it, memory grows with what has arrived.
constexpr std::size_t trusted_reserve_bytes = 1024 * 1024;

void put_u32(std::uint32_t v, std::vector<char>& out) {
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(v >> (8 * i) & 0xff));
}

std::uint32_t get_u32(const char* p) {
  std::uint32_t v = 0;
  for (int i = 0; i < 4; ++i) v |= std::uint32_t{static_cast<unsigned char>(p[i])} << (8 * i);
  return v;
}

/// Not insert(): with a payload's allocator it copies byte by byte.
void append(capnp::Data::Reader from, protocol::Payload& to) {
  if (from.size() == 0) return;
  const std::size_t before = to.size();
  to.resize(before + from.size());
  std::memcpy(to.data() + before, from.begin(), from.size());
}

std::string about(const Header& h) {
  const protocol::Work& w = h.work;
  return std::string(name(h.kind)) + " message (model " + std::to_string(w.model) + ", pack " + std::to_string(w.pack) +
         ", value " + std::to_string(w.value) + ", band " + std::to_string(w.band) + ", round " +
         std::to_string(h.round) + ")";
}

}  // namespace

std::string_view name(Kind kind) {
  static constexpr std::string_view names[] = {
      "hello",           "refuse",         "confirm",     "session-ended", "set-up",        "deal",
      "online",          "want",           "deal-begins", "pack-ready",    "query-pending", "query-start",
      "query-cancelled", "status-request", "status",      "plan-request",  "plan",          "deploy-begin",
      "deploy-share",    "deploy-commit",  "deployed",    "predict",       "predicted",     "cancel",
      "failure",         "ping",           "pong"};
  static_assert(std::size(names) == static_cast<std::size_t>(Kind::last) + 1);
  const auto i = static_cast<std::size_t>(kind);
  return i < std::size(names) ? names[i] : "unknown";
}

std::size_t Outgoing::append_frame(std::size_t frame_bytes, std::vector<char>& out) {
  if (part_ == 0) part_bytes_ = std::max<std::size_t>(8, frame_bytes & ~std::size_t{7});
  const auto& h = message_.header;
  const std::size_t total = message_.payload.size();
  const std::size_t size = std::min(part_bytes_, total - offset_);
  const std::size_t parts = std::max<std::size_t>(1, (total + part_bytes_ - 1) / part_bytes_);

  capnp::word scratch[32] = {};
  capnp::MallocMessageBuilder builder(kj::arrayPtr(scratch, std::size(scratch)));
  auto envelope = builder.initRoot<schema::Envelope>();
  envelope.setSession(h.session);
  auto work = envelope.getWork();
  work.setPack(h.work.pack);
  work.setModel(h.work.model);
  work.setBand(h.work.band);
  work.setValue(h.work.value);
  work.setLayer(h.work.layer);
  envelope.setKind(static_cast<std::uint16_t>(h.kind));
  envelope.setRound(h.round);
  envelope.setLane(static_cast<std::uint16_t>(h.lane));
  envelope.setMessage(number_);
  envelope.setPart(part_);
  envelope.setParts(static_cast<std::uint32_t>(parts));
  envelope.setTotalBytes(total);
  const auto* data = message_.payload.data() + offset_;
  if (size > 0) {
    // The payload becomes a segment of its own where it lies: it is copied once, into `out`. Parts start on multiples
    // of 8.
    envelope.adoptPayload(builder.getOrphanage().referenceExternalData(kj::arrayPtr(data, size)));
  }
  const auto segments = builder.getSegmentsForOutput();

  // Cap'n Proto's stream form: number of segments - 1, their sizes in words, padding to a word, the segments.
  const std::size_t table = (segments.size() / 2 + 1) * 8;
  std::size_t body = table;
  for (const auto& s : segments) body += s.size() * sizeof(capnp::word);
  const std::size_t before = out.size();
  put_u32(static_cast<std::uint32_t>(body), out);
  put_u32(static_cast<std::uint32_t>(segments.size() - 1), out);
  for (const auto& s : segments) put_u32(static_cast<std::uint32_t>(s.size()), out);
  if (segments.size() % 2 == 0) put_u32(0, out);
  for (const auto& s : segments) {
    const char* from = reinterpret_cast<const char*>(s.begin());
    const std::size_t bytes = s.size() * sizeof(capnp::word);
    if (size > 0 && from == reinterpret_cast<const char*>(data)) {
      // The last word's bytes behind the payload are not ours to show.
      out.insert(out.end(), from, from + size);
      out.insert(out.end(), bytes - size, '\0');
    } else {
      out.insert(out.end(), from, from + bytes);
    }
  }
  offset_ += size;
  finished_ = ++part_ == parts;
  return out.size() - before;
}

Result<void> Reader::take_prefix(const char* bytes) {
  const std::size_t size = get_u32(bytes);
  if (size < 8 || size % 8 != 0 || size > limits_.frame_bytes + frame_overhead_bytes)
    return fail("frame length " + std::to_string(size) + " bytes, expected a multiple of 8 up to " +
                std::to_string(limits_.frame_bytes + frame_overhead_bytes));
  in_frame_ = true;
  wanted_ = size;
  return {};
}

Result<void> Reader::take_frame(const char* bytes, std::size_t size, std::vector<Message>& out) {
  try {
    capnp::ReaderOptions options;
    options.traversalLimitInWords = size / sizeof(capnp::word) + 16;
    options.nestingLimit = 4;
    const auto words = kj::arrayPtr(reinterpret_cast<const capnp::word*>(bytes), size / sizeof(capnp::word));
    capnp::FlatArrayMessageReader reader(words, options);
    if (reader.getEnd() != words.end()) return fail("frame holds bytes behind its envelope");
    const auto e = reader.getRoot<schema::Envelope>();
    if (e.getKind() > static_cast<std::uint16_t>(Kind::last))
      return fail("frame of unknown kind " + std::to_string(e.getKind()));
    if (e.getLane() > static_cast<std::uint16_t>(Lane::preprocessing))
      return fail("frame in unknown lane " + std::to_string(e.getLane()));
    if (e.getBatch() != 0 || e.getAttempt() != 0)
      return fail("frame of a batch or of a job's attempt, which this version does not know");
    const auto w = e.getWork();
    const Header header{static_cast<Kind>(e.getKind()),
                        static_cast<Lane>(e.getLane()),
                        e.getSession(),
                        {w.getModel(), w.getPack(), w.getValue(), w.getLayer(), w.getBand()},
                        e.getRound()};
    auto& traffic = traffic_[e.getLane()];
    ++traffic.frames;
    traffic.bytes += prefix_bytes + size;
    const auto payload = e.getPayload();
    const std::uint64_t total = e.getTotalBytes();
    if (total > limits_.message_bytes)
      return fail(about(header) + " announces " + std::to_string(total) + " bytes, at most " +
                  std::to_string(limits_.message_bytes) + " are allowed");
    if (e.getParts() == 0 || e.getPart() >= e.getParts() || payload.size() > total)
      return fail(about(header) + ": part " + std::to_string(e.getPart()) + " of " + std::to_string(e.getParts()) +
                  " with " + std::to_string(payload.size()) + " of " + std::to_string(total) + " bytes makes no sense");

    if (e.getParts() == 1) {
      if (payload.size() != total || open_.contains(e.getMessage()))
        return fail(about(header) + " holds " + std::to_string(payload.size()) + " bytes, announces " +
                    std::to_string(total));
      protocol::Payload whole;
      append(payload, whole);
      out.push_back({header, std::move(whole)});
      return {};
    }
    auto it = open_.find(e.getMessage());
    if (it == open_.end()) {
      if (e.getPart() != 0) return fail(about(header) + " starts with part " + std::to_string(e.getPart()));
      if (open_.size() >= limits_.open_messages)
        return fail("more than " + std::to_string(limits_.open_messages) + " messages under way at once");
      it = open_.emplace(e.getMessage(), Partial{header, 0, e.getParts(), total, {}}).first;
      it->second.payload.reserve(std::min<std::size_t>(total, trusted_reserve_bytes));
    }
    auto& partial = it->second;
    if (!(partial.header == header) || partial.parts != e.getParts() || partial.total != total ||
        partial.next_part != e.getPart())
      return fail(about(header) + ": part " + std::to_string(e.getPart()) + " of " + std::to_string(e.getParts()) +
                  " came when part " + std::to_string(partial.next_part) + " of " + std::to_string(partial.parts) +
                  " was expected");
    if (payload.size() == 0 || partial.payload.size() + payload.size() > total)
      return fail(about(header) + ": parts hold another number of bytes than announced (" + std::to_string(total) +
                  ")");
    append(payload, partial.payload);
    if (++partial.next_part < partial.parts) return {};
    if (partial.payload.size() != total)
      return fail(about(header) + " ended with " + std::to_string(partial.payload.size()) + " bytes, announced " +
                  std::to_string(total));
    out.push_back({header, std::move(partial.payload)});
    open_.erase(it);
    return {};
  } catch (const kj::Exception& e) {
    // It may quote the frame.
    return fail("frame is no envelope: " + protocol::printable(e.getDescription().cStr()));
  }
}

Result<void> Reader::feed(std::span<const char> bytes, std::vector<Message>& out) {
  while (!bytes.empty()) {
    const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(capnp::word) == 0;
    const char* whole = nullptr;
    if (buffer_.empty() && bytes.size() >= wanted_ && (aligned || !in_frame_)) {
      whole = bytes.data();
      bytes = bytes.subspan(wanted_);
    } else {
      const std::size_t n = std::min(bytes.size(), wanted_ - buffer_.size());
      buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
      bytes = bytes.subspan(n);
      if (buffer_.size() < wanted_) return {};
      whole = buffer_.data();
    }
    if (in_frame_) {
      auto taken = take_frame(whole, wanted_, out);
      if (!taken) return taken;
      in_frame_ = false;
      wanted_ = prefix_bytes;
    } else if (auto taken = take_prefix(whole); !taken) {
      return taken;
    }
    buffer_.clear();
  }
  return {};
}

}  // namespace blindsight::wire
