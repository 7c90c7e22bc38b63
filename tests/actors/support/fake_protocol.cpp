#include "tests/actors/support/fake_protocol.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <optional>
#include <random>

namespace blindsight::test {

using namespace protocol;
using tensor::RowRange;

namespace {

using Words = std::vector<std::uint32_t>;

Payload to_payload(const Words& w) {
  Payload p(w.size() * 4);
  std::memcpy(p.data(), w.data(), p.size());
  fake_hooks().wrote(p);
  return p;
}

Words to_words(std::span<const std::uint8_t> p) {
  Words w(p.size() / 4);
  std::memcpy(w.data(), p.data(), w.size() * 4);
  return w;
}

Result<Words> checked(const Inbound& m, PartyId from, std::uint16_t round, std::size_t words) {
  if (m.from != from || m.round != round || m.payload.size() != words * 4)
    return fail("awaited " + std::to_string(words * 4) + " bytes of round " + std::to_string(round) + " from " +
                std::string(name(from)) + ", got " + std::to_string(m.payload.size()) + " bytes of round " +
                std::to_string(m.round) + " from " + std::string(name(m.from)));
  return to_words(m.payload);
}

/// Rows of the mask of a value; the same at whoever knows the key.
Words mask(const Prg& prg, PackId pack, ValueId value, RowRange rows, std::size_t width) {
  Words w(rows.size() * width);
  prg.words<std::uint32_t>(Stream::of_map(pack, value, 1), rows.begin * width, w);
  return w;
}

struct Material final : BandMaterial {
  using BandMaterial::BandMaterial;
  Words in, out;  ///< this server's shares of the masks of what the band reads and makes
  std::size_t bytes() const override { return (in.size() + out.size()) * 4; }
};

struct Layout {
  NetworkSpec network;
  std::size_t rows, width;
  std::vector<ValueInfo> values;

  explicit Layout(const NetworkSpec& n, bool helped = false)
      : network(n), rows(n.input.height), width(n.input.row_elements()) {
    values.push_back({"input", rows * width * 4, {{{0, 0}, {0, rows}}}});
    const std::size_t layers = n.layers.size();
    for (std::size_t i = 1; i <= layers; ++i) {
      ValueInfo s{n.layers[i - 1].name, i == layers ? 0 : rows * width * 4, {}};
      if (i == layers) {
        s.bands.push_back({{0, rows}, {0, 1}});
      } else {
        for (std::size_t r = 0; r < rows; r += 2) s.bands.push_back({{r > 0 ? r - 1 : 0, r + 2}, {r, r + 2}});
      }
      if (helped && i == 1) s.bands_at_once = fake_bands_at_once;
      values.push_back(std::move(s));
    }
  }
  bool last(std::size_t value) const { return value + 1 == values.size(); }
  std::size_t in_words(const Work& w) const { return values[w.value].bands[w.band].needs.size() * width; }
  std::size_t out_words(const Work& w) const {
    return last(w.value) ? 0 : values[w.value].bands[w.band].makes.size() * width;
  }
};

/// Server i ↔ the other server: one word of the weights' shares, only to have an exchange.
class SetUpStep final : public Step {
 public:
  explicit SetUpStep(PartyId self) : self_(self) {}
  Result<Progress> begin() override { return Progress{{{other(self_), 0, to_payload({42})}}, false}; }
  Result<Progress> advance(Inbound m) override {
    auto w = checked(m, other(self_), 0, 1);
    if (!w) return tl::unexpected(w.error());
    return Progress{{}, true};
  }

