#include "protocol/beaver/program.h"

#include <cstring>
#include <stdexcept>

#include "protocol/core/bias.h"
#include "protocol/core/sum_averages.h"

namespace blindsight::protocol::beaver {
namespace {

using Triples = Dealing::Triples;
using Randomness = Dealing::Randomness;

constexpr Slot product_slot{static_cast<std::uint8_t>(Field::product)};

/// What a protocol of the family is bound to.
template <class Word>
struct Setting {
  const Scheme<Word>& scheme;
  NetworkSpec network;
  Dealing dealing;

  bool fresh() const { return dealing.triples == Triples::fresh; }
};

/// With fresh triples each band masks and opens the whole filter: as many rows as make that no more than the map costs.
template <class Word>
std::vector<BandLayout> layer_bands(const Setting<Word>& s, std::size_t layer) {
  const LayerSpec& l = s.network.layers[layer];
  std::size_t elements = s.scheme.band_elements;
  if (s.fresh()) elements = std::max(elements, 2 * l.conv.filter_elements());
  // NOLINTNEXTLINE(clang-analyzer-core.DivideZero): no map of a network is empty
  return bands(s.network, layer, (elements + l.conv_out().row_elements() - 1) / l.conv_out().row_elements());
}

/// A server keeps A_j beside E where it cannot expand it again.
template <class Word>
std::size_t map_element_bytes(const Dealing& d) {
  return (d.randomness == Randomness::sent ? 2 : 1) * sizeof(Word);
}

/// The band's product can be prepared ahead where neither F nor A_j comes with the query.
bool prepares_product(const Dealing& d) {
  return d.triples == Triples::reused && d.randomness == Randomness::seeded;
}

std::size_t product_elements(const LayerSpec& l, const BandLayout& t) {
  return t.conv.size() * l.conv_out().row_elements();
}

std::size_t out_elements(const LayerSpec& l, const BandLayout& t) {
  return t.out.size() * l.out().row_elements();
}

/// What the producer's one message for a band holds, at each server.
template <class Word>
Cost dealt_for_band(const Setting<Word>& s, std::size_t layer, const BandLayout& t) {
  const LayerSpec& l = s.network.layers[layer];
  const Randomness r = s.dealing.randomness;
  Cost c = s.scheme.cost({l, t, r, {}}).dealt;
  auto add = [&](std::size_t to0, std::size_t to1) {
    c.producer_to_server0 += to0;
    c.producer_to_server1 += to1;
  };
  const std::size_t mask = s.fresh() ? filter_bytes<Word>(l) : 0,
                    next = layer + 1 < s.network.layers.size() ? out_elements(l, t) * sizeof(Word) : 0,
                    product = product_elements(l, t) * sizeof(Word);
  add(random_bytes_sent(r, mask + next), random_bytes_sent(r, mask + next));
  add(dealt_bytes_sent(r, PartyId::server0, product), dealt_bytes_sent(r, PartyId::server1, product));
  return c;
}

/// The same for the input: its mask.
template <class Word>
Cost dealt_for_input(const Setting<Word>& s) {
  Cost c;
  c.producer_to_server0 = c.producer_to_server1 =
      random_bytes_sent(s.dealing.randomness, s.network.input.elements() * sizeof(Word));
  return c;
}

std::size_t to_server(const Cost& c, PartyId server) {
  return server == PartyId::server0 ? c.producer_to_server0 : c.producer_to_server1;
}

template <class Word>
class Material final : public BandMaterial {
 public:
  using BandMaterial::BandMaterial;
  Payload message;       ///< what the producer dealt and nobody has read yet
  Buffer<Word> product;  ///< A_j*F + C_j + bias, where it was prepared
  std::size_t bytes() const override { return message.size() + product.size() * sizeof(Word); }
};

/// The material's bytes, declared.
template <class Word>
std::size_t material_bytes(const Setting<Word>& s, std::size_t layer, const BandLayout& t, PartyId server) {
  const std::size_t message = to_server(dealt_for_band(s, layer, t), server);
  if (!prepares_product(s.dealing)) return message;
  const std::size_t product = product_elements(s.network.layers[layer], t) * sizeof(Word);
  return message - dealt_bytes_sent(s.dealing.randomness, server, product) + product;
}

template <class Word>
class BeaverProgram final : public Program {
 public:
  BeaverProgram(const Setting<Word>& setting, const PartyContext& party)
      : setting_(setting),
        self_(party.self),
        weight_shares_(party.weight_shares),
        filters_(setting_.network.layers.size()) {
    for (std::size_t i = 0; i < setting_.network.layers.size(); ++i) bands_.push_back(layer_bands(setting_, i));
    values_ = protocol::values(setting_.network, bands_, map_element_bytes<Word>(setting_.dealing));
    for (auto& s : values_) s.bands_at_once = setting_.scheme.bands_at_once;
  }

