#include "wire/control.h"

#include <algorithm>
#include <cstring>

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include "protocol/core/text.h"

#include "wire/control.capnp.h"
#include "wire/violation.h"

namespace blindsight::wire {
namespace {

using protocol::Payload;
using protocol::Result;

/// Characters of a reason that another party or a client gives.
constexpr std::size_t longest_reason = 2000;

template <class Schema, class Fill>
Payload pack(Fill fill) {
  capnp::MallocMessageBuilder builder;
  fill(builder.initRoot<Schema>());
  const auto words = capnp::messageToFlatArray(builder);
  const auto bytes = words.asBytes();
  return {bytes.begin(), bytes.end()};
}

/// Reads `Schema` from bytes of any alignment. `read` may throw what Cap'n Proto throws.
template <class T, class Schema, class Read>
Result<T> unpack(std::span<const std::uint8_t> bytes, Read read) {
  if (bytes.size() % sizeof(capnp::word) != 0)
    return fail("control message of " + std::to_string(bytes.size()) + " bytes is no multiple of 8");
  try {
    // A payload is aligned, so this copy is the exception (a view into a larger buffer).
    std::vector<std::uint64_t> copy;
    auto words = kj::arrayPtr(reinterpret_cast<const capnp::word*>(bytes.data()), bytes.size() / sizeof(capnp::word));
    if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(capnp::word) != 0) {
      copy.resize(words.size());
      std::memcpy(copy.data(), bytes.data(), bytes.size());
      words = kj::arrayPtr(reinterpret_cast<const capnp::word*>(copy.data()), copy.size());
    }
    capnp::ReaderOptions options;
    options.traversalLimitInWords = words.size() * 2 + 64;
    options.nestingLimit = 8;
    capnp::FlatArrayMessageReader reader(words, options);
    T value;
    if (auto done = read(reader.getRoot<Schema>(), value); !done) return tl::unexpected(done.error());
    return value;
  } catch (const kj::Exception& e) {
    return fail(std::string("malformed control message: ") + e.getDescription().cStr());
  }
}

kj::ArrayPtr<const kj::byte> bytes_of(std::span<const std::uint8_t> b) {
  return kj::arrayPtr(b.data(), b.size());
}
std::string string_of(capnp::Text::Reader t) {
  return {t.begin(), t.size()};
}

template <std::size_t N>
Result<void> fill(std::array<std::uint8_t, N>& to, capnp::Data::Reader from, const char* what) {
  if (from.size() != N)
    return fail(std::string(what) + " of " + std::to_string(from.size()) + " bytes, expected " + std::to_string(N));
  std::copy(from.begin(), from.end(), to.begin());
  return {};
}

Result<protocol::PartyId> role_of(std::uint8_t r) {
  if (r > static_cast<std::uint8_t>(protocol::PartyId::client)) return fail("unknown role " + std::to_string(r));
  return static_cast<protocol::PartyId>(r);
}

Result<void> read_intervals(capnp::List<schema::Interval>::Reader from, std::vector<Interval>& to) {
  if (from.size() > max_intervals)
    return fail(std::to_string(from.size()) + " intervals of one layer, at most " + std::to_string(max_intervals) +
                " are allowed");
  to.reserve(from.size());
  for (const auto i : from) {
    if (i.getKind() > static_cast<std::uint8_t>(Interval::Kind::send))
      return fail("unknown kind of interval " + std::to_string(i.getKind()));
    if (i.getEndUs() < i.getBeginUs()) return fail("an interval ends before it begins");
    to.push_back({static_cast<Interval::Kind>(i.getKind()), i.getBand(), i.getBeginUs(), i.getEndUs(), i.getBytes()});
  }
  return {};
}

}  // namespace

Payload encode(const Hello& h) {
  return pack<schema::Hello>([&](schema::Hello::Builder b) {
    b.setWireVersion(h.wire_version);
    b.setSoftwareVersion(h.software_version);
    b.setRole(static_cast<std::uint8_t>(h.role));
    b.setPublicKey(bytes_of(h.public_key));
    b.setChoice(h.choice);
    if (h.deployment) {
      b.setDeploymentId(bytes_of(h.deployment->id));
      b.setPlanDigest(bytes_of(h.deployment->plan));
    }
    b.setMaxFrameBytes(h.max_frame_bytes);
  });
}