 private:
  PartyId self_;
};

/// Server 0 derives its masks from the key it shares with the producer; server 1's are dealt. Server 0 gets a token all
/// the same.
class DealStep final : public Step {
 public:
  DealStep(const Layout& l, PackKeysPtr keys, const Work& work) : l_(l), keys_(std::move(keys)), work_(work) {}
  Result<Progress> begin() override {
    const auto& t = l_.values[work_.value].bands[work_.band];
    Words w = work_.value > 0 ? mask(keys_->own(), work_.pack, read_by(work_.layer), t.needs, l_.width) : Words{};
    if (!l_.last(work_.value)) {
      const auto out = mask(keys_->own(), work_.pack, work_.value, t.makes, l_.width);
      w.insert(w.end(), out.begin(), out.end());
    }
    return Progress{{{PartyId::server0, 0, to_payload({7})}, {PartyId::server1, 0, to_payload(w)}}, true};
  }
  Result<Progress> advance(Inbound) override { return fail("the producer awaits nothing"); }

 private:
  const Layout& l_;
  PackKeysPtr keys_;
  Work work_;
};

class PrepareStep final : public Step {
 public:
  PrepareStep(const Layout& l, PartyId self, PackKeysPtr keys, const Work& work,
              std::unique_ptr<BandMaterial>& material)
      : l_(l), self_(self), keys_(std::move(keys)), work_(work), material_(material) {}
  Result<Progress> begin() override { return Progress{}; }
  Result<Progress> advance(Inbound m) override {
    const auto in = l_.in_words(work_), out = l_.out_words(work_);
    auto w = checked(m, PartyId::producer, 0, self_ == PartyId::server0 ? 1 : in + out);
    if (!w) return tl::unexpected(w.error());
    auto mine = std::make_unique<Material>(work_);
    const auto& t = l_.values[work_.value].bands[work_.band];
    if (self_ == PartyId::server0) {
      if (work_.value > 0)
        mine->in = mask(keys_->with(PartyId::producer), work_.pack, read_by(work_.layer), t.needs, l_.width);
      if (!l_.last(work_.value))
        mine->out = mask(keys_->with(PartyId::producer), work_.pack, work_.value, t.makes, l_.width);
    } else {
      const auto cut = w->begin() + static_cast<std::ptrdiff_t>(in);
      mine->in.assign(w->begin(), cut);
      mine->out.assign(cut, w->end());
    }
    material_ = std::move(mine);
    return Progress{{}, true};
  }

 private:
  const Layout& l_;
  PartyId self_;
  PackKeysPtr keys_;
  Work work_;
  std::unique_ptr<BandMaterial>& material_;
};

std::uint32_t band_word(const Work& work) {
  return work.value * 1000u + work.band;
}

/// A producer that helps: awaits a word of each server and sends them a sharing of zero.
class HelpStep final : public Step {
 public:
  HelpStep(const Layout& l, PackKeysPtr keys, const Work& work) : l_(l), keys_(std::move(keys)), work_(work) {}
  Result<Progress> begin() override { return Progress{}; }
  Result<Progress> advance(Inbound m) override {
    auto w = checked(m, asked_ == 0 ? m.from : other(first_), 0, 1);
    if (!w) return tl::unexpected(w.error());
    if ((*w)[0] != band_word(work_)) return fail("the question is for another band");
    first_ = m.from;
    if (++asked_ < 2 || fake_hooks().stall_helper_value == static_cast<int>(work_.value)) return Progress{};
    auto zero = mask(keys_->own(), work_.pack, work_.value, l_.values[work_.value].bands[work_.band].makes, l_.width);
    auto minus = zero;
    for (auto& v : minus) v = 0 - v;
    fake_hooks().band({PartyId::producer, work_.pack, work_.value, work_.band, false});
    return Progress{{{PartyId::server0, 0, to_payload(zero)}, {PartyId::server1, 0, to_payload(minus)}}, true};
  }

 private:
  const Layout& l_;
  PackKeysPtr keys_;
  Work work_;
  int asked_ = 0;
  PartyId first_ = PartyId::server0;
};

/// Input: client's share, then E. Layer: a greeting of one word, then E of the result. With a helper also a word to it,
/// and its share of zero, which goes into the result.
class OnlineStep final : public Step {
 public:
  OnlineStep(const Layout& l, PartyId self, std::uint32_t weight, const Work& work, std::shared_ptr<const MaskedMap> in,
             std::shared_ptr<MaskedMap> out, std::unique_ptr<Material> material, bool helped)
      : l_(l),
        self_(self),
        weight_(weight),
        work_(work),
        in_(std::move(in)),
        out_(std::move(out)),
        material_(std::move(material)),
        helped_(helped && work.value > 0) {}

