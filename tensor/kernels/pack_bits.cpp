#include "tensor/kernels/pack_bits.h"

#include <stdexcept>
#include <string>

#include "tensor/kernels/kernel_table.h"

namespace blindsight::tensor {
namespace {

template <class Word>
const ElementKernels<Word>& element_kernels() {
  if constexpr (sizeof(Word) == 2)
    return kernels().element16;
  else if constexpr (sizeof(Word) == 4)
    return kernels().element32;
  else
    return kernels().element64;
}

template <class Word>
void check(const char* what, std::size_t n, unsigned bits, std::size_t bytes, bool exact) {
  if (bits < 1 || bits > sizeof(Word) * 8)
    throw std::invalid_argument(std::string(what) + ": " + std::to_string(bits) + " bits of a " +
                                std::to_string(sizeof(Word) * 8) + "-bit word");
  const std::size_t needed = packed_bytes(n, bits);
  if (exact ? bytes != needed : bytes < needed)
    throw std::invalid_argument(std::string(what) + ": " + std::to_string(n) + " values of " + std::to_string(bits) +
                                " bits take " + std::to_string(needed) + " bytes, not " + std::to_string(bytes));
}

}  // namespace

template <class Word>
void pack_bits(std::span<const Word> in, unsigned bits, std::span<std::uint8_t> out) {
  check<Word>("pack_bits", in.size(), bits, out.size(), true);
  element_kernels<Word>().pack(in.data(), in.size(), bits, out.data());
}

template <class Word>
void unpack_bits(std::span<const std::uint8_t> in, unsigned bits, std::span<Word> out) {
  check<Word>("unpack_bits", out.size(), bits, in.size(), false);
  element_kernels<Word>().unpack(in.data(), out.size(), bits, out.data());
}

template void pack_bits<Word16>(std::span<const Word16>, unsigned, std::span<std::uint8_t>);
template void pack_bits<Word32>(std::span<const Word32>, unsigned, std::span<std::uint8_t>);
template void pack_bits<Word64>(std::span<const Word64>, unsigned, std::span<std::uint8_t>);
template void unpack_bits<Word16>(std::span<const std::uint8_t>, unsigned, std::span<Word16>);
template void unpack_bits<Word32>(std::span<const std::uint8_t>, unsigned, std::span<Word32>);
template void unpack_bits<Word64>(std::span<const std::uint8_t>, unsigned, std::span<Word64>);

}  // namespace blindsight::tensor