  const std::vector<ValueInfo>& values() const override { return values_; }
  bool online_party() const override { return is_server(self_) || !setting_.scheme.deals_ahead; }

  std::unique_ptr<Step> set_up(LayerId layer, PackKeysPtr keys) override {
    if (setting_.fresh()) return nullptr;
    const std::string where = "setting up layer '" + setting_.network.layers[layer].name + "'";
    if (!is_server(self_))
      return std::make_unique<RoutineStep>(
          where, [this, layer, keys](Channel& channel) { return set_up_producer(channel, layer, keys); });
    return std::make_unique<RoutineStep>(
        where, [this, layer, keys](Channel& channel) { return set_up_server(channel, layer, keys); });
  }

  std::unique_ptr<Step> preprocess(const Work& work, PackKeysPtr keys,
                                   std::unique_ptr<BandMaterial>& material) const override {
    keys = keys_of(work, std::move(keys));
    if (!setting_.scheme.deals_ahead) return nullptr;
    if (!is_server(self_))
      return std::make_unique<RoutineStep>(
          where(work), [this, work, keys](Channel& channel) -> Routine<> { return deal(channel, work, keys); });
    return std::make_unique<RoutineStep>("preprocessing " + where(work),
                                         [this, work, keys, &material](Channel& channel) -> Routine<> {
                                           return prepare(channel, work, keys, material);
                                         });
  }

  std::unique_ptr<Step> online(const Work& work, PackKeysPtr keys, std::shared_ptr<const MaskedMap> in,
                               std::shared_ptr<MaskedMap> out, std::unique_ptr<BandMaterial> material) const override {
    keys = keys_of(work, std::move(keys));
    if (!online_party()) return nullptr;
    if (!is_server(self_))
      return std::make_unique<RoutineStep>(where(work),
                                           [this, work, keys](Channel& channel) { return help(channel, work, keys); });
    // What is dealt while the query runs comes as the band's first message.
    const std::shared_ptr<Material<Word>> own = setting_.scheme.deals_ahead
                                                    ? material_of<Material<Word>>(work, std::move(material))
                                                    : std::make_unique<Material<Word>>(work);
    return std::make_unique<RoutineStep>(
        where(work), [this, work, keys, in = std::move(in), out = std::move(out), own](Channel& channel) -> Routine<> {
          if (work.value == input_value) return open_input(channel, work, keys, *out, *own);
          return evaluate(channel, work, keys, *in, out.get(), *own);
        });
  }

 private:
  bool last(ValueId value) const { return value == setting_.network.layers.size(); }
  bool sent() const { return setting_.dealing.randomness == Randomness::sent; }
  std::string where(const Work& work) const {
    return work.value == input_value
               ? "input"
               : "layer '" + setting_.network.layers[work.layer].name + "', band " + std::to_string(work.band);
  }
  BandContext context(const Work& work) const {
    return {setting_.network.layers[work.layer], bands_[work.layer][work.band], setting_.dealing.randomness,
            Stream::of(work)};
  }
  ShareSource source(const PackKeys& keys, Stream stream, std::span<const std::uint8_t> message) const {
    return {keys.with(PartyId::producer), self_, setting_.dealing.randomness, stream, message};
  }

  // --- producer ---

