// The table of one target: its copies of the texts above, and its panel product in Z_2^128.

#define BLINDSIGHT_KERNEL_TABLE(multiply_128)                                                                       \
  {                                                                                                                 \
    conv_kernels<std::uint32_t>, conv_kernels<std::uint64_t>, {multiply_128, dot_wide},                             \
        {pack_between<std::uint16_t, 1, 16>, unpack_between<std::uint16_t, 1, 16>},                                 \
        {pack_between<std::uint32_t, 1, 32>, unpack_between<std::uint32_t, 1, 32>}, {pack_any, unpack_any},         \
        {select<std::uint16_t>, add<std::uint16_t>}, {select<std::uint32_t>, add<std::uint32_t>}, to_planes_of,     \
        compare_digit_any, monomials_of, {cut<std::uint16_t>, add_cut<std::uint16_t>, subtract_cut<std::uint16_t>}, \
        {cut<std::uint32_t>, add_cut<std::uint32_t>, subtract_cut<std::uint32_t>}, shift_down_of, multiplex_of,     \
        remove_wraps_of, {                                                                                          \
      draw_below_of, pack67, unpack67, share_bits_of, compare_share_of, shuffle67, any_zero_of                      \
    }                                                                                                               \
  }
