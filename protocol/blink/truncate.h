#pragma once

#include "protocol/blink/fields.h"

namespace blindsight::protocol::blink {

/// Local truncation: a share mod 2^`ring` of Z to a share mod 2^(ring - fraction) of floor(Z / 2^fraction) + {0, 1},
/// for every -2^q <= Z <= 2^q - 2^f with q < ring. No message. The +1 is [Z mod 2^f > z0 mod 2^f]: unbiased, and there
/// is no rare large error, because the ring shrinks by as many bits as are cut and the wrap falls off its top
/// (docs/protocols/blink.md, "Truncation"). `away`: rounds the other way; server 1 does, or the sum would be biased by
/// one ulp.
void truncate(std::span<const Word32> share, unsigned ring, unsigned fraction, bool away, std::span<Word16> out);

}  // namespace blindsight::protocol::blink