  Routine<> set_up_producer(Channel& channel, LayerId layer, PackKeysPtr keys) {
    const ShareKeys share_keys(std::move(keys), setting_.dealing.randomness);
    Dealer dealer(share_keys, Stream::of(making(value_of(layer))));
    filters_[layer] = filter_mask<Word>(dealer, setting_.network.layers[layer]);
    send_dealt(channel, dealer);
    co_return;
  }

  Routine<> deal(Channel& channel, Work work, PackKeysPtr keys) const {
    deal_band(channel, work, ShareKeys(std::move(keys), setting_.dealing.randomness));
    co_return;
  }

  void deal_band(Channel& channel, const Work& work, const ShareKeys& keys) const {
    Dealer dealer(keys, Stream::of(work));
    deal_values(dealer, work, keys);
    send_dealt(channel, dealer);
  }

  void deal_values(Dealer& dealer, const Work& work, const ShareKeys& keys) const {
    if (work.value != input_value) {
      const BandContext t = context(work);
      Filters<Word> fresh;
      const bool is_fresh = setting_.fresh();
      if (is_fresh) fresh = filter_mask<Word>(dealer, t.layer);
      deal_product<Word>(dealer, keys, work.pack, read_by(work.layer), t.layer, t.layout,
                         is_fresh ? fresh : filters_[work.layer]);
      if (setting_.scheme.deal) setting_.scheme.deal(dealer, t);
    }
    if (last(work.value) || !dealer.sent()) return;
    const auto [first, n] = opened(work);
    for (const PartyId server : {PartyId::server0, PartyId::server1}) {
      const Buffer<Word> a = input_mask<Word>(keys.of(server), work.pack, work.value, first, n);
      dealer.append(server, to_payload<Word>(a));
    }
  }

  Routine<> help(Channel& channel, Work work, PackKeysPtr keys) const {
    const ShareKeys share_keys(std::move(keys), setting_.dealing.randomness);
    deal_band(channel, work, share_keys);
    if (work.value == input_value || !setting_.scheme.help) co_return;
    const BandContext t = context(work);
    co_await setting_.scheme.help(channel, t, share_keys);
  }

  // --- servers ---

  /// Elements of the value that a band opens.
  std::pair<std::size_t, std::size_t> opened(const Work& work) const {
    if (work.value == input_value) return {0, setting_.network.input.elements()};
    const LayerSpec& l = setting_.network.layers[work.layer];
    const BandLayout& t = bands_[work.layer][work.band];
    return {t.out.begin * l.out().row_elements(), out_elements(l, t)};
  }

  Routine<> set_up_server(Channel& channel, LayerId index, PackKeysPtr keys) {
    const LayerSpec& layer = setting_.network.layers[index];
    const Payload message =
        co_await receive_dealt(channel, sent() ? filter_bytes<Word>(layer) : 0, "the weights' mask");
    ShareSource dealt = source(*keys, Stream::of(making(value_of(index))), message);
    filters_[index] = co_await open_filter<Word>(channel, dealt, layer, weight_shares_[index]);
  }

  std::size_t dealt_bytes(const Work& work) const {
    const Cost c = work.value == input_value ? dealt_for_input(setting_)
                                             : dealt_for_band(setting_, work.layer, bands_[work.layer][work.band]);
    return to_server(c, self_);
  }

  Routine<> prepare(Channel& channel, Work work, PackKeysPtr keys, std::unique_ptr<BandMaterial>& out) const {
    auto material = std::make_unique<Material<Word>>(work);
    material->message = co_await receive_dealt(channel, dealt_bytes(work), "dealt shares");
    if (work.value != input_value && prepares_product(setting_.dealing)) {
      const BandContext t = context(work);
      const std::size_t n = product_elements(t.layer, t.layout), row = t.layer.conv.in.row_elements();
      ShareSource dealt = source(*keys, t.stream, material->message);
      material->product = dealt.dealt<Word>(product_slot, n);
      if (dealt.receives_dealt()) {
        const std::span rest = std::span(material->message).subspan(n * sizeof(Word));
        material->message = Payload(rest.begin(), rest.end());
      }
      const Buffer<Word> a = input_mask<Word>(keys->with(PartyId::producer), work.pack, read_by(work.layer),
                                              t.layout.in.begin * row, t.layout.in.size() * row);
      finish_product(work.layer, t, a, filters_[work.layer], material->product);
    }
    out = std::move(material);
  }