  Result<Progress> begin() override {
    if (fake_hooks().stall_value == static_cast<int>(work_.value) && self_ == PartyId::server0 &&
        fake_hooks().on_stalled)
      fake_hooks().on_stalled();
    if (work_.value == 0) return Progress{};
    if (l_.last(work_.value)) {
      const auto x = shares();
      std::uint32_t sum = weight_;
      for (const auto v : x) sum += v;
      return Progress{{{PartyId::client, 0, to_payload(Words(l_.network.layers.back().conv.out_channels, sum))}}, true};
    }
    auto progress = sent({band_word(work_)}, 0);
    if (helped_) {
      Words question{band_word(work_)};
      int value = static_cast<int>(work_.value);
      if (self_ == PartyId::server1 && fake_hooks().damage_helper_value.compare_exchange_strong(value, -1))
        question.push_back(0);
      progress->outbound.push_back({PartyId::producer, 0, to_payload(question)});
    }
    return progress;
  }

  Result<Progress> advance(Inbound m) override {
    if (work_.value == 0 && !have_client_) {
      auto x = checked(m, PartyId::client, 0, l_.rows * l_.width);
      if (!x) return tl::unexpected(x.error());
      have_client_ = true;
      result_ = std::move(*x);
      return send_masked(0);
    }
    if (helped_ && !help_ && m.from == PartyId::producer) {
      auto help = checked(m, PartyId::producer, 0, l_.out_words(work_));
      if (!help) return tl::unexpected(help.error());
      help_ = std::move(*help);
    } else if (work_.value > 0 && !greeted_) {
      auto w = checked(m, other(self_), 0, 1);
      if (!w) return tl::unexpected(w.error());
      if ((*w)[0] != band_word(work_)) return fail("the greeting is for another band");
      greeted_ = true;
    } else {
      auto theirs = checked(m, other(self_), work_.value == 0 ? 0 : 1, l_.out_words(work_));
      if (!theirs) return tl::unexpected(theirs.error());
      theirs_ = std::move(*theirs);
    }
    Result<Progress> progress = Progress{};
    if (work_.value > 0 && greeted_ && masked_.empty() && (help_ || !helped_)) {
      result_ = layer();
      for (std::size_t i = 0; helped_ && i < result_.size(); ++i) result_[i] += (*help_)[i];
      progress = send_masked(1);
    }
    if (!masked_.empty() && theirs_) {
      open();
      progress->done = true;
      fake_hooks().band({self_, work_.pack, work_.value, work_.band, false});
    }
    return progress;
  }

 private:
  void open() {
    const auto& t = l_.values[work_.value].bands[work_.band];
    for (std::size_t i = 0; i < result_.size(); ++i) {
      const std::uint32_t e = masked_[i] + (*theirs_)[i];
      std::memcpy(out_->data() + (t.makes.begin * l_.width + i) * 4, &e, 4);
    }
  }

  Words shares() const {
    const auto needs = l_.values[work_.value].bands[work_.band].needs;
    Words x = material_->in;
    if (self_ == PartyId::server0)
      for (std::size_t i = 0; i < x.size(); ++i) {
        std::uint32_t e = 0;
        std::memcpy(&e, in_->data() + (needs.begin * l_.width + i) * 4, 4);
        x[i] += e;
      }
    return x;
  }

  Words layer() const {
    const auto& t = l_.values[work_.value].bands[work_.band];
    const auto x = shares();
    Words y(l_.out_words(work_), weight_);
    for (std::size_t r = t.makes.begin; r < t.makes.end; ++r)
      for (std::size_t c = 0; c < l_.width; ++c) {
        auto& to = y[(r - t.makes.begin) * l_.width + c];
        to += x[(r - t.needs.begin) * l_.width + c];
        if (r > 0) to += x[(r - 1 - t.needs.begin) * l_.width + c];
      }
    return y;
  }

