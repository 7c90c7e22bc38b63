#include "protocol/blink/protocol.h"

#include <stdexcept>

#include "protocol/blink/output.h"
#include "protocol/blink/tile.h"
#include "protocol/core/immediate_step.h"

namespace blindsight::protocol::blink {
namespace {

/// Server: awaits the producer's corrections for one tile and prepares its material.
class PrepareTile final : public Step {
 public:
  PrepareTile(TileContext context, PackId pack, PartyId self, const Prg& with_producer, const Filters& filters,
              std::unique_ptr<TileMaterial>& material)
      : context_(context), pack_(pack), self_(self), prg_(with_producer), filters_(filters), material_(material) {}

  Result<Progress> begin() override {
    if (self_ == correction_receiver(context_.stage(), context_.tile)) return Progress{};
    return prepare({});
  }
  Result<Progress> advance(Inbound message) override {
    if (message.from != PartyId::producer || message.round != 0 ||
        message.payload.size() != context_.correction_bytes())
      return fail("corrections of layer '" + context_.spec().name + "', tile " + std::to_string(context_.tile) +
                  ": unexpected message of " + std::to_string(message.payload.size()) + " bytes from " +
                  std::string(name(message.from)) + ", round " + std::to_string(message.round) + "; awaited " +
                  std::to_string(context_.correction_bytes()) + " bytes from producer");
    return prepare(message.payload);
  }

 private:
  Progress prepare(std::span<const std::uint8_t> correction) {
    material_ = take_tile(context_, pack_, self_, prg_, filters_, correction);
    return finished();
  }

  TileContext context_;
  PackId pack_;
  PartyId self_;
  const Prg& prg_;
  const Filters& filters_;
  std::unique_ptr<TileMaterial>& material_;
};

/// Stage 0 needs no correction; its material is the permission to use the pack's input mask once.
class InputMaterial final : public TileMaterial {
 public:
  std::size_t bytes() const override { return 0; }
};

/// Server, stage 0: the client's share in, E of the first layer open.
class InputStep final : public Step {
 public:
  InputStep(const NetworkSpec& network, PackId pack, PartyId self, const Prg& with_producer, std::shared_ptr<Plane> out)
      : n_(network.input.elements()),
        bits_(widths(network, 0).linear),
        self_(self),
        opening_(with_producer, pack, 1, bits_, 0),
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
  std::shared_ptr<Plane> out_;
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
        stages_(blink::stages(network_)),
        filters_(network_.layers.size()) {
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      widths_.push_back(widths(network_, i));
      tiles_.push_back(tiles(network_, i));
    }
  }

  const std::vector<StageInfo>& stages() const override { return stages_; }
  bool online_party() const override { return is_server(self_); }

  std::unique_ptr<Step> set_up(std::size_t stage) override {
    if (stage == 0) return nullptr;
    const std::size_t i = stage - 1;
    if (is_server(self_))
      return std::make_unique<OpenFilter>(network_.layers[i], widths_[i], stage, self_, with(PartyId::producer),
                                          weight_shares_[i], filters_[i]);
    return std::make_unique<ImmediateStep>([this, i, stage] {
      prepare_mask(network_.layers[i], widths_[i], stage, with(PartyId::server0), with(PartyId::server1), filters_[i]);
      return finished();
    });
  }

  std::unique_ptr<Step> preprocess(PackId pack, std::size_t stage, std::size_t tile,
                                   std::unique_ptr<TileMaterial>& material) const override {
    if (pack == 0) throw std::invalid_argument("pack 0 is the set-up's");
    if (stage == 0) {
      if (!is_server(self_)) return nullptr;
      return std::make_unique<ImmediateStep>([&material] {
        material = std::make_unique<InputMaterial>();
        return finished();
      });
    }
    if (is_server(self_))
      return std::make_unique<PrepareTile>(context(stage, tile), pack, self_, with(PartyId::producer),
                                           filters_[stage - 1], material);
    return std::make_unique<ImmediateStep>([this, pack, c = context(stage, tile)] {
      Progress p = finished();
      p.outbound.push_back(
          {correction_receiver(c.stage(), c.tile), 0,
           deal_tile(c, pack, with(PartyId::server0), with(PartyId::server1), own_, filters_[c.layer])});
      return p;
    });
  }

