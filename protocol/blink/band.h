#pragma once

#include <variant>

#include "protocol/blink/conv2d.h"
#include "protocol/blink/input.h"
#include "protocol/blink/lift.h"
#include "protocol/blink/maxpool.h"
#include "protocol/blink/relu.h"
#include "protocol/core/program.h"

namespace blindsight::protocol::blink {

/// What is fixed about one layer for one band's steps.
struct BandContext {
  const NetworkSpec& network;
  Work work;
  Widths widths;
  const BandLayout& layout;

  const LayerSpec& spec() const { return network.layers[work.layer]; }
  bool last() const { return work.layer + 1u == network.layers.size(); }
  std::size_t out_elements() const { return layout.out.size() * spec().out().row_elements(); }
  /// What the lift works on: the window sums where they are taken before it, otherwise ReLU's map.
  LiftShape lift_shape() const;
  std::size_t correction_bytes() const;
  std::size_t material_bytes() const;  ///< BlinkMaterial::bytes()
  std::size_t online_bytes() const;    ///< from one server to the other
};

/// One server's correlations for one band, expanded and ready.
class BlinkMaterial final : public BandMaterial {
 public:
  using BandMaterial::BandMaterial;
  Buffer<Word32> product;  ///< G_i
  std::vector<CompareMaterial> max_levels;
  std::optional<CompareMaterial> relu;
  std::optional<LiftMaterial> lift;

  std::size_t bytes() const override;
};

/// Producer: all corrections of one band in one payload.
Payload deal_band(const BandContext& context, const Prg& with_server0, const Prg& with_server1, const Prg& own,
                  const Filters& filters);
/// Server: the same from its side; `correction` is empty at the server that receives none.
std::unique_ptr<BlinkMaterial> take_band(const BandContext& context, PartyId self, const Prg& with_producer,
                                         const Filters& filters, std::span<const std::uint8_t> correction);

/// A server's online work on one band of one layer: linear layer, truncation, max pools, ReLU, average pools, lift and
/// the opening of the next layer's E' (or the message to the data owner). State alternatives are named after what is
/// awaited.
///
///   begin ─▶ [AwaitingMax]* ─▶ [AwaitingRelu]* ─▶ [AwaitingTopBits] ─▶ [AwaitingMaskedActivation] ─▶ done
class BandStep final : public Step {
 public:
  BandStep(BandContext context, PartyId self, PackKeysPtr keys, const Filters& filters,
           std::shared_ptr<const MaskedMap> in, std::shared_ptr<MaskedMap> out,
           std::unique_ptr<BlinkMaterial> material);

  Result<Progress> begin() override;
  Result<Progress> advance(Inbound message) override;

 private:
  struct AwaitingMax {
    MaxPool pool;
  };
  struct AwaitingRelu {
    PositivePart relu;
  };
  struct AwaitingTopBits {
    KnownSignLift lift;
  };
  struct AwaitingMaskedActivation {
    MaskedOpening opening;
  };
  struct Done {};

  Result<Progress> after_linear(Buffer<Word16> t);
  Result<Progress> after_max(Buffer<Word16> t);
  Result<Progress> after_relu(Buffer<Word16> y);
  Result<Progress> lift(Buffer<Word16> y);
  Result<Progress> after_lift(Buffer<Word32> y);
  template <class Word>
  Result<Progress> output(const Buffer<Word>& y);
  Progress send(Payload payload);
  std::string_view awaiting() const;

  BandContext context_;
  PartyId self_;
  bool constants_;
  PackKeysPtr keys_;
  const Filters& filters_;
  std::shared_ptr<const MaskedMap> in_;
  std::shared_ptr<MaskedMap> out_;
  std::unique_ptr<BlinkMaterial> material_;
  std::uint16_t sent_ = 0, received_ = 0;
  std::variant<std::monostate, AwaitingMax, AwaitingRelu, AwaitingTopBits, AwaitingMaskedActivation, Done> state_;
};

}  // namespace blindsight::protocol::blink