  Result<Progress> send_masked(std::uint16_t round) {
    masked_ = result_;
    for (std::size_t i = 0; i < masked_.size(); ++i) masked_[i] -= material_->out[i];
    return sent(masked_, round);
  }

  Result<Progress> sent(Words words, std::uint16_t round) {
    auto& hooks = fake_hooks();
    if (self_ == PartyId::server1 && hooks.stall_value == static_cast<int>(work_.value)) return Progress{};
    int value = static_cast<int>(work_.value);
    if (self_ == PartyId::server1 && hooks.damage_value.compare_exchange_strong(value, -1)) words.push_back(0);
    return Progress{{{other(self_), round, to_payload(words)}}, false};
  }

  const Layout& l_;
  PartyId self_;
  std::uint32_t weight_;
  Work work_;
  std::shared_ptr<const MaskedMap> in_;
  std::shared_ptr<MaskedMap> out_;
  std::unique_ptr<Material> material_;
  const bool helped_;
  bool have_client_ = false, greeted_ = false;
  std::optional<Words> help_, theirs_;
  Words result_, masked_;
};

class FakeProgram final : public Program {
 public:
  FakeProgram(const NetworkSpec& network, const PartyContext& party, bool helped)
      : layout_(network, helped), self_(party.self), helped_(helped) {
    for (const auto& share : party.weight_shares) weights_.push_back(to_words(share).at(0));
  }
  const std::vector<ValueInfo>& values() const override { return layout_.values; }
  bool online_party() const override { return is_server(self_) || helped_; }
  std::unique_ptr<Step> set_up(LayerId, PackKeysPtr) override {
    if (!is_server(self_)) return nullptr;
    return std::make_unique<SetUpStep>(self_);
  }
  std::unique_ptr<Step> preprocess(const Work& work, PackKeysPtr keys,
                                   std::unique_ptr<BandMaterial>& material) const override {
    keys = keys_of(work, std::move(keys));
    if (helped_) return nullptr;
    if (self_ == PartyId::producer) return std::make_unique<DealStep>(layout_, std::move(keys), work);
    return std::make_unique<PrepareStep>(layout_, self_, std::move(keys), work, material);
  }
  std::unique_ptr<Step> online(const Work& work, PackKeysPtr keys, std::shared_ptr<const MaskedMap> in,
                               std::shared_ptr<MaskedMap> out, std::unique_ptr<BandMaterial> material) const override {
    if (!is_server(self_) && !helped_) return nullptr;
    keys = keys_of(work, std::move(keys));
    fake_hooks().consumed(prefix(*keys) + std::to_string(work.pack) + " " + std::to_string(work.value) + " " +
                          std::to_string(work.band));
    if (self_ == PartyId::producer && (in || out || material)) std::abort();  // it has neither maps nor material
    if (self_ == PartyId::producer && (work.value == input_value || layout_.last(work.value))) return nullptr;
    fake_hooks().band({self_, work.pack, work.value, work.band, true});
    if (self_ == PartyId::producer) return std::make_unique<HelpStep>(layout_, std::move(keys), work);
    std::unique_ptr<Material> mine;
    if (!helped_) {
      mine = material_of<Material>(work, std::move(material));
    } else {
      const auto& t = layout_.values[work.value].bands[work.band];
      mine = std::make_unique<Material>(work);
      if (work.layer != no_layer)
        mine->in = mask(keys->with(PartyId::producer), work.pack, read_by(work.layer), t.needs, layout_.width);
      if (!layout_.last(work.value))
        mine->out = mask(keys->with(PartyId::producer), work.pack, work.value, t.makes, layout_.width);
    }
    const auto weight = work.layer == no_layer ? 0 : weights_.at(work.layer);
    return std::make_unique<OnlineStep>(layout_, self_, weight, work, std::move(in), std::move(out), std::move(mine),
                                        helped_);
  }

