#pragma once

#include <cstdint>

#include "protocol/beaver/dealing.h"

namespace blindsight::protocol::securenn {

/// What a stream's bytes are for: Stream::kind. 1 to 15 are protocol/beaver's. Stream::level numbers the comparisons of
/// a band, so that no two of them share a stream.
enum class Field : std::uint8_t {
  convert_mask0 = 16,   ///< ShareConvert: r_0 and r_1, of which server j's share is masked with r_j
  convert_mask1,        ///< both known to both servers
  convert_flip,         ///< eta'', the servers'
  convert_bits,         ///< the masked value's bits, dealt in Z_67
  convert_wrap,         ///< delta, dealt in the odd ring
  convert_found,        ///< eta', dealt in the odd ring
  convert_blind,        ///< s_i
  convert_refresh,      ///< the sharing of zero in Z_67
  convert_permutation,  ///< pi
  convert_zero,         ///< the servers' sharing of zero in the odd ring
  msb_mask,             ///< ComputeMSB: x, a random value of the odd ring
  msb_bits,             ///< its bits, dealt in Z_67
  msb_low,              ///< its lowest bit, dealt
  msb_flip,             ///< beta, the servers'
  msb_found,            ///< beta', dealt
  msb_blind,
  msb_refresh,
  msb_permutation,
  msb_x_mask,  ///< the product of gamma and delta
  msb_y_mask,
  msb_product,
  sign_zero,
  relu_x_mask,  ///< the product of the sign and the value
  relu_y_mask,
  relu_product,
  relu_zero,
};

constexpr beaver::Slot slot(Field field, std::uint8_t level) {
  return {static_cast<std::uint8_t>(field), level};
}

}  // namespace blindsight::protocol::securenn
