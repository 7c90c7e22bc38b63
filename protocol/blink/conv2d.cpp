#include "protocol/blink/conv2d.h"

#include "protocol/core/bias.h"
#include "tensor/kernels/elementwise.h"

namespace blindsight::protocol::blink {
namespace {

std::size_t filter_bytes(const LayerSpec& layer, const Widths& w) {
  return tensor::packed_bytes(layer.conv.filter_elements(), w.linear);
}

/// B_i.
Buffer<Word32> filter_mask(const LayerSpec& layer, const Widths& w, ValueId value, const Prg& prg) {
  Buffer<Word32> mask(layer.conv.filter_elements());
  map_mask(prg, set_up_pack, value, Field::filter_mask, 0, w.linear, mask);
  return mask;
}

}  // namespace

std::size_t weight_share_bytes(const LayerSpec& layer, const Widths& w) {
  return filter_bytes(layer, w) + tensor::packed_bytes(layer.bias_elements(), w.linear);
}

Result<std::array<Payload, 2>> share_layer(const LayerSpec& layer, const Widths& w, const LayerWeights& weights) {
  const std::size_t n = layer.conv.filter_elements(), biases = layer.bias_elements();
  if (weights.filter.size() != n || weights.bias.size() != biases)
    return fail(Fault::usage, "layer '" + layer.name + "': has " + std::to_string(weights.filter.size()) +
                                  " weights and " + std::to_string(weights.bias.size()) + " biases, expected " +
                                  std::to_string(n) + " and " + std::to_string(biases));
  const std::int64_t limit = std::int64_t{1} << (w.linear - 1);
  for (const std::int32_t v : weights.filter)
    if (v < -limit || v >= limit)
      return fail(Fault::usage, "layer '" + layer.name + "': a weight does not fit its ring of " +
                                    std::to_string(w.linear) + " bits");
  for (const std::int64_t v : weights.bias)
    if (v < -limit || v >= limit)
      return fail(Fault::usage,
                  "layer '" + layer.name + "': a bias does not fit its ring of " + std::to_string(w.linear) + " bits");

  // Server 0's share is uniform, server 1's the difference: each alone says nothing.
  const Prg prg(random_key());
  Buffer<Word32> share0(n + biases), share1(n + biases);
  prg.words<Word32>({}, 0, share0);
  for (std::size_t i = 0; i < n; ++i) share1[i] = static_cast<Word32>(weights.filter[i]) - share0[i];
  for (std::size_t i = 0; i < biases; ++i) share1[n + i] = static_cast<Word32>(weights.bias[i]) - share0[n + i];
  std::array<Payload, 2> result;
  for (auto [share, out] : {std::pair{&share0, &result[0]}, {&share1, &result[1]}}) {
    out->resize(weight_share_bytes(layer, w));
    const std::span<const Word32> words(*share);
    tensor::pack_bits(words.first(n), w.linear, std::span(*out).first(filter_bytes(layer, w)));
    tensor::pack_bits(words.subspan(n), w.linear, std::span(*out).subspan(filter_bytes(layer, w)));
  }
  return result;
}

Result<Progress> OpenFilter::begin() {
  if (weight_share_.size() != weight_share_bytes(layer_, w_))
    return fail(Fault::usage, "layer '" + layer_.name + "': the weight share has " +
                                  std::to_string(weight_share_.size()) + " bytes, expected " +
                                  std::to_string(weight_share_bytes(layer_, w_)) + ": deploy the model again");
  Buffer<Word32> weights(layer_.conv.filter_elements());
  tensor::unpack_bits(std::span(weight_share_).first(filter_bytes(layer_, w_)), w_.linear, std::span<Word32>(weights));
  out_.bias.resize(layer_.bias_elements());
  tensor::unpack_bits(std::span(weight_share_).subspan(filter_bytes(layer_, w_)), w_.linear,
                      std::span<Word32>(out_.bias));
  const Prg& prg = keys_->with(PartyId::producer);
  own_ = filter_mask(layer_, w_, value_, prg);
  note_map_opened(prg, set_up_pack, value_, Field::filter_mask, 0, own_.size());
  tensor::subtract<Word32>(weights, own_, w_.linear, own_);
  out_.weights = tensor::prepare_filter<Word32>(layer_.conv, layer_.algorithm, weights);
  Payload out(filter_bytes(layer_, w_));
  tensor::pack_bits(std::span<const Word32>(own_), w_.linear, out);
  Progress p;
  p.outbound.push_back({other(self_), 0, std::move(out)});
  return p;
}

Result<Progress> OpenFilter::advance(Inbound message) {
  if (message.from != other(self_) || message.round != 0 || own_.empty() ||
      message.payload.size() != filter_bytes(layer_, w_))
    return fail("opening the filter of layer '" + layer_.name + "': unexpected message of " +
                std::to_string(message.payload.size()) + " bytes from " + std::string(name(message.from)) + ", round " +
                std::to_string(message.round) + "; awaited " + std::to_string(filter_bytes(layer_, w_)) +
                " bytes from " + std::string(name(other(self_))));
  Buffer<Word32> f(own_.size());
  tensor::unpack_bits(message.payload, w_.linear, std::span<Word32>(f));
  tensor::add<Word32>(f, own_, w_.linear, f);
  own_ = {};
  out_.masked = tensor::prepare_filter<Word32>(layer_.conv, layer_.algorithm, f);
  Progress p;
  p.done = true;
  return p;
}

void prepare_mask(const LayerSpec& layer, const Widths& w, ValueId value, const Prg& with_server0,
                  const Prg& with_server1, Filters& out) {
  Buffer<Word32> b = filter_mask(layer, w, value, with_server0);
  tensor::add<Word32>(b, filter_mask(layer, w, value, with_server1), w.linear, b);
  out.mask = tensor::prepare_filter<Word32>(layer.conv, layer.algorithm, b);
}

Buffer<Word32> input_mask_rows(const LayerSpec& layer, const Widths& w, PackId pack, ValueId value, const Prg& prg,
                               tensor::RowRange rows) {
  const std::size_t row = layer.conv.in.row_elements();
  Buffer<Word32> a(rows.size() * row);
  map_mask(prg, pack, value, Field::input_mask, rows.begin * row, w.linear, a);
  return a;
}

std::size_t product_correction_bytes(const LayerSpec& layer, const Widths& w, const BandLayout& band) {
  return tensor::packed_bytes(band.conv.size() * layer.conv_out().row_elements(), w.linear);
}

void deal_product(Dealer& dealer, const LayerSpec& layer, const Widths& w, PackId pack, ValueId read,
                  const BandLayout& band, const Prg& with_server0, const Prg& with_server1, const Filters& filters) {
  Buffer<Word32> a = input_mask_rows(layer, w, pack, read, with_server0, band.in);
  tensor::add<Word32>(a, input_mask_rows(layer, w, pack, read, with_server1, band.in), w.linear, a);
  Buffer<Word32> product(band.conv.size() * layer.conv_out().row_elements());
  tensor::convolve_rows<Word32>(*filters.mask, a, band.in, band.conv, product, false);
  dealer.deal<Word32>(Field::product, 0, w.linear, product);
}

Buffer<Word32> prepare_product(ShareSource& source, const LayerSpec& layer, const Widths& w, PackId pack, ValueId read,
                               const BandLayout& band, const Prg& with_producer, const Filters& filters) {
  const std::size_t out_row = layer.conv_out().row_elements();
  Buffer<Word32> g(band.conv.size() * out_row);
  source.dealt<Word32>(Field::product, 0, w.linear, g);
  add_bias<Word32>(filters.bias, band.conv.begin * out_row, g);
  const Buffer<Word32> a = input_mask_rows(layer, w, pack, read, with_producer, band.in);
  tensor::convolve_rows<Word32>(*filters.masked, a, band.in, band.conv, g, true);
  return g;
}

void linear_rows(const LayerSpec& layer, const BandLayout& band, const Filters& filters, std::span<const Word32> map,
                 Buffer<Word32>& product) {
  const std::size_t row = layer.conv.in.row_elements();
  tensor::convolve_rows<Word32>(*filters.weights, map.subspan(band.in.begin * row, band.in.size() * row), band.in,
                                band.conv, product, true);
}

}  // namespace blindsight::protocol::blink