 private:
  /// Names the party and, without showing it, the key of its masks.
  std::string prefix(const PackKeys& keys) const {
    std::uint64_t key = 0;
    keys.with(is_server(self_) ? PartyId::producer : PartyId::server0)
        .fill({.kind = 2}, 0, {reinterpret_cast<std::uint8_t*>(&key), sizeof key});
    return std::string(name(self_)) + " " + std::to_string(key) + " ";
  }

  Layout layout_;
  PartyId self_;
  bool helped_;
  std::vector<std::uint32_t> weights_;
};

std::uint32_t random_word() {
  std::uint32_t r = 0;
  random_bytes({reinterpret_cast<std::uint8_t*>(&r), 4});
  return r;
}

class BoundFake final : public Parties, public Clients, public Costs {
 public:
  BoundFake(const NetworkSpec& network, bool helped) : network_(network), helped_(helped) {}

  Result<std::unique_ptr<Program>> make_program(const PartyContext& party) const override {
    if (is_server(party.self) && party.weight_shares.size() != network_.layers.size())
      return fail("weights are missing");
    for (const auto& share : party.weight_shares)
      if (share.size() < 4) return fail("a weight share is too short");
    return std::make_unique<FakeProgram>(network_, party, helped_);
  }

  Result<std::array<Payload, 2>> share_weights(LayerId, const LayerWeights& w) const override {
    const auto r = random_word();
    return std::array<Payload, 2>{to_payload({r}), to_payload({static_cast<std::uint32_t>(w.bias.at(0)) - r})};
  }
  std::array<std::size_t, 2> weight_share_bytes(LayerId) const override { return {4, 4}; }
  Result<std::array<Payload, 2>> share_input(std::span<const std::int64_t> input) const override {
    Words a, b;
    for (const auto v : input) {
      a.push_back(random_word());
      b.push_back(static_cast<std::uint32_t>(v) - a.back());
    }
    return std::array<Payload, 2>{to_payload(a), to_payload(b)};
  }
  std::array<std::size_t, 2> input_share_bytes() const override {
    return {4 * network_.input.elements(), 4 * network_.input.elements()};
  }
  Result<std::vector<std::int64_t>> reveal_output(std::span<const Payload, 2> halves) const override {
    const auto a = to_words(halves[0]), b = to_words(halves[1]);
    if (a.size() != b.size()) return fail("halves of different length");
    std::vector<std::int64_t> out;
    for (std::size_t i = 0; i < a.size(); ++i) out.push_back(static_cast<std::int32_t>(a[i] + b[i]));
    return out;
  }

  Cost online(ValueId) const override { return {}; }
  Cost offline(ValueId) const override { return {}; }
  Cost set_up(LayerId) const override { return {}; }
  Memory memory(PartyId party) const override {
    Memory m;
    if (!is_server(party)) return m;
    const Layout l(network_, helped_);
    m.deployment = network_.layers.size() * 4;
    if (helped_) return m;
    for (std::size_t value = 0; value < l.values.size(); ++value)
      for (std::uint32_t band = 0; band < l.values[value].bands.size(); ++band) {
        const Work work = making(static_cast<ValueId>(value), 0, band);
        m.per_pack += 4 * ((value != input_value ? l.in_words(work) : 0) + l.out_words(work));
      }
    return m;
  }
  double stated_error(LayerId) const override { return 0; }

 private:
  NetworkSpec network_;
  bool helped_;
};

class Fake final : public Protocol {
 public:
  explicit Fake(bool helped)
      : Protocol({.name = helped ? "fake-helped" : "fake",
                  .summary = "for tests of the actors",
                  .dealing_choices = helped,
                  .producer_online = helped}) {}

  Rings rings(const NetworkSpec&, LayerId) const override { return {32, 0, 32}; }
  Result<void> check_layer(const NetworkSpec&, LayerId) const override { return {}; }
  Result<void> check(const NetworkSpec&, const Dealing&) const override { return {}; }

