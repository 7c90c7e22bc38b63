#include "protocol/pond/truncate.h"

namespace blindsight::protocol::pond {
namespace {

tensor::Word128 shifted(tensor::Word128 x, unsigned bits) {
  return static_cast<tensor::Word128>(static_cast<tensor::Signed128>(x) >> bits);
}

}  // namespace

void truncate(std::span<tensor::Word128> share, unsigned bits, PartyId server) {
  // Both rounding down would leave the result one unit too low half of the time.
  if (server == PartyId::server0)
    for (tensor::Word128& x : share) x = shifted(x, bits);
  else
    for (tensor::Word128& x : share) x = -shifted(-x, bits);
}

}  // namespace blindsight::protocol::pond
