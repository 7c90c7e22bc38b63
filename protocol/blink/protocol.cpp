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
  PrepareBand(BandContext context, PartyId self, const Prg& with_producer, const Filters& filters,
              std::unique_ptr<BandMaterial>& material)
      : context_(context), self_(self), prg_(with_producer), filters_(filters), material_(material) {}

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
    material_ = take_band(context_, self_, prg_, filters_, correction);
    return finished();
  }

  BandContext context_;
  PartyId self_;
  const Prg& prg_;
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
  InputStep(const NetworkSpec& network, PackId pack, PartyId self, const Prg& with_producer,
            std::shared_ptr<MaskedMap> out)
      : n_(network.input.elements()),
        bits_(widths(network, 0).linear),
        self_(self),
        opening_(with_producer, pack, input_value, bits_, 0),
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
        with_{Prg(party.keys.with[0], party.keys.ledger), Prg(party.keys.with[1], party.keys.ledger),
              Prg(party.keys.with[2], party.keys.ledger)},
        own_(party.keys.own, party.keys.ledger),
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

  std::unique_ptr<Step> set_up(LayerId layer) override {
    const ValueId made = value_of(layer);
    if (is_server(self_))
      return std::make_unique<OpenFilter>(network_.layers[layer], widths_[layer], made, self_, with(PartyId::producer),
                                          weight_shares_[layer], filters_[layer]);
    return std::make_unique<ImmediateStep>([this, layer, made] {
      prepare_mask(network_.layers[layer], widths_[layer], made, with(PartyId::server0), with(PartyId::server1),
                   filters_[layer]);
      return finished();
    });
  }

  std::unique_ptr<Step> preprocess(const Work& work, std::unique_ptr<BandMaterial>& material) const override {
    if (work.pack == 0) throw std::invalid_argument("pack 0 is the set-up's");
    if (work.value == input_value) {
      if (!is_server(self_)) return nullptr;
      return std::make_unique<ImmediateStep>([work, &material] {
        material = std::make_unique<InputMaterial>(work);
        return finished();
      });
    }
    if (is_server(self_))
      return std::make_unique<PrepareBand>(context(work), self_, with(PartyId::producer), filters_[work.layer],
                                           material);
    return std::make_unique<ImmediateStep>([this, c = context(work)] {
      Progress p = finished();
      p.outbound.push_back(
          {correction_receiver(c.work), 0,
           deal_band(c, with(PartyId::server0), with(PartyId::server1), own_, filters_[c.work.layer])});
      return p;
    });
  }

  std::unique_ptr<Step> online(const Work& work, std::shared_ptr<const MaskedMap> in, std::shared_ptr<MaskedMap> out,
                               std::unique_ptr<BandMaterial> material) const override {
    if (!is_server(self_)) return nullptr;
    if (work.value == input_value) {
      (void)material_of<InputMaterial>(work, std::move(material));
      return std::make_unique<InputStep>(network_, work.pack, self_, with(PartyId::producer), std::move(out));
    }
    return std::make_unique<BandStep>(context(work), self_, with(PartyId::producer), with(other(self_)),
                                      filters_[work.layer], std::move(in), std::move(out),
                                      material_of<BlinkMaterial>(work, std::move(material)));
  }

 private:
  const Prg& with(PartyId peer) const { return with_[static_cast<unsigned>(peer)]; }
  BandContext context(const Work& work) const {
    return {network_, work, widths_[work.layer], bands_[work.layer][work.band]};
  }

  NetworkSpec network_;
  PartyId self_;
  std::array<Prg, 3> with_;
  Prg own_;
  std::span<const Payload> weight_shares_;
  std::vector<ValueInfo> values_;
  std::vector<Widths> widths_;
  std::vector<std::vector<BandLayout>> bands_;
  std::vector<Filters> filters_;
};

Result<std::unique_ptr<Program>> make_program(const NetworkSpec& network, const PartyContext& party) {
  if (auto ok = check(network); !ok) return tl::unexpected(ok.error());
  if (is_server(party.self) && party.weight_shares.size() != network.layers.size())
    return fail("there are weight shares for " + std::to_string(party.weight_shares.size()) +
                " layers, the network has " + std::to_string(network.layers.size()));
  return std::make_unique<BlinkProgram>(network, party);
}

/// One unit of truncation for every element of a window sum.
double stated_error(const LayerSpec& layer) {
  return static_cast<double>(layer.window_elements());
}

