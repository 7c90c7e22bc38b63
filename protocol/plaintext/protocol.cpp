#include "protocol/plaintext/protocol.h"

#include <cstring>

#include "protocol/core/immediate_step.h"
#include "protocol/plaintext/layer.h"
#include "tensor/kernels/conv.h"

namespace blindsight::protocol::plaintext {
namespace {

/// Values as 64-bit little-endian words.
Payload to_payload(std::span<const std::int64_t> values) {
  Payload out(values.size_bytes());
  if (!values.empty()) std::memcpy(out.data(), values.data(), out.size());
  return out;
}

Values from_bytes(std::span<const std::uint8_t> bytes) {
  Values values(bytes.size() / sizeof(std::int64_t));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(std::int64_t));
  return values;
}

/// The client's message becomes value 0 (at server 1 it is empty, and nobody reads the map).
class InputStep final : public Step {
 public:
  InputStep(std::size_t bytes, std::shared_ptr<MaskedMap> out) : bytes_(bytes), out_(std::move(out)) {}
  Result<Progress> begin() override { return Progress{}; }
  Result<Progress> advance(Inbound message) override {
    if (message.from != PartyId::client || message.round != 0 || message.payload.size() != bytes_)
      return fail(Fault::violation, "input: unexpected message of " + std::to_string(message.payload.size()) +
                                        " bytes from " + std::string(name(message.from)) + "; awaited " +
                                        std::to_string(bytes_) + " from client");
    if (bytes_) std::memcpy(out_->data(), message.payload.data(), bytes_);
    return finished();
  }

 private:
  std::size_t bytes_;
  std::shared_ptr<MaskedMap> out_;
};

class Token final : public BandMaterial {
 public:
  using BandMaterial::BandMaterial;
  std::size_t bytes() const override { return 0; }
};

class ClearProgram final : public Program {
 public:
  ClearProgram(const NetworkSpec& network, const PartyContext& party)
      : network_(network), self_(party.self), weights_payloads_(party.weight_shares), weights_(network.layers.size()) {
    values_.push_back(
        {"input", network_.input.elements() * sizeof(std::int64_t), {{{0, 0}, {0, network_.input.height}}}});
    tensor::Shape before = network_.input;
    for (const LayerSpec& l : network_.layers) {
      const bool last = values_.size() == network_.layers.size();
      values_.push_back(
          {l.name, last ? 0 : l.out().elements() * sizeof(std::int64_t), {{{0, before.height}, {0, l.out().height}}}});
      before = l.out();
    }
  }

  const std::vector<ValueInfo>& values() const override { return values_; }
  bool online_party() const override { return is_server(self_); }

  std::unique_ptr<Step> set_up(LayerId layer, PackKeysPtr) override {
    if (self_ != PartyId::server0) return nullptr;
    return std::make_unique<ImmediateStep>([this, layer] {
      const LayerSpec& l = network_.layers[layer];
      const Values all = from_bytes(weights_payloads_[layer]);
      LayerWeights w;
      const auto split = all.begin() + static_cast<std::ptrdiff_t>(l.conv.filter_elements());
      w.filter.assign(all.begin(), split);
      w.bias.assign(split, all.end());
      weights_[layer] = prepare(l, w);
      return finished();
    });
  }

  std::unique_ptr<Step> preprocess(const Work& work, PackKeysPtr,
                                   std::unique_ptr<BandMaterial>& material) const override {
    if (!is_server(self_)) return nullptr;
    return std::make_unique<ImmediateStep>([work, &material] {
      material = std::make_unique<Token>(work);
      return finished();
    });
  }

  std::unique_ptr<Step> online(const Work& work, PackKeysPtr, std::shared_ptr<const MaskedMap> in,
                               std::shared_ptr<MaskedMap> out, std::unique_ptr<BandMaterial>) const override {
    if (!is_server(self_)) return nullptr;
    if (work.value == input_value)
      return std::make_unique<InputStep>(
          self_ == PartyId::server0 ? network_.input.elements() * sizeof(std::int64_t) : 0, std::move(out));
    return std::make_unique<ImmediateStep>([this, work, in = std::move(in), out = std::move(out)] {
      Values y;
      if (self_ == PartyId::server0) y = evaluate(network_.layers[work.layer], weights_[work.layer], from_bytes(*in));
      Progress p = finished();
      if (work.value == network_.layers.size())
        p.outbound.push_back({PartyId::client, 0, to_payload(y)});
      else if (!y.empty())  // server 1 holds nothing
        std::memcpy(out->data(), y.data(), y.size() * sizeof(std::int64_t));
      return p;
    });
  }

 private:
  NetworkSpec network_;
  PartyId self_;
  std::span<const Payload> weights_payloads_;
  std::vector<ClearWeights> weights_;
  std::vector<ValueInfo> values_;
};

/// Server 0 holds everything; the other payloads are empty.
class BoundPlaintext final : public Parties, public Clients, public Costs {
 public:
  explicit BoundPlaintext(const NetworkSpec& network) : network_(network) {}

  Result<std::unique_ptr<Program>> make_program(const PartyContext& party) const override;

  Result<std::array<Payload, 2>> share_weights(LayerId layer, const LayerWeights& weights) const override;
  std::array<std::size_t, 2> weight_share_bytes(LayerId layer) const override {
    const LayerSpec& l = network_.layers.at(layer);
    return {(l.conv.filter_elements() + l.bias_elements()) * sizeof(std::int64_t), 0};
  }
  Result<std::array<Payload, 2>> share_input(std::span<const std::int64_t> input) const override;
  std::array<std::size_t, 2> input_share_bytes() const override {
    return {network_.input.elements() * sizeof(std::int64_t), 0};
  }
  Result<Values> reveal_output(std::span<const Payload, 2> messages) const override;

