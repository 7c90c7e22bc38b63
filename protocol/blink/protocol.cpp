#include "protocol/blink/protocol.h"

#include <stdexcept>

#include "protocol/blink/band.h"
#include "protocol/blink/output.h"
#include "protocol/core/immediate_step.h"

namespace blindsight::protocol::blink {
namespace {

/// Server: awaits the producer's corrections for one band and prepares its material.
class PrepareBand final : public Step {
 public:
  PrepareBand(BandContext context, PartyId self, PackKeysPtr keys, const Filters& filters,
              std::unique_ptr<BandMaterial>& material)
      : context_(context), self_(self), keys_(std::move(keys)), filters_(filters), material_(material) {}

  Result<Progress> begin() override {
    if (self_ == correction_receiver(context_.work)) return Progress{};
    return prepare({});
  }
  Result<Progress> advance(Inbound message) override {
    if (message.from != PartyId::producer || message.round != 0 ||
        message.payload.size() != context_.correction_bytes())
      return fail("corrections of layer '" + context_.spec().name + "', band " + std::to_string(context_.work.band) +
                  ": unexpected message of " + std::to_string(message.payload.size()) + " bytes from " +
                  std::string(name(message.from)) + ", round " + std::to_string(message.round) + "; awaited " +
                  std::to_string(context_.correction_bytes()) + " bytes from producer");
    return prepare(message.payload);
  }

 private:
  Progress prepare(std::span<const std::uint8_t> correction) {
    material_ = take_band(context_, self_, keys_->with(PartyId::producer), filters_, correction);
    return finished();
  }

  BandContext context_;
  PartyId self_;
  PackKeysPtr keys_;
  const Filters& filters_;
  std::unique_ptr<BandMaterial>& material_;
};

/// The input needs no correction; its material is the permission to use the pack's input mask once.
class InputMaterial final : public BandMaterial {
 public:
  using BandMaterial::BandMaterial;
  std::size_t bytes() const override { return 0; }
};

/// Server: the client's share in, E of the input open.
class InputStep final : public Step {
 public:
  InputStep(const NetworkSpec& network, PartyId self, PackKeysPtr keys, std::shared_ptr<MaskedMap> out)
      : n_(network.input.elements()),
        bits_(widths(network, 0).linear),
        self_(self),
        keys_(std::move(keys)),
        opening_(keys_->with(PartyId::producer), keys_->pack(), input_value, bits_, 0),
        out_(std::move(out)) {}

  Result<Progress> begin() override { return Progress{}; }
  Result<Progress> advance(Inbound message) override {
    if (message.round == 0 && message.from == PartyId::client && !masked_) {
      if (message.payload.size() != tensor::packed_bytes(n_, bits_))
        return fail("the client's input share has " + std::to_string(message.payload.size()) + " bytes, expected " +
                    std::to_string(tensor::packed_bytes(n_, bits_)));
      Buffer<Word32> share(n_);
      tensor::unpack_bits(message.payload, bits_, std::span<Word32>(share));
      masked_ = true;
      Progress p;
      p.outbound.push_back({other(self_), 0, opening_.begin(std::move(share))});
      if (!early_) return p;
      auto done = finish(*early_);
      if (!done) return done;
      p.done = true;
      return p;
    }
    if (message.round == 0 && message.from == other(self_) && !early_) {
      early_ = std::move(message.payload);  // the other server may have its share before this one
      if (masked_) return finish(*early_);
      return Progress{};
    }
    return fail("input: unexpected message of round " + std::to_string(message.round) + " from " +
                std::string(name(message.from)));
  }

 private:
  Result<Progress> finish(const Payload& theirs) {
    if (auto ok = opening_.finish(theirs, {reinterpret_cast<Word32*>(out_->data()), n_}); !ok)
      return fail("input: " + ok.error().what);
    return finished();
  }

  std::size_t n_;
  unsigned bits_;
  PartyId self_;
  PackKeysPtr keys_;
  MaskedOpening opening_;
  std::shared_ptr<MaskedMap> out_;
  bool masked_ = false;
  std::optional<Payload> early_;
};

class BlinkProgram final : public Program {
 public:
  BlinkProgram(const NetworkSpec& network, const PartyContext& party)
      : network_(network),
        self_(party.self),
        weight_shares_(party.weight_shares),
        values_(blink::values(network_)),
        filters_(network_.layers.size()) {
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      widths_.push_back(widths(network_, i));
      bands_.push_back(bands(network_, i));
    }
  }

  const std::vector<ValueInfo>& values() const override { return values_; }
  bool online_party() const override { return is_server(self_); }

  std::unique_ptr<Step> set_up(LayerId layer, PackKeysPtr keys) override {
    const ValueId made = value_of(layer);
    if (is_server(self_))
      return std::make_unique<OpenFilter>(network_.layers[layer], widths_[layer], made, self_, std::move(keys),
                                          weight_shares_[layer], filters_[layer]);
    return std::make_unique<ImmediateStep>([this, layer, made, keys = std::move(keys)] {
      prepare_mask(network_.layers[layer], widths_[layer], made, keys->with(PartyId::server0),
                   keys->with(PartyId::server1), filters_[layer]);
      return finished();
    });
  }