template <>
Result<Hello> decode(std::span<const std::uint8_t> bytes) {
  return unpack<Hello, schema::Hello>(bytes, [](schema::Hello::Reader r, Hello& h) -> Result<void> {
    h.wire_version = r.getWireVersion();
    h.software_version = string_of(r.getSoftwareVersion());
    auto role = role_of(r.getRole());
    if (!role) return tl::unexpected(role.error());
    h.role = *role;
    if (auto ok = fill(h.public_key, r.getPublicKey(), "public key"); !ok) return ok;
    h.choice = string_of(r.getChoice());
    if (r.getDeploymentId().size() > 0 || r.getPlanDigest().size() > 0) {
      h.deployment.emplace();
      if (auto ok = fill(h.deployment->id, r.getDeploymentId(), "deployment id"); !ok) return ok;
      if (auto ok = fill(h.deployment->plan, r.getPlanDigest(), "plan digest"); !ok) return ok;
    }
    h.max_frame_bytes = r.getMaxFrameBytes();
    return {};
  });
}

Payload encode(const Confirm& c) {
  return pack<schema::Confirm>([&](schema::Confirm::Builder b) {
    b.setSessionId(bytes_of(c.session));
    b.setModel(c.model);
  });
}

template <>
Result<Confirm> decode(std::span<const std::uint8_t> bytes) {
  return unpack<Confirm, schema::Confirm>(bytes, [](schema::Confirm::Reader r, Confirm& c) {
    c.model = r.getModel();
    return fill(c.session, r.getSessionId(), "session id");
  });
}

Payload encode(const QueryName& n) {
  return pack<schema::QueryName>([&](schema::QueryName::Builder b) { b.setQueryId(bytes_of(n.query)); });
}

template <>
Result<QueryName> decode(std::span<const std::uint8_t> bytes) {
  return unpack<QueryName, schema::QueryName>(
      bytes, [](schema::QueryName::Reader r, QueryName& n) { return fill(n.query, r.getQueryId(), "query id"); });
}

Payload encode(const Failure& f) {
  return pack<schema::Failure>([&](schema::Failure::Builder b) {
    b.setQueryId(bytes_of(f.query));
    b.setFault(static_cast<std::uint8_t>(f.error.fault));
    b.setWhat(f.error.what);
    b.setRetryAfterMs(f.error.retry_after_ms.value_or(0));
  });
}

template <>
Result<Failure> decode(std::span<const std::uint8_t> bytes) {
  return unpack<Failure, schema::Failure>(bytes, [](schema::Failure::Reader r, Failure& f) {
    // A kind that a later release has told: nobody here knows what to do about it.
    f.error.fault = r.getFault() <= static_cast<std::uint8_t>(protocol::Fault::last)
                        ? static_cast<protocol::Fault>(r.getFault())
                        : protocol::Fault::internal;
    f.error.what = protocol::printable(string_of(r.getWhat()), longest_reason);
    if (r.getRetryAfterMs() != 0) f.error.retry_after_ms = r.getRetryAfterMs();
    return fill(f.query, r.getQueryId(), "query id");
  });
}

Payload encode(const Predict& p) {
  return pack<schema::Predict>([&](schema::Predict::Builder b) {
    b.setQueryId(bytes_of(p.query));
    b.setPlanDigest(bytes_of(p.plan));
    b.setInputShare(bytes_of(p.input_share));
    b.setTimeline(p.timeline);
  });
}

template <>
Result<Predict> decode(std::span<const std::uint8_t> bytes) {
  return unpack<Predict, schema::Predict>(bytes, [](schema::Predict::Reader r, Predict& p) -> Result<void> {
    const auto share = r.getInputShare();
    p.input_share.assign(share.begin(), share.end());
    p.timeline = r.getTimeline();
    if (auto ok = fill(p.query, r.getQueryId(), "query id"); !ok) return ok;
    return fill(p.plan, r.getPlanDigest(), "plan digest");
  });
}

Payload encode(const Predicted& p) {
  return pack<schema::Predicted>([&](schema::Predicted::Builder b) {
    b.setQueryId(bytes_of(p.query));
    b.setOutputShare(bytes_of(p.output_share));
    b.setOnlineS(p.report.online_s);
    b.setOfflineS(p.report.offline_s);
    b.setPack(p.report.pack);
    b.setClientBytes(p.report.client_bytes);
    b.setOfflineSentBytes(p.report.offline_sent_bytes);
    auto layers = b.initLayers(static_cast<unsigned>(p.report.layers.size()));
    for (unsigned i = 0; i < layers.size(); ++i) {
      const auto& from = p.report.layers[i];
      auto to = layers[i];
      to.setName(from.name);
      to.setValue(from.value);
      to.setComputeS(from.compute_s);
      to.setWaitS(from.wait_s);
      to.setOfflineComputeS(from.offline_compute_s);
      to.setSentBytes(from.sent_bytes);
      to.setDealtBytes(from.dealt_bytes);
      to.setFromProducerBytes(from.from_producer_bytes);
      to.setToProducerBytes(from.to_producer_bytes);
      to.setRounds(from.rounds);
      auto intervals = to.initIntervals(static_cast<unsigned>(from.intervals.size()));
      for (unsigned k = 0; k < intervals.size(); ++k) {
        intervals[k].setKind(static_cast<std::uint8_t>(from.intervals[k].kind));
        intervals[k].setBand(from.intervals[k].band);
        intervals[k].setBeginUs(from.intervals[k].begin_us);
        intervals[k].setEndUs(from.intervals[k].end_us);
        intervals[k].setBytes(from.intervals[k].bytes);
      }
    }
  });
}

