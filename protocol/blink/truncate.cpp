#include "protocol/blink/truncate.h"

namespace blindsight::protocol::blink {

void truncate(std::span<const Word32> share, unsigned ring, unsigned fraction, bool away, std::span<Word16> out) {
  const Word32 mask = tensor::low_mask<Word32>(ring);
  const Word16 kept = tensor::low_mask<Word16>(ring - fraction);
  if (away)
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<Word16>(Word32{0} - (((Word32{0} - share[i]) & mask) >> fraction)) & kept;
  else
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<Word16>((share[i] & mask) >> fraction) & kept;
}

}  // namespace blindsight::protocol::blink
