#include "tests/protocol/blink/one_layer.h"

#include <stdexcept>

#include "tensor/kernels/elementwise.h"

namespace blindsight::protocol::blink::testing {
namespace {

Progress sound(Result<Progress> progress) {
  if (!progress) throw std::runtime_error(progress.error().what);
  return std::move(*progress);
}

}  // namespace

OneLayer::OneLayer(protocol::testing::Net of, MaskLedger* ledger)
    : net(std::move(of)),
      set_up_keys(protocol::testing::keys_from_seed(9, set_up_pack, ledger)),
      keys(protocol::testing::keys_from_seed(9, pack, ledger)) {
  OpenFilter at0(layer(), w, 1, PartyId::server0, set_up_keys[0], weight_shares[0], filters[0]),
      at1(layer(), w, 1, PartyId::server1, set_up_keys[1], weight_shares[1], filters[1]);
  Progress from0 = sound(at0.begin()), from1 = sound(at1.begin());
  sound(at0.advance({PartyId::server1, 0, std::move(from1.outbound.at(0).payload)}));
  sound(at1.advance({PartyId::server0, 0, std::move(from0.outbound.at(0).payload)}));
  const PackKeys& producer = *set_up_keys[2];
  prepare_mask(layer(), w, 1, producer.with(PartyId::server0), producer.with(PartyId::server1), mask);
}

Buffer<Word32> OneLayer::input_mask() const {
  const tensor::RowRange all{0, layer().conv.in.height};
  Buffer<Word32> a = input_mask_rows(layer(), w, pack, input_value, with_producer(0), all);
  tensor::add<Word32>(a, input_mask_rows(layer(), w, pack, input_value, with_producer(1), all), w.linear, a);
  return a;
}

Buffer<Word32> OneLayer::masked(std::span<const std::int64_t> x) const {
  Buffer<Word32> e(x.begin(), x.end());
  tensor::subtract<Word32>(e, input_mask(), w.linear, e);
  return e;
}

}  // namespace blindsight::protocol::blink::testing
