#pragma once

#include "protocol/blink/fields.h"
#include "protocol/blink/widths.h"

namespace blindsight::protocol::blink {

/// Server: the message for the data owner. The share is cut to the output's width and re-randomized with a sharing of
/// zero from the servers' common seed, so that the two messages say their sum and nothing else (higher bits carry
/// products of weights and masks). Word is Word16 or Word32.
template <class Word>
Payload output_message(std::span<const Word> share, unsigned bits, const Prg& with_other_server, Stream band,
                       bool adds);

/// Values that a band of the last layer sends, and their bits.
std::size_t output_bytes(std::size_t n, unsigned bits);

/// Data owner: both servers' messages to signed values.
Result<std::vector<std::int64_t>> reveal_output(const NetworkSpec& network, std::span<const Payload, 2> messages);

}  // namespace blindsight::protocol::blink