template <>
Result<Predicted> decode(std::span<const std::uint8_t> bytes) {
  return unpack<Predicted, schema::Predicted>(bytes, [](schema::Predicted::Reader r, Predicted& p) -> Result<void> {
    const auto share = r.getOutputShare();
    p.output_share.assign(share.begin(), share.end());
    p.report.online_s = r.getOnlineS();
    p.report.offline_s = r.getOfflineS();
    p.report.pack = r.getPack();
    p.report.client_bytes = r.getClientBytes();
    p.report.offline_sent_bytes = r.getOfflineSentBytes();
    for (const auto s : r.getLayers()) {
      p.report.layers.push_back({string_of(s.getName()), s.getValue(), s.getComputeS(), s.getWaitS(),
                                 s.getOfflineComputeS(), s.getSentBytes(), s.getDealtBytes(), s.getFromProducerBytes(),
                                 s.getToProducerBytes(), s.getRounds()});
      if (auto ok = read_intervals(s.getIntervals(), p.report.layers.back().intervals); !ok) return ok;
    }
    return fill(p.query, r.getQueryId(), "query id");
  });
}

Payload encode(const DeployBegin& d) {
  return pack<schema::DeployBegin>([&](schema::DeployBegin::Builder b) {
    b.setDeploymentId(bytes_of(d.id));
    b.setPlan(bytes_of(d.plan));
  });
}

template <>
Result<DeployBegin> decode(std::span<const std::uint8_t> bytes) {
  return unpack<DeployBegin, schema::DeployBegin>(bytes, [](schema::DeployBegin::Reader r, DeployBegin& d) {
    const auto plan = r.getPlan();
    d.plan.assign(plan.begin(), plan.end());
    return fill(d.id, r.getDeploymentId(), "deployment id");
  });
}

Payload encode(const Number& n) {
  return pack<schema::Number1>([&](schema::Number1::Builder b) { b.setNumber(n.number); });
}

template <>
Result<Number> decode(std::span<const std::uint8_t> bytes) {
  return unpack<Number, schema::Number1>(bytes, [](schema::Number1::Reader r, Number& n) -> Result<void> {
    n.number = r.getNumber();
    return {};
  });
}

Payload encode(const PartyStatus& s) {
  return pack<schema::Status>([&](schema::Status::Builder b) {
    b.setVersion(s.version);
    b.setWireVersion(s.wire_version);
    b.setRole(static_cast<std::uint8_t>(s.role));
    b.setChoice(s.choice);
    b.setInSession(s.in_session);
    b.setSession(s.session);
    b.setDeployment(s.deployment);
    b.setPlanDigest(s.plan_digest);
    b.setServing(s.serving);
    b.setPacksReady(s.packs_ready);
    b.setPackDepth(s.pack_depth);
    b.setQueriesInFlight(s.queries_in_flight);
    b.setClockUnixNs(s.clock_unix_ns);
    b.setCores(s.cores);
    b.setIsa(s.isa);
    b.setDiskFreeBytes(s.disk_free_bytes);
    b.setPlaintextLinksAllowed(s.plaintext_links_allowed);
  });
}

template <>
Result<PartyStatus> decode(std::span<const std::uint8_t> bytes) {
  return unpack<PartyStatus, schema::Status>(bytes, [](schema::Status::Reader r, PartyStatus& s) -> Result<void> {
    auto role = role_of(r.getRole());
    if (!role) return tl::unexpected(role.error());
    s = {string_of(r.getVersion()),
         r.getWireVersion(),
         *role,
         string_of(r.getChoice()),
         r.getInSession(),
         string_of(r.getSession()),
         string_of(r.getDeployment()),
         string_of(r.getPlanDigest()),
         r.getServing(),
         r.getPacksReady(),
         r.getPackDepth(),
         r.getQueriesInFlight(),
         r.getClockUnixNs(),
         r.getCores(),
         string_of(r.getIsa()),
         r.getDiskFreeBytes(),
         r.getPlaintextLinksAllowed()};
    return {};
  });
}

}  // namespace blindsight::wire