  std::unique_ptr<Step> preprocess(const Work& work, PackKeysPtr keys,
                                   std::unique_ptr<BandMaterial>& material) const override {
    keys = keys_of(work, std::move(keys));
    if (work.value == input_value) {
      if (!is_server(self_)) return nullptr;
      return std::make_unique<ImmediateStep>([work, &material] {
        material = std::make_unique<InputMaterial>(work);
        return finished();
      });
    }
    if (is_server(self_))
      return std::make_unique<PrepareBand>(context(work), self_, std::move(keys), filters_[work.layer], material);
    return std::make_unique<ImmediateStep>([this, c = context(work), keys = std::move(keys)] {
      Progress p = finished();
      p.outbound.push_back({correction_receiver(c.work), 0,
                            deal_band(c, keys->with(PartyId::server0), keys->with(PartyId::server1), keys->own(),
                                      filters_[c.work.layer])});
      return p;
    });
  }

  std::unique_ptr<Step> online(const Work& work, PackKeysPtr keys, std::shared_ptr<const MaskedMap> in,
                               std::shared_ptr<MaskedMap> out, std::unique_ptr<BandMaterial> material) const override {
    if (!is_server(self_)) return nullptr;
    keys = keys_of(work, std::move(keys));
    if (work.value == input_value) {
      (void)material_of<InputMaterial>(work, std::move(material));
      return std::make_unique<InputStep>(network_, self_, std::move(keys), std::move(out));
    }
    return std::make_unique<BandStep>(context(work), self_, std::move(keys), filters_[work.layer], std::move(in),
                                      std::move(out), material_of<BlinkMaterial>(work, std::move(material)));
  }

 private:
  BandContext context(const Work& work) const {
    return {network_, work, widths_[work.layer], bands_[work.layer][work.band]};
  }

  NetworkSpec network_;
  PartyId self_;
  std::span<const Payload> weight_shares_;
  std::vector<ValueInfo> values_;
  std::vector<Widths> widths_;
  std::vector<std::vector<BandLayout>> bands_;
  std::vector<Filters> filters_;
};

/// What a band of a value costs and keeps; the pack is nobody's.
BandContext declared(const NetworkSpec& network, ValueId value, const Widths& w, const std::vector<BandLayout>& layout,
                     std::size_t band) {
  return {network, making(value, 0, static_cast<std::uint32_t>(band)), w, layout[band]};
}

class BoundBlink final : public Parties, public Clients, public Costs {
 public:
  explicit BoundBlink(const NetworkSpec& network) : network_(network) {}

  Result<std::unique_ptr<Program>> make_program(const PartyContext& party) const override;

  Result<std::array<Payload, 2>> share_weights(LayerId layer, const LayerWeights& weights) const override {
    return share_layer(network_.layers.at(layer), widths(network_, layer), weights);
  }
  std::array<std::size_t, 2> weight_share_bytes(LayerId layer) const override {
    const std::size_t bytes = blink::weight_share_bytes(network_.layers.at(layer), widths(network_, layer));
    return {bytes, bytes};
  }
  Result<std::array<Payload, 2>> share_input(std::span<const std::int64_t> input) const override {
    return blink::share_input(network_, input);
  }
  std::array<std::size_t, 2> input_share_bytes() const override { return {input_bytes(), input_bytes()}; }
  Result<std::vector<std::int64_t>> reveal_output(std::span<const Payload, 2> messages) const override {
    return blink::reveal_output(network_, messages);
  }

  Cost online(ValueId value) const override;
  Cost offline(ValueId value) const override;
  Cost set_up(LayerId layer) const override;
  Memory memory(PartyId party) const override;
  /// One unit of truncation for every element of a window sum.
  double stated_error(LayerId layer) const override {
    return static_cast<double>(network_.layers.at(layer).window_elements());
  }

 private:
  std::size_t input_bytes() const {
    return tensor::packed_bytes(network_.input.elements(), widths(network_, 0).linear);
  }

