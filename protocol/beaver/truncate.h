#pragma once

#include <span>

#include "protocol/core/party.h"
#include "tensor/ring.h"

namespace blindsight::protocol::beaver {

/// A server's share of a into its share of floor(a / 2^bits) + {0, 1}, in place and without a message; bits below the
/// word's. The larger result comes with probability (a mod 2^bits) / 2^bits over uniform shares. Wrong, by 2^(K - bits)
/// with K the ring's bits, with probability |a| / 2^K per element: when the shares' sum wraps (SecureML, Mohassel and
/// Zhang, S&P 2017, theorem 1).
template <class Word>
void truncate(std::span<Word> share, unsigned bits, PartyId server) {
  const auto down = [bits](Word x) {
    const Word sign = x >> (8 * sizeof(Word) - 1) ? static_cast<Word>(~(~Word{0} >> bits)) : Word{0};
    return static_cast<Word>(x >> bits | sign);
  };
  // Both rounding down would leave the result one ulp too low half of the time.
  if (server == PartyId::server0)
    for (Word& x : share) x = down(x);
  else
    for (Word& x : share) x = Word{0} - down(Word{0} - x);
}

}  // namespace blindsight::protocol::beaver
