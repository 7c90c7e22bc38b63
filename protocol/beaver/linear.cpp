#include "protocol/beaver/linear.h"

namespace blindsight::protocol::beaver {
namespace {

constexpr auto direct = tensor::ConvAlgorithm::direct;
constexpr Slot filter_slot{static_cast<std::uint8_t>(Field::filter_mask)};

}  // namespace

template <class Word>
std::size_t weight_share_bytes(const LayerSpec& layer) {
  return filter_bytes<Word>(layer) + layer.bias_elements() * sizeof(Word);
}

template <class Word>
Result<std::array<Payload, 2>> share_layer(const LayerSpec& layer, const LayerWeights& weights) {
  const std::size_t n = layer.conv.filter_elements(), biases = layer.bias_elements();
  if (weights.filter.size() != n || weights.bias.size() != biases)
    return fail("layer '" + layer.name + "': has " + std::to_string(weights.filter.size()) + " weights and " +
                std::to_string(weights.bias.size()) + " biases, expected " + std::to_string(n) + " and " +
                std::to_string(biases));
  const Prg prg(random_key());
  Buffer<Word> share0(n + biases), share1(n + biases);
  prg.words<Word>({}, 0, share0);
  // Negative numbers wrap: widened with their sign first.
  for (std::size_t i = 0; i < n; ++i)
    share1[i] = static_cast<Word>(static_cast<std::int64_t>(weights.filter[i])) - share0[i];
  for (std::size_t i = 0; i < biases; ++i) share1[n + i] = static_cast<Word>(weights.bias[i]) - share0[n + i];
  return std::array<Payload, 2>{to_payload<Word>(share0), to_payload<Word>(share1)};
}

template <class Word>
Buffer<Word> bias_share(const LayerSpec& layer, const Payload& weight_share, tensor::RowRange rows) {
  const std::size_t row = layer.conv_out().row_elements(), first = layer.bias_per_position ? rows.begin * row : 0;
  Buffer<Word> bias(layer.bias_per_position ? rows.size() * row : layer.conv.out_channels);
  const std::span bytes = std::span(weight_share).subspan(filter_bytes<Word>(layer) + first * sizeof(Word));
  from_bytes<Word>(bytes.first(bias.size() * sizeof(Word)), bias);
  return bias;
}

template <class Word>
Routine<Filters<Word>> open_filter(Channel& channel, ShareSource& source, const LayerSpec& layer,
                                   const Payload& weight_share) {
  const std::size_t n = layer.conv.filter_elements();
  Buffer<Word> mask = source.random<Word>(filter_slot, n), f(n);
  source.note_opened(filter_slot, n * sizeof(Word));
  from_bytes<Word>(weight_share, f);
  for (std::size_t i = 0; i < n; ++i) f[i] -= mask[i];
  channel.send(other(source.self()), to_payload<Word>(f));
  {
    const Payload theirs =
        co_await channel.receive(other(source.self()), n * sizeof(Word), "opening the filter: masked weights");
    for (std::size_t i = 0; i < n; ++i) {
      Word word;
      from_bytes<Word>(std::span(theirs).subspan(i * sizeof(Word)), {&word, 1});
      f[i] += word;
    }
  }
  if (source.self() == PartyId::server0)
    for (std::size_t i = 0; i < n; ++i) mask[i] += f[i];
  Filters<Word> filters;
  filters.weights = tensor::prepare_filter<Word>(layer.conv, direct, mask);
  filters.masked = tensor::prepare_filter<Word>(layer.conv, direct, f);
  co_return filters;
}

template <class Word>
Filters<Word> filter_mask(Dealer& dealer, const LayerSpec& layer) {
  Filters<Word> filters;
  const Buffer<Word> b = dealer.random<Word>(filter_slot, layer.conv.filter_elements());
  filters.mask = tensor::prepare_filter<Word>(layer.conv, direct, b);
  return filters;
}

template <class Word>
Buffer<Word> input_mask(const Prg& prg, PackId pack, ValueId value, std::size_t first, std::size_t n) {
  Buffer<Word> a(n);
  prg.words<Word>(Stream::of_map(pack, value, static_cast<std::uint8_t>(Field::input_mask)), first, a);
  return a;
}

template <class Word>
Buffer<Word> input_mask(const ShareKeys& keys, PackId pack, ValueId value, std::size_t first, std::size_t n) {
  Buffer<Word> a = input_mask<Word>(keys.of(PartyId::server0), pack, value, first, n);
  const Buffer<Word> b = input_mask<Word>(keys.of(PartyId::server1), pack, value, first, n);
  for (std::size_t i = 0; i < n; ++i) a[i] += b[i];
  return a;
}

template <class Word>
void deal_product(Dealer& dealer, const ShareKeys& keys, PackId pack, ValueId read, const LayerSpec& layer,
                  const BandLayout& band, const Filters<Word>& filters) {
  const std::size_t row = layer.conv.in.row_elements();
  const Buffer<Word> a = input_mask<Word>(keys, pack, read, band.in.begin * row, band.in.size() * row);
  Buffer<Word> product(band.conv.size() * layer.conv_out().row_elements());
  tensor::convolve_rows<Word>(*filters.mask, a, band.in, band.conv, product, false);
  dealer.deal<Word>({static_cast<std::uint8_t>(Field::product)}, product);
}

template <class Word>
void add_zero(const Prg& with_other_server, const Stream& stream, PartyId self, std::span<Word> shares) {
  Buffer<Word> zero(shares.size());
  with_other_server.words<Word>(stream, 0, zero);
  for (std::size_t i = 0; i < shares.size(); ++i) shares[i] += self == PartyId::server0 ? zero[i] : Word{0} - zero[i];
}

#define BLINDSIGHT_BEAVER_LINEAR(Word)                                                                        \
  template Result<std::array<Payload, 2>> share_layer<Word>(const LayerSpec&, const LayerWeights&);           \
  template std::size_t weight_share_bytes<Word>(const LayerSpec&);                                            \
  template Buffer<Word> bias_share<Word>(const LayerSpec&, const Payload&, tensor::RowRange);                 \
  template Routine<Filters<Word>> open_filter(Channel&, ShareSource&, const LayerSpec&, const Payload&);      \
  template Filters<Word> filter_mask(Dealer&, const LayerSpec&);                                              \
  template Buffer<Word> input_mask(const Prg&, PackId, ValueId, std::size_t, std::size_t);                    \
  template Buffer<Word> input_mask(const ShareKeys&, PackId, ValueId, std::size_t, std::size_t);              \
  template void deal_product(Dealer&, const ShareKeys&, PackId, ValueId, const LayerSpec&, const BandLayout&, \
                             const Filters<Word>&);                                                           \
  template void add_zero(const Prg&, const Stream&, PartyId, std::span<Word>);

BLINDSIGHT_BEAVER_LINEAR(tensor::Word64)
BLINDSIGHT_BEAVER_LINEAR(tensor::Word128)

}  // namespace blindsight::protocol::beaver