/// What a band of a value costs and keeps; the pack is nobody's.
BandContext declared(const NetworkSpec& network, ValueId value, const Widths& w, const std::vector<BandLayout>& layout,
                     std::size_t band) {
  return {network, making(value, 0, static_cast<std::uint32_t>(band)), w, layout[band]};
}

Cost online_cost(const NetworkSpec& network, ValueId value) {
  Cost c;
  if (value == input_value) {
    const std::size_t bytes = MaskedOpening::online_bytes(network.input.elements(), widths(network, 0).linear);
    c.rounds = 1;
    c.server0_to_server1 = c.server1_to_server0 = bytes;
    c.client = 2 * bytes;
    return c;
  }
  const Widths w = widths(network, layer_of(value));
  const auto layout = bands(network, layer_of(value));
  for (std::size_t band = 0; band < layout.size(); ++band) {
    const BandContext t = declared(network, value, w, layout, band);
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

Cost offline_cost(const NetworkSpec& network, ValueId value) {
  Cost c;
  if (value == input_value) return c;
  const auto layout = bands(network, layer_of(value));
  for (std::size_t band = 0; band < layout.size(); ++band) {
    const BandContext t = declared(network, value, widths(network, layer_of(value)), layout, band);
    (correction_receiver(t.work) == PartyId::server0 ? c.producer_to_server0 : c.producer_to_server1) +=
        t.correction_bytes();
  }
  return c;
}

Cost set_up_cost(const NetworkSpec& network, LayerId layer) {
  Cost c;
  c.rounds = 1;
  c.server0_to_server1 = c.server1_to_server0 =
      tensor::packed_bytes(network.layers[layer].conv.filter_elements(), widths(network, layer).linear);
  return c;
}

Memory memory(const NetworkSpec& network, PartyId party) {
  const bool server = is_server(party);
  Memory m;
  if (server) m.per_query = tensor::packed_bytes(network.input.elements(), widths(network, 0).linear);
  std::size_t largest_layer = 0;
  for (LayerId layer = 0; layer < network.layers.size(); ++layer) {
    const LayerSpec& l = network.layers[layer];
    const Widths w = widths(network, layer);
    const std::size_t prepared = tensor::prepared_words<Word32>(l.conv, l.algorithm) * sizeof(Word32),
                      filter = l.conv.filter_elements() * sizeof(Word32);
    if (server) {
      // W_i and F, and the share as it came. While F is opened: this server's W_i - B_i, and both messages.
      m.deployment += 2 * prepared + l.bias_elements() * sizeof(Word32) + weight_share_bytes(l, w);
      m.set_up += filter + 2 * tensor::packed_bytes(l.conv.filter_elements(), w.linear);
    } else {
      m.deployment += prepared;
      m.set_up = std::max(m.set_up, 2 * filter);  // B and one server's part of it
    }
    if (server) m.per_query += l.conv.in.elements() * sizeof(Word32);
    const auto layout = bands(network, layer);
    std::size_t messages = 0;
    for (std::size_t band = 0; band < layout.size(); ++band) {
      const BandContext t = declared(network, value_of(layer), w, layout, band);
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

Result<std::array<Payload, 2>> share_weights(const NetworkSpec& network, std::size_t layer,
                                             const LayerWeights& weights) {
  return share_layer(network.layers.at(layer), widths(network, layer), weights);
}

std::array<std::size_t, 2> weight_bytes(const NetworkSpec& network, std::size_t layer) {
  const std::size_t bytes = weight_share_bytes(network.layers.at(layer), widths(network, layer));
  return {bytes, bytes};
}

std::array<std::size_t, 2> input_bytes(const NetworkSpec& network) {
  const std::size_t bytes = tensor::packed_bytes(network.input.elements(), widths(network, 0).linear);
  return {bytes, bytes};
}

}  // namespace

const Protocol protocol{
    .name = "blink",
    .summary =
        "two servers and a crypto producer; exact ReLU and max pooling, error of one unit per truncation; semi-honest, "
        "no collusion",
    .rings = rings,
    .check_layer = check_layer,
    .check = check,
    .make_program = make_program,
    .stated_error = stated_error,
    .online_cost = online_cost,
    .offline_cost = offline_cost,
    .set_up_cost = set_up_cost,
    .memory = memory,
    .share_weights = share_weights,
    .weight_share_bytes = weight_bytes,
    .share_input = share_input,
    .input_share_bytes = input_bytes,
    .reveal_output = reveal_output,
};

}  // namespace blindsight::protocol::blink