  /// Adds A_j*F and the bias to C_j.
  void finish_product(LayerId layer, const BandContext& t, std::span<const Word> a, const Filters<Word>& filters,
                      Buffer<Word>& product) const {
    add_bias<Word>(bias_share<Word>(t.layer, weight_shares_[layer], t.layout.conv), 0, product);
    tensor::convolve_rows<Word>(*filters.masked, a, t.layout.in, t.layout.conv, product, true);
  }

  Routine<> open_input(Channel& channel, Work work, PackKeysPtr keys, MaskedMap& out, Material<Word>& material) const {
    if (!setting_.scheme.deals_ahead)
      material.message = co_await receive_dealt(channel, dealt_bytes(work), "dealt shares");
    const std::size_t n = setting_.network.input.elements();
    const Payload message = co_await channel.receive(PartyId::client, n * sizeof(Word), "the client's input share");
    Buffer<Word> share = to_words<Word>(message);
    ShareSource dealt = source(*keys, Stream::of(work), material.message);
    co_await open_masked(channel, dealt, work, *keys, std::move(share), out);
  }

  Routine<> evaluate(Channel& channel, Work work, PackKeysPtr keys, const MaskedMap& in, MaskedMap* out,
                     Material<Word>& material) const {
    const BandContext t = context(work);
    if (!setting_.scheme.deals_ahead)
      material.message = co_await receive_dealt(channel, dealt_bytes(work), "dealt shares");
    ShareSource dealt = source(*keys, t.stream, material.message);
    Filters<Word> fresh;
    const bool is_fresh = setting_.fresh();
    if (is_fresh) fresh = co_await open_filter<Word>(channel, dealt, t.layer, weight_shares_[work.layer]);
    const Filters<Word>& filters = is_fresh ? fresh : filters_[work.layer];

    const std::size_t row = t.layer.conv.in.row_elements(), first = t.layout.in.begin * row,
                      n = t.layout.in.size() * row, all = t.layer.conv.in.elements();
    const std::span<const Word> map(reinterpret_cast<const Word*>(in.data()), in.size() / sizeof(Word));
    Buffer<Word> z = std::move(material.product);
    if (z.empty()) {
      z = dealt.dealt<Word>(product_slot, product_elements(t.layer, t.layout));
      Buffer<Word> expanded;
      if (!sent()) expanded = input_mask<Word>(keys->with(PartyId::producer), work.pack, read_by(work.layer), first, n);
      finish_product(work.layer, t, sent() ? map.subspan(all + first, n) : std::span<const Word>(expanded), filters, z);
    }
    tensor::convolve_rows<Word>(*filters.weights, map.subspan(first, n), t.layout.in, t.layout.conv, z, true);
    fresh = {};

    Buffer<Word> y = co_await setting_.scheme.evaluate(channel, dealt, t, keys->with(other(self_)), std::move(z));
    y = sum_averages<Word>(t.layer, t.layout, std::move(y));
    if (last(work.value)) {
      // The answer's shares must say nothing but their sum.
      Stream zero = t.stream;
      zero.kind = static_cast<std::uint8_t>(Field::zero);
      add_zero<Word>(keys->with(other(self_)), zero, self_, y);
      channel.send(PartyId::client, to_payload<Word>(y));
      co_return;
    }
    co_await open_masked(channel, dealt, work, *keys, std::move(y), *out);
  }