  Cost online(ValueId value) const override;
  Cost offline(ValueId) const override { return {}; }
  Cost set_up(LayerId) const override { return {}; }
  Memory memory(PartyId party) const override;
  double stated_error(LayerId) const override { return 0; }

 private:
  NetworkSpec network_;
};

Result<std::unique_ptr<Program>> BoundPlaintext::make_program(const PartyContext& party) const {
  if (party.self == PartyId::server0) {
    if (party.weight_shares.size() != network_.layers.size())
      return fail(Fault::usage, "the weights of some layers are missing: deploy the model again");
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      const tensor::ConvShape& conv = network_.layers[i].conv;
      if (party.weight_shares[i].size() !=
          (conv.filter_elements() + network_.layers[i].bias_elements()) * sizeof(std::int64_t))
        return fail(Fault::usage,
                    "layer '" + network_.layers[i].name + "': its weights have the wrong size: deploy the model again");
    }
  }
  return std::make_unique<ClearProgram>(network_, party);
}

Result<std::array<Payload, 2>> BoundPlaintext::share_weights(LayerId layer, const LayerWeights& weights) const {
  const tensor::ConvShape& conv = network_.layers.at(layer).conv;
  if (weights.filter.size() != conv.filter_elements() || weights.bias.size() != network_.layers[layer].bias_elements())
    return fail("layer '" + network_.layers[layer].name + "': has " + std::to_string(weights.filter.size()) +
                " weights, expected " + std::to_string(conv.filter_elements()));
  Values all(weights.filter.begin(), weights.filter.end());
  all.insert(all.end(), weights.bias.begin(), weights.bias.end());
  return std::array<Payload, 2>{to_payload(all), Payload{}};
}

Result<std::array<Payload, 2>> BoundPlaintext::share_input(std::span<const std::int64_t> input) const {
  if (input.size() != network_.input.elements())
    return fail("the input has " + std::to_string(input.size()) + " values, the model takes " +
                std::to_string(network_.input.elements()));
  return std::array<Payload, 2>{to_payload(input), Payload{}};
}

Result<Values> BoundPlaintext::reveal_output(std::span<const Payload, 2> messages) const {
  if (messages[0].size() != network_.layers.back().out().elements() * sizeof(std::int64_t))
    return fail(Fault::violation, "the answer of server0 has " + std::to_string(messages[0].size()) +
                                      " bytes, expected " +
                                      std::to_string(network_.layers.back().out().elements() * sizeof(std::int64_t)));
  return from_bytes(messages[0]);
}

Cost BoundPlaintext::online(ValueId value) const {
  Cost c;
  if (value == input_value) c.client = network_.input.elements() * sizeof(std::int64_t);
  if (value == network_.layers.size()) c.client += network_.layers.back().out().elements() * sizeof(std::int64_t);
  return c;
}

/// Server 0 holds everything, in 64-bit words: weights as they came and prepared, maps, and the largest layer's maps.
Memory BoundPlaintext::memory(PartyId party) const {
  Memory m;
  if (!is_server(party)) return m;
  for (const LayerSpec& l : network_.layers) {
    m.per_query += l.conv.in.elements() * sizeof(std::int64_t);
    if (party != PartyId::server0) continue;
    const std::size_t weights = (l.conv.filter_elements() + l.bias_elements()) * sizeof(std::int64_t);
    m.deployment += 2 * weights;
    m.set_up = std::max(m.set_up, 2 * weights);
    m.working = std::max(m.working, (l.conv.in.elements() + 2 * l.conv_out().elements()) * sizeof(std::int64_t) +
                                        tensor::working_words<tensor::Word64>(l.conv, tensor::ConvAlgorithm::direct,
                                                                              l.conv_out().height) *
                                            sizeof(std::int64_t));
  }
  return m;
}

class Plaintext final : public Protocol {
 public:
  Plaintext()
      : Protocol({.name = "plaintext",
                  .summary = "no protection at all: server 0 sees image and weights; the exact oracle, for tests and "
                             "comparison only",
                  .hides = false,
                  .winograd = false}) {}

  Rings rings(const NetworkSpec&, LayerId) const override { return {word_bits, 0, word_bits}; }

  Result<void> check_layer(const NetworkSpec& network, LayerId layer) const override {
    const LayerSpec& l = network.layers[layer];
    const std::uint64_t bits = std::uint64_t{l.fraction_bits} + l.activation_bits + l.headroom_bits + 1,
                        spent = tensor::bits_spent(l.algorithm);
    if (bits + spent > word_bits)
      return fail(Fault::usage, "layer '" + l.name + "': its linear result has " + std::to_string(bits) +
                                    " bits, and its algorithm " + std::string(tensor::name(l.algorithm)) + " spends " +
                                    std::to_string(spent) + " more of the word's " + std::to_string(word_bits) +
                                    ": lower the fraction, activation or headroom bits");
    return {};
  }

  Result<void> check(const NetworkSpec& network, const Dealing&) const override {
    if (network.layers.empty()) return fail(Fault::usage, "the network has no layers");
    for (LayerId i = 0; i < network.layers.size(); ++i)
      if (auto ok = check_layer(network, i); !ok) return ok;
    return {};
  }

 private:
  static constexpr unsigned word_bits = 64;

  Bound bound_to(const NetworkSpec& network, const Dealing&) const override {
    const auto bound = std::make_shared<const BoundPlaintext>(network);
    return {this, bound, bound, bound};
  }
};

}  // namespace

const Protocol& protocol() {
  static const Plaintext plaintext;
  return plaintext;
}

}  // namespace blindsight::protocol::plaintext
