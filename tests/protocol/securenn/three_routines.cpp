#include "tests/protocol/securenn/three_routines.h"

#include <algorithm>
#include <queue>
#include <random>
#include <stdexcept>

#include "protocol/securenn/relu.h"

namespace blindsight::protocol::securenn::testing {

void Planted::fill(const Stream& stream, std::uint64_t offset, std::span<std::uint8_t> out) const {
  if (stream.kind != 0xff) {  // not the key's fingerprint
    const std::lock_guard lock(drawn_->mutex);
    auto& ranges = drawn_->ranges[stream];
    const auto after = ranges.upper_bound(offset);
    const bool overlaps = (after != ranges.end() && after->first < offset + out.size()) ||
                          (after != ranges.begin() && std::prev(after)->second > offset);
    drawn_->twice |= overlaps;
    ranges[offset] = offset + out.size();
  }
  const auto found = words_.find(stream.kind);
  if (found == words_.end()) return Prg::fill(stream, offset, out);
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<std::uint8_t>(found->second >> 8 * ((offset + i) % 8));
}

bool Planted::drew_twice() const {
  return drawn_->twice;
}

// A byte of 1 draws the lowest value below 66 and 67, a byte of 255 the highest below any bound (field67.h).
void Planted::no_refresh() {
  for (const Field f : {Field::convert_refresh, Field::msb_refresh}) plant(f, 0x0101010101010101);
}
void Planted::no_blinding() {
  for (const Field f : {Field::convert_blind, Field::msb_blind}) plant(f, 0x0101010101010101);
}
void Planted::no_permutation() {
  for (const Field f : {Field::convert_permutation, Field::msb_permutation}) plant(f, ~Word64{0});
}

namespace {

constexpr Stream tested{.pack = 7, .value = 3, .band = 5};

Planted of_server(std::uint64_t seed, PartyId server, PartyId peer, MaskLedger* ledger) {
  return Planted(protocol::testing::key_from_seed(seed, tested.pack, server, peer), ledger);
}

}  // namespace

ThreeRoutines::ThreeRoutines(Dealing::Randomness randomness, std::uint64_t seed, MaskLedger* ledger)
    : common{of_server(seed, PartyId::server0, PartyId::server1, ledger),
             of_server(seed, PartyId::server1, PartyId::server0, ledger)},
      with_producer{of_server(seed, PartyId::server0, PartyId::producer, ledger),
                    of_server(seed, PartyId::server1, PartyId::producer, ledger)},
      share_keys_(protocol::testing::keys_from_seed(seed, tested.pack, ledger)[2], randomness),
      servers_{Server{PartyId::server0, randomness, with_producer[0], common[0], tested},
               Server{PartyId::server1, randomness, with_producer[1], common[1], tested}},
      helper_{share_keys_, tested} {}

std::array<Buffer<Word64>, 2> ThreeRoutines::run(const std::array<Buffer<Word64>, 2>& shares, const ServerPart& server,
                                                 const HelperPart& helper) {
  std::array<Buffer<Word64>, 2> result;
  // Plain functions make the coroutines, so that none refers to a lambda's captures after it has gone.
  struct Body {
    static Routine<> of_server(Channel& channel, const Server& s, const ServerPart& part, Buffer<Word64> share,
                               Buffer<Word64>& out) {
      Buffer<Word64> y = co_await part(channel, s, std::move(share));
      out = std::move(y);
    }
  };
  std::array<std::unique_ptr<RoutineStep>, 3> steps{
      std::make_unique<RoutineStep>(
          "server 0", [&](Channel& c) { return Body::of_server(c, servers_[0], server, shares[0], result[0]); }),
      std::make_unique<RoutineStep>(
          "server 1", [&](Channel& c) { return Body::of_server(c, servers_[1], server, shares[1], result[1]); }),
      std::make_unique<RoutineStep>("producer", [&](Channel& c) { return helper(c, helper_); })};

  cost_ = {};
  transcript_.clear();
  struct InFlight {
    std::size_t arrival, number;  // delivered in this order
    Message message;
    bool operator<(const InFlight& o) const { return std::pair(arrival, number) > std::pair(o.arrival, o.number); }
  };
  std::priority_queue<InFlight> flying;
  std::array<std::size_t, 3> clock{};
  std::array<bool, 3> done{};
  std::size_t sent = 0;
  const auto take = [&](unsigned p, Result<Progress> progress) {
    if (!progress) throw std::runtime_error(progress.error().what);
    done[p] = progress->done;
    for (Outbound& o : progress->outbound) {
      const std::uint64_t bytes = o.payload.size();
      const auto from = static_cast<PartyId>(p);
      if (o.to == PartyId::producer)
        cost_.server_to_producer += bytes;
      else if (from == PartyId::producer)
        (o.to == PartyId::server0 ? cost_.producer_to_server0 : cost_.producer_to_server1) += bytes;
      else
        (p == 0 ? cost_.server0_to_server1 : cost_.server1_to_server0) += bytes;
      flying.push({clock[p] + 1, sent++, {from, o.to, o.round, std::move(o.payload)}});
    }
  };
  for (unsigned p = 0; p < 3; ++p) take(p, steps[p]->begin());
  while (!flying.empty()) {
    InFlight next = flying.top();
    flying.pop();
    if (tamper) tamper(next.message);
    transcript_.push_back(next.message);
    const auto to = static_cast<unsigned>(next.message.to);
    clock[to] = std::max(clock[to], next.arrival);
    cost_.rounds = std::max<std::uint64_t>(cost_.rounds, next.arrival);
    take(to, steps[to]->advance({next.message.from, next.message.round, std::move(next.message.payload)}));
  }
  if (!done[0] || !done[1] || !done[2]) throw std::runtime_error("a party still waits when nothing is under way");
  return result;
}

std::array<Buffer<Word64>, 2> ThreeRoutines::relu(const std::array<Buffer<Word64>, 2>& shares, std::uint8_t level) {
  const std::size_t n = shares[0].size();
  return run(
      shares,
      [level](Channel& c, const Server& s, Buffer<Word64> x) { return securenn::relu(c, s, std::move(x), level); },
      [level, n](Channel& c, const Helper& h) { return help_relu(c, h, n, level); });
}

const Payload& ThreeRoutines::message(PartyId from, PartyId to, std::size_t i) const {
  for (const Message& m : transcript_)
    if (m.from == from && m.to == to && m.round == i) return m.payload;
  throw std::out_of_range("no such message crossed");
}

std::vector<std::int64_t> values(std::size_t n, std::int64_t limit, std::uint64_t seed) {
  std::vector<std::int64_t> v{0, 1, -1, 2, -2, limit - 1, limit - 2, -limit, 1 - limit};
  for (int k = 2; std::int64_t{1} << k < limit; ++k)
    for (const int d : {-1, 0, 1})
      for (const int sign : {-1, 1}) v.push_back(sign * ((std::int64_t{1} << k) + d));
  std::mt19937_64 rng(seed);
  while (v.size() < n)
    v.push_back(static_cast<std::int64_t>(rng() % static_cast<Word64>(limit) >> rng() % 62) * (rng() & 1 ? 1 : -1));
  std::shuffle(v.begin(), v.end(), rng);
  v.resize(n);
  return v;
}

std::array<Buffer<Word64>, 2> shares_of(std::span<const std::int64_t> values, std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::array<Buffer<Word64>, 2> shares{Buffer<Word64>(values.size()), Buffer<Word64>(values.size())};
  for (std::size_t i = 0; i < values.size(); ++i) {
    shares[0][i] = rng();
    shares[1][i] = static_cast<Word64>(values[i]) - shares[0][i];
  }
  return shares;
}

std::vector<std::int64_t> revealed(const std::array<Buffer<Word64>, 2>& shares) {
  std::vector<std::int64_t> values(shares[0].size());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int64_t>(shares[0][i] + shares[1][i]);
  return values;
}

}  // namespace blindsight::protocol::securenn::testing