  /// Opens E = X - A of the value for the band's rows; A serves this opening of this pack only.
  Routine<> open_masked(Channel& channel, ShareSource& dealt, Work work, const PackKeys& keys, Buffer<Word> share,
                        MaskedMap& out) const {
    const auto [first, n] = opened(work);
    const std::span<Word> map(reinterpret_cast<Word*>(out.data()), out.size() / sizeof(Word));
    Buffer<Word> a;
    if (sent()) {
      a = to_words<Word>(dealt.take(n * sizeof(Word)));
      std::memcpy(&map[map.size() / 2 + first], a.data(), n * sizeof(Word));
    } else {
      a = input_mask<Word>(keys.with(PartyId::producer), work.pack, work.value, first, n);
      keys.with(PartyId::producer)
          .note_opened(Stream::of_map(work.pack, work.value, static_cast<std::uint8_t>(Field::input_mask)),
                       first * sizeof(Word), n * sizeof(Word));
    }
    for (std::size_t i = 0; i < n; ++i) share[i] -= a[i];
    channel.send(other(self_), to_payload<Word>(share));
    const Payload theirs = co_await channel.receive(other(self_), n * sizeof(Word), "masked activations");
    from_bytes<Word>(theirs, a);
    for (std::size_t i = 0; i < n; ++i) map[first + i] = share[i] + a[i];
  }

  Setting<Word> setting_;
  PartyId self_;
  std::span<const Payload> weight_shares_;
  std::vector<ValueInfo> values_;
  std::vector<std::vector<BandLayout>> bands_;
  std::vector<Filters<Word>> filters_;
};

template <class Word>
class BoundBeaver final : public Parties, public Clients, public Costs {
 public:
  explicit BoundBeaver(Setting<Word> setting) : s_(std::move(setting)) {}

  Result<std::unique_ptr<Program>> make_program(const PartyContext& party) const override;

  Result<std::array<Payload, 2>> share_weights(LayerId layer, const LayerWeights& weights) const override {
    return share_layer<Word>(s_.network.layers.at(layer), weights);
  }
  std::array<std::size_t, 2> weight_share_bytes(LayerId layer) const override {
    const std::size_t bytes = beaver::weight_share_bytes<Word>(s_.network.layers.at(layer));
    return {bytes, bytes};
  }
  /// Words of the ring; server 0's share is uniform, server 1's the difference.
  Result<std::array<Payload, 2>> share_input(std::span<const std::int64_t> input) const override;
  std::array<std::size_t, 2> input_share_bytes() const override {
    const std::size_t bytes = s_.network.input.elements() * sizeof(Word);
    return {bytes, bytes};
  }
  Result<std::vector<std::int64_t>> reveal_output(std::span<const Payload, 2> messages) const override;

  Cost online(ValueId value) const override;
  Cost offline(ValueId value) const override;
  Cost set_up(LayerId layer) const override;
  Memory memory(PartyId party) const override;
  double stated_error(LayerId layer) const override { return s_.scheme.stated_error(s_.network.layers.at(layer)); }