  std::unique_ptr<Step> online(PackId pack, std::size_t stage, std::size_t tile, std::shared_ptr<const Plane> in,
                               std::shared_ptr<Plane> out, std::unique_ptr<TileMaterial> material) const override {
    if (!is_server(self_)) return nullptr;
    if (!material) throw std::invalid_argument("a tile without its material");
    if (stage == 0) return std::make_unique<InputStep>(network_, pack, self_, with(PartyId::producer), std::move(out));
    std::unique_ptr<BlinkMaterial> own(static_cast<BlinkMaterial*>(material.release()));
    return std::make_unique<TileStep>(context(stage, tile), pack, self_, with(PartyId::producer), with(other(self_)),
                                      filters_[stage - 1], std::move(in), std::move(out), std::move(own));
  }

 private:
  const Prg& with(PartyId peer) const { return with_[static_cast<unsigned>(peer)]; }
  TileContext context(std::size_t stage, std::size_t tile) const {
    return {network_, stage - 1, widths_[stage - 1], tiles_[stage - 1][tile], tile};
  }

  NetworkSpec network_;
  PartyId self_;
  std::array<Prg, 3> with_;
  Prg own_;
  std::span<const Payload> weight_shares_;
  std::vector<StageInfo> stages_;
  std::vector<Widths> widths_;
  std::vector<std::vector<TileLayout>> tiles_;
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

Cost online_cost(const NetworkSpec& network, std::size_t stage) {
  Cost c;
  if (stage == 0) {
    const std::size_t bytes = MaskedOpening::online_bytes(network.input.elements(), widths(network, 0).linear);
    c.rounds = 1;
    c.server0_to_server1 = c.server1_to_server0 = bytes;
    c.client = 2 * bytes;
    return c;
  }
  const std::size_t layer = stage - 1;
  const Widths w = widths(network, layer);
  const auto layout = tiles(network, layer);
  for (std::size_t tile = 0; tile < layout.size(); ++tile) {
    const TileContext t{network, layer, w, layout[tile], tile};
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
    c.rounds = rounds;  // the same for every tile, and tiles go side by side
  }
  return c;
}

Cost offline_cost(const NetworkSpec& network, std::size_t stage) {
  Cost c;
  if (stage == 0) return c;
  const std::size_t layer = stage - 1;
  const auto layout = tiles(network, layer);
  for (std::size_t tile = 0; tile < layout.size(); ++tile) {
    const std::size_t bytes =
        TileContext{network, layer, widths(network, layer), layout[tile], tile}.correction_bytes();
    (correction_receiver(stage, tile) == PartyId::server0 ? c.producer_to_server0 : c.producer_to_server1) += bytes;
  }
  return c;
}

Cost set_up_cost(const NetworkSpec& network, std::size_t stage) {
  Cost c;
  if (stage == 0) return c;
  c.rounds = 1;
  c.server0_to_server1 = c.server1_to_server0 =
      tensor::packed_bytes(network.layers[stage - 1].conv.filter_elements(), widths(network, stage - 1).linear);
  return c;
}

Memory memory(const NetworkSpec& network, PartyId party) {
  const bool server = is_server(party);
  Memory m;
  if (server) m.per_query = tensor::packed_bytes(network.input.elements(), widths(network, 0).linear);
  std::size_t largest_stage = 0;
  for (std::size_t layer = 0; layer < network.layers.size(); ++layer) {
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
    const auto layout = tiles(network, layer);
    std::size_t stage = 0;
    for (std::size_t tile = 0; tile < layout.size(); ++tile) {
      const TileContext t{network, layer, w, layout[tile], tile};
      const std::size_t in = t.layout.in.size() * l.conv.in.row_elements() * sizeof(Word32),
                        product = t.layout.conv.size() * l.conv_out().row_elements() * sizeof(Word32),
                        borrowed =
                            tensor::working_words<Word32>(l.conv, l.algorithm, t.layout.conv.size()) * sizeof(Word32);
      if (server) {
        m.per_pack += t.material_bytes();
        stage += product / 2 + t.out_elements() * sizeof(Word32) + 2 * t.online_bytes();
        m.working = std::max(m.working, in + borrowed + t.correction_bytes());
      } else {
        // Both servers' masks; dealing a comparison has its planes and values about once more than the material has.
        m.working = std::max(m.working, 2 * in + borrowed + t.material_bytes() + 2 * t.correction_bytes());
      }
    }
    largest_stage = std::max(largest_stage, stage);
  }
  m.per_query += largest_stage;
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
