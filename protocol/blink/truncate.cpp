#include "protocol/blink/truncate.h"

#include "tensor/kernels/elementwise.h"

namespace blindsight::protocol::blink {

void truncate(std::span<const Word32> share, unsigned ring, unsigned fraction, bool away, std::span<Word16> out) {
  tensor::shift_down(share, ring, fraction, away, out);
}

}  // namespace blindsight::protocol::blink