 private:
  Setting<Word> s_;
};

template <class Word>
Result<std::unique_ptr<Program>> BoundBeaver<Word>::make_program(const PartyContext& party) const {
  if (is_server(party.self)) {
    if (party.weight_shares.size() != s_.network.layers.size())
      return fail(Fault::usage, "there are weight shares for " + std::to_string(party.weight_shares.size()) +
                                    " layers, the network has " + std::to_string(s_.network.layers.size()));
    for (std::size_t i = 0; i < s_.network.layers.size(); ++i)
      if (party.weight_shares[i].size() != beaver::weight_share_bytes<Word>(s_.network.layers[i]))
        return fail(Fault::usage, "layer '" + s_.network.layers[i].name + "': the weight share has " +
                                      std::to_string(party.weight_shares[i].size()) + " bytes, expected " +
                                      std::to_string(beaver::weight_share_bytes<Word>(s_.network.layers[i])) +
                                      ": deploy the model again");
  }
  return std::make_unique<BeaverProgram<Word>>(s_, party);
}

template <class Word>
Result<std::array<Payload, 2>> BoundBeaver<Word>::share_input(std::span<const std::int64_t> input) const {
  const std::size_t n = s_.network.input.elements();
  if (input.size() != n)
    return fail("the input has " + std::to_string(input.size()) + " values, the model takes " + std::to_string(n));
  const Prg prg(random_key());
  Buffer<Word> share0(n), share1(n);
  prg.words<Word>({}, 0, share0);
  for (std::size_t i = 0; i < n; ++i) share1[i] = static_cast<Word>(input[i]) - share0[i];
  return std::array<Payload, 2>{to_payload<Word>(share0), to_payload<Word>(share1)};
}

template <class Word>
Result<std::vector<std::int64_t>> BoundBeaver<Word>::reveal_output(std::span<const Payload, 2> messages) const {
  const std::size_t n = s_.network.layers.back().out().elements();
  for (unsigned p = 0; p < 2; ++p)
    if (messages[p].size() != n * sizeof(Word))
      return fail(Fault::violation, "the answer of server" + std::to_string(p) + " has " +
                                        std::to_string(messages[p].size()) + " bytes, expected " +
                                        std::to_string(n * sizeof(Word)));
  Buffer<Word> a(n), b(n);
  std::memcpy(a.data(), messages[0].data(), messages[0].size());
  std::memcpy(b.data(), messages[1].data(), messages[1].size());
  std::vector<std::int64_t> values(n);
  for (std::size_t i = 0; i < n; ++i) values[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(a[i] + b[i]));
  return values;
}

template <class Word>
Cost BoundBeaver<Word>::online(ValueId value) const {
  Cost c;
  const bool here = !s_.scheme.deals_ahead;
  if (value == input_value) {
    const std::size_t bytes = s_.network.input.elements() * sizeof(Word);
    if (here) c += dealt_for_input(s_);
    c.rounds = (c.producer_to_server0 > 0 ? 1 : 0) + 1;
    c.server0_to_server1 = c.server1_to_server0 = bytes;
    c.client = 2 * bytes;
    return c;
  }
  const LayerId layer = layer_of(value);
  const LayerSpec& l = s_.network.layers[layer];
  const bool fresh = s_.fresh(), last = value == s_.network.layers.size();
  std::uint64_t rounds = 0, bands = 0;
  for (const BandLayout& t : layer_bands(s_, layer)) {
    const NonlinearCost part = s_.scheme.cost({l, t, s_.dealing.randomness, {}});
    c += part.online;
    if (here) c += dealt_for_band(s_, layer, t);
    const std::size_t out = out_elements(l, t) * sizeof(Word),
                      both = (fresh ? filter_bytes<Word>(l) : 0) + (last ? 0 : out);
    c.server0_to_server1 += both;
    c.server1_to_server0 += both;
    if (last) c.client += 2 * out;
    rounds = (fresh ? 1 : 0) + part.online.rounds + (last ? 0 : 1);
    ++bands;
  }
  // Bands under way at once go side by side, and the others follow them. A producer that deals online has dealt for
  // those by the time that the servers come to them.
  c.rounds = (bands + s_.scheme.bands_at_once - 1) / s_.scheme.bands_at_once * rounds + (here ? 1 : 0);
  return c;
}

template <class Word>
Cost BoundBeaver<Word>::offline(ValueId value) const {
  Cost c;
  if (!s_.scheme.deals_ahead) return c;
  if (value == input_value) return dealt_for_input(s_);
  for (const BandLayout& t : layer_bands(s_, layer_of(value))) c += dealt_for_band(s_, layer_of(value), t);
  return c;
}

template <class Word>
Cost BoundBeaver<Word>::set_up(LayerId layer) const {
  Cost c;
  if (s_.fresh()) return c;
  const std::size_t bytes = filter_bytes<Word>(s_.network.layers[layer]);
  c.rounds = 1 + (s_.dealing.randomness == Randomness::sent ? 1 : 0);
  c.server0_to_server1 = c.server1_to_server0 = bytes;
  c.producer_to_server0 = c.producer_to_server1 = random_bytes_sent(s_.dealing.randomness, bytes);
  return c;
}

template <class Word>
Memory BoundBeaver<Word>::memory(PartyId party) const {
  const bool server = is_server(party), fresh = s_.fresh();
  const std::size_t element = map_element_bytes<Word>(s_.dealing);
  Memory m;
  if (server) m.per_query = s_.network.input.elements() * sizeof(Word);
  if (server && s_.scheme.deals_ahead) m.per_pack = to_server(dealt_for_input(s_), party);
  std::size_t largest_layer = 0, preparing = 0;
  for (std::size_t i = 0; i < s_.network.layers.size(); ++i) {
    const LayerSpec& l = s_.network.layers[i];
    const std::size_t filter = filter_bytes<Word>(l),
                      prepared = tensor::prepared_words<Word>(l.conv, tensor::ConvAlgorithm::direct) * sizeof(Word);
    if (server) {
      m.deployment += beaver::weight_share_bytes<Word>(l) + (fresh ? 0 : 2 * prepared);
      m.per_query += l.conv.in.elements() * element;
    } else if (!fresh) {
      m.deployment += prepared;
    }
    // Servers open all layers side by side. The producer prepares one in each thread, two on a small machine. A mask
    // that is sent is held as it came, in the link, and as words; the producer's wait in its links, for both servers.
    const std::size_t mask = random_bytes_sent(s_.dealing.randomness, filter);
    if (!fresh && server) m.set_up += filters_held_in_opening * filter + 3 * mask;
    if (!fresh && !server) {
      preparing = std::max(preparing, 2 * filters_held_in_opening * filter);
      m.set_up += 2 * mask;
    }
    const auto layout = layer_bands(s_, i);
    std::size_t largest_band = 0;
    for (const BandLayout& t : layout) {
      const Cost dealt = dealt_for_band(s_, i, t);
      if (server && s_.scheme.deals_ahead) m.per_pack += material_bytes(s_, i, t, party);
      std::size_t bytes =
          (t.in.size() * l.conv.in.row_elements() + 3 * product_elements(l, t)) * sizeof(Word) +
          s_.scheme.working(l, t) + (fresh ? 2 * prepared + filters_held_in_opening * filter : 0) +
          tensor::working_words<Word>(l.conv, tensor::ConvAlgorithm::direct, t.conv.size()) * sizeof(Word);
      if (!s_.scheme.deals_ahead || !server) bytes += dealt.producer_to_server0 + dealt.producer_to_server1;
      largest_band = std::max(largest_band, bytes);
    }
    m.working = std::max(m.working, largest_band);
    largest_layer = std::max(largest_layer, std::min(layout.size(), s_.scheme.bands_at_once) * largest_band);
  }
  m.set_up += preparing;
  if (server || !s_.scheme.deals_ahead) m.per_query += largest_layer;
  return m;
}

Traits of_family(Traits own, bool deals_ahead) {
  own.dealing_choices = true;
  own.winograd = false;
  own.producer_online = !deals_ahead;
  return own;
}

}  // namespace

template <class Word>
BeaverProtocol<Word>::BeaverProtocol(Traits own, const Scheme<Word>& scheme)
    : Protocol(of_family(own, scheme.deals_ahead)), scheme_(scheme) {}

template <class Word>
Result<void> BeaverProtocol<Word>::check(const NetworkSpec& network, const Dealing& dealing) const {
  if (auto ok = check_shapes(network); !ok) return ok;
  const Setting<Word> setting{scheme_, network, dealing};
  for (LayerId i = 0; i < network.layers.size(); ++i) {
    if (layer_bands(setting, i).size() >= Stream::whole_map)
      return fail(Fault::usage, "layer '" + network.layers[i].name +
                                    "': its map is too large: more bands than a stream's name can " + "tell apart");
    if (auto ok = check_layer(network, i); !ok) return ok;
  }
  return {};
}

template <class Word>
Bound BeaverProtocol<Word>::bound_to(const NetworkSpec& network, const Dealing& dealing) const {
  const auto bound = std::make_shared<const BoundBeaver<Word>>(Setting<Word>{scheme_, network, dealing});
  return {this, bound, bound, bound};
}

template class BeaverProtocol<tensor::Word64>;
template class BeaverProtocol<tensor::Word128>;

}  // namespace blindsight::protocol::beaver
