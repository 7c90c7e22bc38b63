#include "protocol/blink/band.h"

#include "protocol/blink/output.h"
#include "protocol/blink/truncate.h"
#include "protocol/core/sum_averages.h"

namespace blindsight::protocol::blink {
namespace {

std::span<const Word32> words(const MaskedMap& map) {
  return {reinterpret_cast<const Word32*>(map.data()), map.size() / sizeof(Word32)};
}
std::span<Word32> words(MaskedMap& map) {
  return {reinterpret_cast<Word32*>(map.data()), map.size() / sizeof(Word32)};
}

}  // namespace

LiftShape BandContext::lift_shape() const {
  const std::size_t n =
      widths.sum_before_lift ? out_elements() : layout.relu.size() * spec().relu_shape().row_elements();
  return {n, spec().relu ? widths.summed : widths.truncated, widths.out};
}

std::size_t BandContext::correction_bytes() const {
  std::size_t bytes = product_correction_bytes(spec(), widths, layout);
  for (const CompareShape& s : max_levels(spec(), layout, widths)) bytes += s.correction_bytes();
  if (spec().relu) bytes += relu_shape(spec(), layout, widths).correction_bytes();
  if (widths.lifted) bytes += lift_shape().correction_bytes();
  return bytes;
}

std::size_t BandContext::material_bytes() const {
  std::size_t bytes = layout.conv.size() * spec().conv_out().row_elements() * sizeof(Word32);
  for (const CompareShape& s : max_levels(spec(), layout, widths)) bytes += s.material_bytes();
  if (spec().relu) bytes += relu_shape(spec(), layout, widths).material_bytes();
  if (widths.lifted) bytes += lift_shape().material_bytes();
  return bytes;
}

std::size_t BandContext::online_bytes() const {
  std::size_t bytes = last() ? 0 : MaskedOpening::online_bytes(out_elements(), widths.out);
  for (const CompareShape& s : max_levels(spec(), layout, widths)) bytes += s.online_bytes();
  if (spec().relu) bytes += relu_shape(spec(), layout, widths).online_bytes();
  if (widths.lifted) bytes += lift_shape().online_bytes();
  return bytes;
}

std::size_t BlinkMaterial::bytes() const {
  std::size_t b = product.size() * sizeof(Word32);
  for (const auto& m : max_levels) b += m.bytes();
  if (relu) b += relu->bytes();
  if (lift) b += lift->bytes();
  return b;
}

Payload deal_band(const BandContext& context, const Prg& with_server0, const Prg& with_server1, const Prg& own,
                  const Filters& filters) {
  Dealer dealer(with_server0, with_server1, Stream::of(context.work), correction_receiver(context.work));
  deal_product(dealer, context.spec(), context.widths, context.work.pack, read_by(context.work.layer), context.layout,
               with_server0, with_server1, filters);
  std::uint8_t level = 0;
  for (const CompareShape& s : max_levels(context.spec(), context.layout, context.widths))
    deal_compare(dealer, own, s, level++);
  if (context.spec().relu) deal_compare(dealer, own, relu_shape(context.spec(), context.layout, context.widths), level);
  if (context.widths.lifted) deal_lift(dealer, context.lift_shape());
  return dealer.take();
}

std::unique_ptr<BlinkMaterial> take_band(const BandContext& context, PartyId self, const Prg& with_producer,
                                         const Filters& filters, std::span<const std::uint8_t> correction) {
  ShareSource source(with_producer, Stream::of(context.work), self == correction_receiver(context.work), correction);
  auto m = std::make_unique<BlinkMaterial>(context.work);
  m->product = prepare_product(source, context.spec(), context.widths, context.work.pack, read_by(context.work.layer),
                               context.layout, with_producer, filters);
  std::uint8_t level = 0;
  for (const CompareShape& s : max_levels(context.spec(), context.layout, context.widths))
    m->max_levels.push_back(take_compare(source, s, level++));
  if (context.spec().relu)
    m->relu = take_compare(source, relu_shape(context.spec(), context.layout, context.widths), level);
  if (context.widths.lifted) m->lift = take_lift(source, context.lift_shape());
  return m;
}

BandStep::BandStep(BandContext context, PartyId self, PackKeysPtr keys, const Filters& filters,
                   std::shared_ptr<const MaskedMap> in, std::shared_ptr<MaskedMap> out,
                   std::unique_ptr<BlinkMaterial> material)
    : context_(context),
      self_(self),
      constants_(self == PartyId::server0),
      keys_(std::move(keys)),
      filters_(filters),
      in_(std::move(in)),
      out_(std::move(out)),
      material_(std::move(material)) {}

Progress BandStep::send(Payload payload) {
  Progress p;
  p.outbound.push_back({other(self_), sent_++, std::move(payload)});
  return p;
}

Result<Progress> BandStep::begin() {
  Buffer<Word32> z = std::move(material_->product);
  linear_rows(context_.spec(), context_.layout, filters_, words(*in_), z);
  in_.reset();
  Buffer<Word16> t(z.size());
  truncate(z, context_.widths.linear, context_.widths.fraction, !constants_, t);
  return after_linear(std::move(t));
}

Result<Progress> BandStep::after_linear(Buffer<Word16> t) {
  if (context_.spec().max_pools.empty()) return after_max(std::move(t));
  auto& s = state_.emplace<AwaitingMax>(
      AwaitingMax{MaxPool(context_.spec(), context_.layout, std::move(material_->max_levels), constants_)});
  if (auto first = s.pool.begin(std::move(t))) return send(std::move(*first));
  return after_max(s.pool.take_result());
}

Result<Progress> BandStep::after_max(Buffer<Word16> t) {
  if (context_.spec().relu) {
    auto& s = state_.emplace<AwaitingRelu>(AwaitingRelu{PositivePart(std::move(*material_->relu), constants_)});
    return send(s.relu.begin(t));
  }
  if (!context_.widths.lifted) return output(t);
  // A signed value: moved up by 2^(k-1) it is one whose top bit is known to be 0.
  if (constants_)
    for (Word16& v : t) v = static_cast<Word16>(v + (1u << (context_.widths.relu - 1)));
  return lift(std::move(t));
}

Result<Progress> BandStep::after_relu(Buffer<Word16> y) {
  if (context_.widths.sum_before_lift) y = sum_averages<Word16>(context_.spec(), context_.layout, std::move(y));
  if (!context_.widths.lifted) return output(y);
  return lift(std::move(y));
}

Result<Progress> BandStep::lift(Buffer<Word16> y) {
  auto& s = state_.emplace<AwaitingTopBits>(AwaitingTopBits{KnownSignLift(std::move(*material_->lift), constants_)});
  return send(s.lift.begin(std::move(y)));
}

Result<Progress> BandStep::after_lift(Buffer<Word32> y) {
  if (!context_.spec().relu && constants_)
    for (Word32& v : y) v -= 1u << (context_.widths.relu - 1);
  if (!context_.widths.sum_before_lift) y = sum_averages<Word32>(context_.spec(), context_.layout, std::move(y));
  if (context_.last()) return output(y);
  auto& s = state_.emplace<AwaitingMaskedActivation>(AwaitingMaskedActivation{
      MaskedOpening(keys_->with(PartyId::producer), context_.work.pack, context_.work.value, context_.widths.out,
                    context_.layout.out.begin * context_.spec().out().row_elements())});
  return send(s.opening.begin(std::move(y)));
}

template <class Word>
Result<Progress> BandStep::output(const Buffer<Word>& y) {
  state_ = Done{};
  Progress p;
  p.outbound.push_back(
      {PartyId::client, 0,
       output_message<Word>(y, context_.widths.out, keys_->with(other(self_)), Stream::of(context_.work), constants_)});
  p.done = true;
  return p;
}

std::string_view BandStep::awaiting() const {
  constexpr std::string_view names[] = {"nothing", "max", "relu", "top bits", "masked activations", "nothing"};
  return names[state_.index()];
}

Result<Progress> BandStep::advance(Inbound message) {
  const std::string where = "layer '" + context_.spec().name + "', band " + std::to_string(context_.work.band) +
                            ", awaiting " + std::string(awaiting()) + ": ";
  if (message.from != other(self_) || message.round != received_)
    return fail(where + "message from " + std::string(name(message.from)) + " of round " +
                std::to_string(message.round) + ", expected " + std::string(name(other(self_))) + ", round " +
                std::to_string(received_));
  ++received_;
  auto failed = [&](const Error& e) { return fail(where + e.what); };
  if (auto* s = std::get_if<AwaitingMax>(&state_)) {
    auto next = s->pool.advance(message.payload);
    if (!next) return failed(next.error());
    if (*next) return send(std::move(**next));
    return after_max(s->pool.take_result());
  }
  if (auto* s = std::get_if<AwaitingRelu>(&state_)) {
    auto next = s->relu.advance(message.payload);
    if (!next) return failed(next.error());
    if (*next) return send(std::move(**next));
    return after_relu(s->relu.take_result());
  }
  if (auto* s = std::get_if<AwaitingTopBits>(&state_)) {
    auto y = s->lift.finish(message.payload);
    if (!y) return failed(y.error());
    return after_lift(std::move(*y));
  }
  if (auto* s = std::get_if<AwaitingMaskedActivation>(&state_)) {
    const std::size_t first = context_.layout.out.begin * context_.spec().out().row_elements();
    if (auto ok = s->opening.finish(message.payload, words(*out_).subspan(first, s->opening.size())); !ok)
      return failed(ok.error());
    state_ = Done{};
    Progress p;
    p.done = true;
    return p;
  }
  return fail(where + "a message although none is awaited");
}

}  // namespace blindsight::protocol::blink
