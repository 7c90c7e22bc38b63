#pragma once

#include "protocol/securenn/bit_shares.h"

namespace blindsight::protocol::securenn {

/// PrivateCompare (SecureNN, algorithm 3): the servers hold shares in Z_67 of x's bits, and both know r and beta; the
/// producer learns beta ^ [x > r] and nothing else.
///
/// The servers' common randomness of one comparison:
struct CompareFields {
  Field blind;        ///< s_i, of Z_67 without 0
  Field refresh;      ///< a sharing of zero
  Field permutation;  ///< one of all 64! for each element: a common one would show equal places
};
constexpr CompareFields convert_compare{Field::convert_blind, Field::convert_refresh, Field::convert_permutation};
constexpr CompareFields msb_compare{Field::msb_blind, Field::msb_refresh, Field::msb_permutation};

/// What a server sends to the producer, bits_bytes(n): its share of s_i·c_i in permuted order, c_i being 0 in one place
/// if the answer is 1 and nowhere otherwise.
///
/// The paper sends s_i times the share of c_i. Both servers' shares then carry the same factor, and the producer, who
/// dealt the bits that they are made of, finds r by the ratio of what it receives. So a fresh sharing of zero is added:
/// its view is then the sum, blinded by s_i and permuted, and a uniform share. It also does what the paper's u_i are
/// for where beta is 1 and r = 2^64 - 1, so that r + 1 does not exist: the answer is 1, and any shares of one zero and
/// 63 values s_i will do.
Payload compare_message(const Server& server, const CompareFields& fields, std::uint8_t level, const BitShares& x,
                        std::span<const Word64> r, std::span<const std::uint8_t> beta);

/// What the producer finds in both servers' messages: beta ^ [x > r] for each element, as words for dealing.
Buffer<Word64> compared(std::span<const std::uint8_t> from0, std::span<const std::uint8_t> from1);

}  // namespace blindsight::protocol::securenn
