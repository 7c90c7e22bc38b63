#include "wire/control.h"

#include <algorithm>

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
/// Of a name, a release, a digest.
constexpr std::size_t longest_word = 200;

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
      std::ranges::copy(bytes, reinterpret_cast<std::uint8_t*>(copy.data()));
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
    // It may quote the message.
    return fail("malformed control message: " + protocol::printable(e.getDescription().cStr(), longest_reason));
  }
}

kj::ArrayPtr<const kj::byte> bytes_of(std::span<const std::uint8_t> b) {
  return kj::arrayPtr(b.data(), b.size());
}
/// With its length: Cap'n Proto would take a string up to its first zero.
capnp::Text::Reader text_of(const std::string& s) {
  return {s.data(), s.size()};
}
std::string string_of(capnp::Text::Reader t) {
  return {t.begin(), t.size()};
}
/// For a person's eyes.
std::string word_of(capnp::Text::Reader t) {
  return protocol::printable(string_of(t), longest_word);
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
    b.setSoftwareVersion(text_of(h.software_version));
    b.setRole(static_cast<std::uint8_t>(h.role));
    b.setPublicKey(bytes_of(h.public_key));
    b.setChoice(text_of(h.choice));
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
    h.software_version = word_of(r.getSoftwareVersion());
    auto role = role_of(r.getRole());
    if (!role) return tl::unexpected(role.error());
    h.role = *role;
    if (auto ok = fill(h.public_key, r.getPublicKey(), "public key"); !ok) return ok;
    h.choice = word_of(r.getChoice());
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
  return pack<schema::QueryName>([&](schema::QueryName::Builder b) {
    b.setQueryId(bytes_of(n.query));
    if (n.job != JobDigest{}) b.setJobDigest(bytes_of(n.job));
  });
}

template <>
Result<QueryName> decode(std::span<const std::uint8_t> bytes) {
  return unpack<QueryName, schema::QueryName>(bytes, [](schema::QueryName::Reader r, QueryName& n) -> Result<void> {
    if (r.getJobDigest().size() > 0)
      if (auto ok = fill(n.job, r.getJobDigest(), "job digest"); !ok) return ok;
    return fill(n.query, r.getQueryId(), "query id");
  });
}

Payload encode(const Failure& f) {
  return pack<schema::Failure>([&](schema::Failure::Builder b) {
    b.setQueryId(bytes_of(f.query));
    b.setFault(static_cast<std::uint8_t>(f.error.fault));
    b.setWhat(text_of(f.error.what));
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
    b.setQueryId(bytes_of(p.header.job));
    b.setPlanDigest(bytes_of(p.header.plan));
    b.setClient(bytes_of(p.header.client));
    b.setNonce(bytes_of(p.header.nonce));
    b.setNotAfterMs(p.header.not_after_ms);
    b.setServer(static_cast<std::uint8_t>(p.server));
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
    p.header.not_after_ms = r.getNotAfterMs();
    auto server = role_of(r.getServer());
    if (!server) return tl::unexpected(server.error());
    p.server = *server;
    if (auto ok = fill(p.header.job, r.getQueryId(), "query id"); !ok) return ok;
    if (auto ok = fill(p.header.client, r.getClient(), "client's fingerprint"); !ok) return ok;
    if (auto ok = fill(p.header.nonce, r.getNonce(), "nonce"); !ok) return ok;
    return fill(p.header.plan, r.getPlanDigest(), "plan digest");
  });
}

Payload encode(const Predicted& p) {
  return pack<schema::Predicted>([&](schema::Predicted::Builder b) {
    b.setQueryId(bytes_of(p.query));
    b.setAttempt(bytes_of(p.attempt));
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
      to.setName(text_of(from.name));
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
    if (auto ok = fill(p.attempt, r.getAttempt(), "attempt"); !ok) return ok;
    p.output_share.assign(share.begin(), share.end());
    p.report.online_s = r.getOnlineS();
    p.report.offline_s = r.getOfflineS();
    p.report.pack = r.getPack();
    p.report.client_bytes = r.getClientBytes();
    p.report.offline_sent_bytes = r.getOfflineSentBytes();
    for (const auto s : r.getLayers()) {
      p.report.layers.push_back({word_of(s.getName()), s.getValue(), s.getComputeS(), s.getWaitS(),
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
    b.setName(text_of(d.name));
  });
}

template <>
Result<DeployBegin> decode(std::span<const std::uint8_t> bytes) {
  return unpack<DeployBegin, schema::DeployBegin>(
      bytes, [](schema::DeployBegin::Reader r, DeployBegin& d) -> Result<void> {
        const auto plan = r.getPlan();
        d.plan.assign(plan.begin(), plan.end());
        d.name = string_of(r.getName());
        if (d.name.empty() || d.name.size() > longest_model_name || !protocol::is_printable(d.name))
          return fail("the model's name is not 1 to " + std::to_string(longest_model_name) + " printable bytes");
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
    b.setVersion(text_of(s.version));
    b.setWireVersion(s.wire_version);
    b.setRole(static_cast<std::uint8_t>(s.role));
    b.setChoice(text_of(s.choice));
    b.setInSession(s.in_session);
    b.setSession(text_of(s.session));
    b.setDeployment(text_of(s.deployment));
    b.setPlanDigest(text_of(s.plan_digest));
    b.setServing(s.serving);
    b.setPacksReady(s.packs_ready);
    b.setPackDepth(s.pack_depth);
    b.setQueriesInFlight(s.queries_in_flight);
    b.setClockUnixNs(s.clock_unix_ns);
    b.setCores(s.cores);
    b.setIsa(text_of(s.isa));
    b.setDiskFreeBytes(s.disk_free_bytes);
    b.setPlaintextLinksAllowed(s.plaintext_links_allowed);
  });
}

template <>
Result<PartyStatus> decode(std::span<const std::uint8_t> bytes) {
  return unpack<PartyStatus, schema::Status>(bytes, [](schema::Status::Reader r, PartyStatus& s) -> Result<void> {
    auto role = role_of(r.getRole());
    if (!role) return tl::unexpected(role.error());
    s = {word_of(r.getVersion()),
         r.getWireVersion(),
         *role,
         word_of(r.getChoice()),
         r.getInSession(),
         protocol::printable(string_of(r.getSession()), longest_reason),
         word_of(r.getDeployment()),
         word_of(r.getPlanDigest()),
         r.getServing(),
         r.getPacksReady(),
         r.getPackDepth(),
         r.getQueriesInFlight(),
         r.getClockUnixNs(),
         r.getCores(),
         word_of(r.getIsa()),
         r.getDiskFreeBytes(),
         r.getPlaintextLinksAllowed()};
    return {};
  });
}

}  // namespace blindsight::wire