  NetworkSpec network_;
};

Result<std::unique_ptr<Program>> BoundBlink::make_program(const PartyContext& party) const {
  if (is_server(party.self) && party.weight_shares.size() != network_.layers.size())
    return fail("there are weight shares for " + std::to_string(party.weight_shares.size()) +
                " layers, the network has " + std::to_string(network_.layers.size()));
  return std::make_unique<BlinkProgram>(network_, party);
}

Cost BoundBlink::online(ValueId value) const {
  Cost c;
  if (value == input_value) {
    const std::size_t bytes = MaskedOpening::online_bytes(network_.input.elements(), widths(network_, 0).linear);
    c.rounds = 1;
    c.server0_to_server1 = c.server1_to_server0 = bytes;
    c.client = 2 * bytes;
    return c;
  }
  const Widths w = widths(network_, layer_of(value));
  const auto layout = bands(network_, layer_of(value));
  for (std::size_t band = 0; band < layout.size(); ++band) {
    const BandContext t = declared(network_, value, w, layout, band);
    const std::uint64_t bytes = t.online_bytes();
    std::uint64_t rounds = 0;
    for (const CompareShape& s : max_levels(t.spec(), t.layout, w)) rounds += s.rounds();
    if (t.spec().relu) rounds += relu_shape(t.spec(), t.layout, w).rounds();
    if (w.lifted) ++rounds;
    if (t.last())
      c.client += 2 * output_bytes(t.out_elements(), w.out);
    else
      ++rounds;
    c.server0_to_server1 += bytes;
    c.server1_to_server0 += bytes;
    c.rounds = rounds;  // the same for every band, and bands go side by side
  }
  return c;
}

Cost BoundBlink::offline(ValueId value) const {
  Cost c;
  if (value == input_value) return c;
  const auto layout = bands(network_, layer_of(value));
  for (std::size_t band = 0; band < layout.size(); ++band) {
    const BandContext t = declared(network_, value, widths(network_, layer_of(value)), layout, band);
    (correction_receiver(t.work) == PartyId::server0 ? c.producer_to_server0 : c.producer_to_server1) +=
        t.correction_bytes();
  }
  return c;
}

Cost BoundBlink::set_up(LayerId layer) const {
  Cost c;
  c.rounds = 1;
  c.server0_to_server1 = c.server1_to_server0 =
      tensor::packed_bytes(network_.layers[layer].conv.filter_elements(), widths(network_, layer).linear);
  return c;
}

Memory BoundBlink::memory(PartyId party) const {
  const bool server = is_server(party);
  Memory m;
  if (server) m.per_query = input_bytes();
  std::size_t largest_layer = 0;
  for (LayerId layer = 0; layer < network_.layers.size(); ++layer) {
    const LayerSpec& l = network_.layers[layer];
    const Widths w = widths(network_, layer);
    const std::size_t prepared = tensor::prepared_words<Word32>(l.conv, l.algorithm) * sizeof(Word32),
                      filter = l.conv.filter_elements() * sizeof(Word32);
    if (server) {
      // W_i and F, and the share as it came. While F is opened: this server's W_i - B_i, and both messages.
      m.deployment += 2 * prepared + l.bias_elements() * sizeof(Word32) + blink::weight_share_bytes(l, w);
      m.set_up += filter + 2 * tensor::packed_bytes(l.conv.filter_elements(), w.linear);
    } else {
      m.deployment += prepared;
      m.set_up = std::max(m.set_up, 2 * filter);  // B and one server's part of it
    }
    if (server) m.per_query += l.conv.in.elements() * sizeof(Word32);
    const auto layout = bands(network_, layer);
    std::size_t messages = 0;
    for (std::size_t band = 0; band < layout.size(); ++band) {
      const BandContext t = declared(network_, value_of(layer), w, layout, band);
      const std::size_t in = t.layout.in.size() * l.conv.in.row_elements() * sizeof(Word32),
                        product = t.layout.conv.size() * l.conv_out().row_elements() * sizeof(Word32),
                        borrowed =
                            tensor::working_words<Word32>(l.conv, l.algorithm, t.layout.conv.size()) * sizeof(Word32);
      if (server) {
        m.per_pack += t.material_bytes();
        messages += product / 2 + t.out_elements() * sizeof(Word32) + 2 * t.online_bytes();
        m.working = std::max(m.working, in + borrowed + t.correction_bytes());
      } else {
        // Both servers' masks; dealing a comparison has its planes and values about once more than the material has.
        m.working = std::max(m.working, 2 * in + borrowed + t.material_bytes() + 2 * t.correction_bytes());
      }
    }
    largest_layer = std::max(largest_layer, messages);
  }
  m.per_query += largest_layer;
  return m;
}

class Blink final : public Protocol {
 public:
  Blink()
      : Protocol({.name = "blink",
                  .summary = "two servers and a crypto producer; exact ReLU and max pooling, error of one ulp per "
                             "truncation; semi-honest, no collusion"}) {}

  Rings rings(const NetworkSpec& network, LayerId layer) const override { return blink::rings(network, layer); }
  Result<void> check_layer(const NetworkSpec& network, LayerId layer) const override {
    return blink::check_layer(network, layer);
  }
  Result<void> check(const NetworkSpec& network, const Dealing&) const override { return blink::check(network); }

 private:
  Bound bound_to(const NetworkSpec& network, const Dealing&) const override {
    const auto bound = std::make_shared<const BoundBlink>(network);
    return {this, bound, bound, bound};
  }
};

}  // namespace

const Protocol& protocol() {
  static const Blink blink;
  return blink;
}

}  // namespace blindsight::protocol::blink