 private:
  Bound bound_to(const NetworkSpec& network, const Dealing&) const override {
    const auto bound = std::make_shared<const BoundFake>(network, producer_online);
    return {this, bound, bound, bound};
  }
};

const Fake fake(false), fake_helped(true);

}  // namespace

void FakeHooks::consumed(const std::string& line) {
  if (const char* file = std::getenv("BLINDSIGHT_TEST_LEDGER")) {
    const int fd = ::open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    const auto text = line + "\n";
    if (fd < 0 || ::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
    ::close(fd);
  }
  const std::scoped_lock lock(mutex_);
  lines_.push_back(line);
}

void FakeHooks::forget_lines() {
  const std::scoped_lock lock(mutex_);
  lines_.clear();
}

std::vector<std::string> FakeHooks::lines() {
  const std::scoped_lock lock(mutex_);
  return lines_;
}

void FakeHooks::wrote(const protocol::Payload& payload) {
  if (!keep_payloads) return;
  const std::scoped_lock lock(mutex_);
  payloads_.push_back(payload);
}

std::vector<protocol::Payload> FakeHooks::payloads() {
  const std::scoped_lock lock(mutex_);
  return payloads_;
}

void FakeHooks::band(const FakeBand& band) {
  const std::scoped_lock lock(mutex_);
  bands_.push_back(band);
}

std::vector<FakeBand> FakeHooks::bands() {
  const std::scoped_lock lock(mutex_);
  return bands_;
}

FakeHooks& fake_hooks() {
  static FakeHooks hooks;
  return hooks;
}

const Protocol& fake_protocol = fake;
const Protocol& fake_helped_protocol = fake_helped;

model::Plan fake_plan(std::uint32_t constant, std::size_t rows) {
  model::Plan plan;
  plan.model_name = "fake-" + std::to_string(constant);
  for (int i = 0; i < 4; ++i)
    plan.weights_commitment[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(constant >> (8 * i));
  const tensor::Shape map{rows, 3, 2};
  plan.network.input = map;
  for (const char* layer_name : {"first", "second", "third"}) {
    LayerSpec layer;
    layer.name = layer_name;
    layer.conv.in = map;
    layer.conv.out_channels = 2;
    plan.network.layers.push_back(layer);
  }
  LayerSpec last;
  last.name = "sum";
  last.conv.in = {1, 1, map.elements()};
  last.conv.out_channels = 5;
  plan.network.layers.push_back(last);
  plan.worst_calibrated.resize(4, 0.5);
  plan.preprocessing.size = map;
  plan.preprocessing.mean = plan.preprocessing.deviation = {1, 1};
  return plan;
}

LayerWeights fake_weights(std::uint32_t constant) {
  return {{}, {static_cast<std::int64_t>(constant)}};
}

std::vector<std::int64_t> fake_input(const model::Plan& plan, std::uint32_t seed) {
  std::mt19937 rng(seed);
  std::vector<std::int64_t> x(plan.network.input.elements());
  for (auto& v : x) v = static_cast<std::int64_t>(rng() % 1000) - 500;
  return x;
}

std::vector<std::int64_t> fake_output(const model::Plan& plan, std::uint32_t constant,
                                      const std::vector<std::int64_t>& input) {
  const auto width = plan.network.input.row_elements();
  Words x(input.begin(), input.end());
  for (std::size_t layer = 0; layer + 1 < plan.network.layers.size(); ++layer) {
    Words y(x.size(), constant);
    for (std::size_t i = 0; i < x.size(); ++i) y[i] += x[i] + (i >= width ? x[i - width] : 0);
    x = y;
  }
  std::uint32_t sum = constant;
  for (const auto v : x) sum += v;
  return std::vector<std::int64_t>(plan.network.layers.back().conv.out_channels, static_cast<std::int32_t>(sum));
}

}  // namespace blindsight::test
