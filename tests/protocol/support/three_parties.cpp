#include "tests/protocol/support/three_parties.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <stdexcept>

namespace blindsight::protocol::testing {
namespace {

constexpr std::array parties = {PartyId::server0, PartyId::server1, PartyId::producer};

void count(Cost& c, PartyId from, PartyId to, std::size_t bytes) {
  if (from == PartyId::client || to == PartyId::client)
    c.client += bytes;
  else if (from == PartyId::server0 && to == PartyId::server1)
    c.server0_to_server1 += bytes;
  else if (from == PartyId::server1 && to == PartyId::server0)
    c.server1_to_server0 += bytes;
  else if (to == PartyId::producer)
    c.server_to_producer += bytes;
  else
    (to == PartyId::server0 ? c.producer_to_server0 : c.producer_to_server1) += bytes;
}

KeySet roots_from_seed(std::uint64_t seed, PartyId party) {
  const std::shared_ptr<std::uint8_t> memory = secret_memory(3 * Key::size);
  const auto key = [&](int peer) {
    const int self = static_cast<int>(party);
    const std::size_t at = static_cast<std::size_t>(peer) * Key::size;
    for (std::size_t i = 0; i < 8; ++i) memory.get()[at + i] = static_cast<std::uint8_t>(seed >> (8 * i));
    memory.get()[at + 8] = static_cast<std::uint8_t>(std::min(self, peer) * 4 + std::max(self, peer));
    return Key(memory, at);
  };
  return {key(0), key(1), key(2)};
}

}  // namespace

std::array<std::unique_ptr<KeyRing>, 3> rings_from_seed(std::uint64_t seed, MaskLedger* ledger) {
  std::array<std::unique_ptr<KeyRing>, 3> rings;
  for (const PartyId p : parties)
    rings[static_cast<std::size_t>(p)] = std::make_unique<KeyRing>(p, roots_from_seed(seed, p), ledger);
  return rings;
}

Key key_from_seed(std::uint64_t seed, PackId pack, PartyId party, PartyId peer) {
  KeyTree tree(roots_from_seed(seed, party), Stream::pack_bits);
  return std::move(tree.take(pack).value()[static_cast<std::size_t>(peer)]);
}

std::array<PackKeysPtr, 3> keys_from_seed(std::uint64_t seed, PackId pack, MaskLedger* ledger) {
  std::array<PackKeysPtr, 3> keys;
  const auto rings = rings_from_seed(seed, ledger);
  for (std::size_t i = 0; i < 3; ++i) keys[i] = rings[i]->open(pack).value();
  return keys;
}

ThreeParties::ThreeParties(Bound bound, const std::vector<LayerWeights>& weights, Options options)
    : bound_(std::move(bound)), options_(std::move(options)), order_(options_.seed) {
  for (LayerId i = 0; i < weights.size(); ++i) {
    auto shares = bound_.clients->share_weights(i, weights[i]);
    if (!shares) throw std::runtime_error(shares.error().what);
    for (int s = 0; s < 2; ++s) weight_shares_[s].push_back(std::move((*shares)[s]));
  }
  rings_ = rings_from_seed(options_.seed, options_.ledger);
  for (const PartyId p : parties) {
    const auto i = static_cast<unsigned>(p);
    auto made = bound_.parties->make_program({p, weight_shares_[i]});
    if (!made) throw std::runtime_error(made.error().what);
    programs_[i] = std::move(*made);
    if (programs_[i]->online_party() != (is_server(p) || bound_.protocol->producer_online))
      throw std::runtime_error(std::string(name(p)) + ": Traits::producer_online does not tell who takes part online");
  }
  in_rounds_ = true;  // set-up is counted as it happens; queries only when asked
  for (LayerId layer = 0; layer < weights.size(); ++layer) {
    std::vector<Running> steps;
    for (const PartyId p : parties)
      if (auto s = programs_[static_cast<unsigned>(p)]->set_up(layer, keys(set_up_pack)[static_cast<unsigned>(p)]))
        steps.push_back({p, value_of(layer), 0, std::move(s)});
    set_up_.rounds += run(steps, {}, [&](std::size_t) -> Cost& { return set_up_; });
  }
  in_rounds_ = false;
}

const std::array<PackKeysPtr, 3>& ThreeParties::keys(PackId pack) {
  auto& of_pack = keys_[pack];
  if (!of_pack[0])
    for (std::size_t i = 0; i < 3; ++i) of_pack[i] = rings_[i]->open(pack).value();
  return of_pack;
}

std::size_t ThreeParties::run(std::vector<Running>& steps, std::vector<Crossed> waiting,
                              const std::function<Cost&(std::size_t)>& cost) {
  std::vector<Crossed> next_round;
  auto& sent = in_rounds_ ? next_round : waiting;
  auto emit = [&](Running& r, Result<Progress> progress) {
    if (!progress) throw std::runtime_error(std::string(name(r.party)) + ": " + progress.error().what);
    r.done = progress->done;
    for (Outbound& o : progress->outbound) {
      count(cost(r.value), r.party, o.to, o.payload.size());
      if (o.to == PartyId::client) {
        answers_[static_cast<unsigned>(r.party)].push_back(std::move(o.payload));
        continue;
      }
      sent.push_back({r.party, o.to, r.value, r.band, o.round, std::move(o.payload)});
    }
  };
  // Steps begin in any order, but those of a party that has bounded them in rising order of their bands, so many at
  // once.
  std::shuffle(steps.begin(), steps.end(), order_);
  std::ranges::stable_sort(steps, {}, [](const Running& r) { return r.begins_after; });
  std::map<PartyId, std::size_t> under_way;
  auto begin_what_may = [&] {
    for (bool again = true; again;) {
      again = false;
      for (Running& r : steps) {
        if (r.begun || under_way[r.party] >= r.at_once) continue;
        r.begun = again = true;
        ++under_way[r.party];
        emit(r, r.step->begin());
        if (r.done) --under_way[r.party];
      }
    }
  };
  begin_what_may();
  std::size_t rounds = 0;
  std::vector<Crossed> early;
  while (!waiting.empty() || !next_round.empty()) {
    if (waiting.empty()) {
      ++rounds;
      waiting = std::move(next_round);
      next_round.clear();
    }
    // Any message may be next, but those of one sender to one step keep their order, as on a link.
    const std::size_t pick = order_() % waiting.size();
    auto next = std::find_if(waiting.begin(), waiting.end(), [&](const Crossed& c) {
      const Crossed& w = waiting[pick];
      return c.from == w.from && c.to == w.to && c.value == w.value && c.band == w.band;
    });
    Crossed message = std::move(*next);
    waiting.erase(next);
    auto to = std::find_if(steps.begin(), steps.end(), [&](const Running& r) {
      return r.party == message.to && r.value == message.value && r.band == message.band;
    });
    if (to == steps.end()) throw std::runtime_error("a message for a step that does not exist");
    if (!to->begun) {
      early.push_back(std::move(message));
      continue;
    }
    if (options_.tamper) options_.tamper(message);
    if (options_.keep_transcript) transcript_.push_back(message);
    if (to->done) throw std::runtime_error("a message for a step that is done");
    emit(*to, to->step->advance({message.from, message.round, std::move(message.payload)}));
    if (to->done) {
      --under_way[to->party];
      begin_what_may();
      waiting.insert(waiting.begin(), std::make_move_iterator(early.begin()), std::make_move_iterator(early.end()));
      early.clear();
    }
  }
  if (!early.empty()) throw std::runtime_error("a message for a step that never began");
  for (const Running& r : steps)
    if (!r.done)
      throw std::runtime_error(std::string(name(r.party)) + " waits for ever in value " + std::to_string(r.value));
  return rounds;
}

void ThreeParties::preprocess(PackId pack) {
  auto& material = packs_[pack];
  const std::size_t values = programs_[0]->values().size();
  offline_.assign(values, {});
  for (auto& m : material) m.resize(values);
  for (ValueId value = 0; value < values; ++value) {
    std::vector<Running> steps;
    const std::size_t bands = programs_[0]->values()[value].bands.size();
    for (auto& m : material) m[value].resize(bands);
    for (std::uint32_t band = 0; band < bands; ++band)
      for (const PartyId p : parties) {
        const auto i = static_cast<unsigned>(p);
        if (auto s = programs_[i]->preprocess(making(value, pack, band), keys(pack)[i], material[i][value][band]))
          steps.push_back({p, value, band, std::move(s)});
      }
    run(steps, {}, [&](std::size_t s) -> Cost& { return offline_[s]; });
  }
}

std::size_t ThreeParties::pack_bytes(PackId pack, PartyId p) const {
  std::size_t bytes = 0;
  for (const auto& value : packs_.at(pack)[static_cast<unsigned>(p)])
    for (const auto& material : value)
      if (material) bytes += material->bytes();
  return bytes;
}

std::vector<std::int64_t> ThreeParties::predict(PackId pack, std::span<const std::int64_t> input) {
  auto shares = bound_.clients->share_input(input);
  if (!shares) throw std::runtime_error(shares.error().what);
  return predict_shares(pack, *shares);
}

std::vector<std::int64_t> ThreeParties::predict_shares(PackId pack, const std::array<Payload, 2>& shares) {
  auto& material = packs_.at(pack);
  const std::size_t values = programs_[0]->values().size();
  online_.assign(values, {});
  rounds_.assign(values, 0);
  for (auto& a : answers_) a.clear();
  std::array<std::shared_ptr<MaskedMap>, 3> in;
  for (ValueId value = 0; value < values; ++value) {
    std::array<std::shared_ptr<MaskedMap>, 3> out;
    std::vector<Running> steps;
    std::vector<Crossed> first;
    for (const PartyId p : parties) {
      const auto i = static_cast<unsigned>(p);
      if (!programs_[i]->online_party()) continue;
      if (is_server(p) && value + 1u < values)
        out[i] = std::make_shared<MaskedMap>(programs_[i]->values()[value].map_bytes);
      for (std::uint32_t band = 0; band < programs_[i]->values()[value].bands.size(); ++band)
        if (auto step = programs_[i]->online(making(value, pack, band), keys(pack)[i], in[i], out[i],
                                             std::move(material[i][value][band]))) {
          const std::size_t at_once = programs_[i]->values()[value].bands_at_once;
          const bool bounded = at_once < programs_[i]->values()[value].bands.size();
          steps.push_back({p, value, band, std::move(step), at_once, bounded ? band : 0});
        }
      if (value == 0 && is_server(p)) {
        first.push_back({PartyId::client, p, 0, 0, 0, shares[i]});
        count(online_[0], PartyId::client, p, shares[i].size());
      }
    }
    rounds_[value] = run(steps, std::move(first), [&](std::size_t s) -> Cost& { return online_[s]; });
    in = std::move(out);
  }
  packs_.erase(pack);
  std::array<Payload, 2> answer;
  for (int p = 0; p < 2; ++p) {
    if (answers_[p].size() != 1) throw std::runtime_error("a server does not answer with one message");
    answer[p] = std::move(answers_[p][0]);
  }
  auto output = bound_.clients->reveal_output(std::span<const Payload, 2>(answer));
  if (!output) throw std::runtime_error(output.error().what);
  return *output;
}

}  // namespace blindsight::protocol::testing
