#include "tensor/kernels/elementwise.h"

#include "tensor/kernels/check.h"
#include "tensor/kernels/kernel_table.h"

namespace blindsight::tensor {
namespace {

template <class Word>
const auto& ring_kernels() {
  if constexpr (sizeof(Word) == 2)
    return kernels().ring16;
  else
    return kernels().ring32;
}

template <class Word>
void check_bits(const char* what, unsigned bits) {
  check(bits >= 1 && bits <= sizeof(Word) * 8, what, "a ring has 1 bit to the word's");
}

}  // namespace

template <class Word>
void cut(std::span<Word> x, unsigned bits) {
  check_bits<Word>("cut", bits);
  ring_kernels<Word>().cut(x.data(), x.size(), bits);
}

template <class Word>
void add(std::span<const Word> a, std::span<const Word> b, unsigned bits, std::span<Word> out) {
  check_bits<Word>("add", bits);
  check(a.size() == out.size() && b.size() == out.size(), "add", "all need one length");
  ring_kernels<Word>().add(a.data(), b.data(), out.size(), bits, out.data());
}

template <class Word>
void subtract(std::span<const Word> a, std::span<const Word> b, unsigned bits, std::span<Word> out) {
  check_bits<Word>("subtract", bits);
  check(a.size() == out.size() && b.size() == out.size(), "subtract", "all need one length");
  ring_kernels<Word>().subtract(a.data(), b.data(), out.size(), bits, out.data());
}

void shift_down(std::span<const Word32> x, unsigned ring, unsigned shift, bool up, std::span<Word16> out) {
  check(ring >= 1 && ring <= 32 && shift < ring && ring - shift <= 16, "shift_down",
        "1 to 16 of at most 32 bits are kept");
  check(x.size() == out.size(), "shift_down", "both need one length");
  kernels().shift_down(x.data(), x.size(), ring, shift, up, out.data());
}

void multiplex(const Multiplex& in, std::span<Word16> out) {
  const std::size_t n = out.size();
  check(in.c.size() == n && in.r.size() == n && in.b.size() == n && in.br.size() == n && in.d.size() * 64 >= n,
        "multiplex", "all need one length and the plane a bit for each");
  MultiplexWords words{in.d.data(), in.c.data(), in.r.data(), in.b.data(), in.br.data(),
                       nullptr,     nullptr,     nullptr,     in.width,    in.with_c};
  if (in.high) {
    check(in.high->carry.size() == n && in.high->r.size() == n && in.high->br.size() == n && in.width >= 1 &&
              in.width < 16,
          "multiplex", "the upper parts need the same length, and a width below 16");
    words.high_carry = in.high->carry.data();
    words.high_r = in.high->r.data();
    words.high_br = in.high->br.data();
  }
  kernels().multiplex(words, n, out.data());
}

void remove_wraps(const WrapRemoval& in, std::span<Word32> out) {
  const std::size_t n = out.size();
  check(in.y.size() == n && in.p.size() == n && in.a.size() * 64 >= n && in.b.size() * 64 >= n && in.m.size() * 64 >= n,
        "remove_wraps", "all need one length and the planes a bit for each");
  check(in.from >= 1 && in.from <= 16 && in.from < in.to && in.to <= 32, "remove_wraps",
        "1 <= from <= 16, from < to <= 32");
  kernels().remove_wraps({in.y.data(), in.a.data(), in.b.data(), in.m.data(), in.p.data(), in.from, in.to, in.with_ab},
                         n, out.data());
}

template void cut<Word16>(std::span<Word16>, unsigned);
template void cut<Word32>(std::span<Word32>, unsigned);
template void add<Word16>(std::span<const Word16>, std::span<const Word16>, unsigned, std::span<Word16>);
template void add<Word32>(std::span<const Word32>, std::span<const Word32>, unsigned, std::span<Word32>);
template void subtract<Word16>(std::span<const Word16>, std::span<const Word16>, unsigned, std::span<Word16>);
template void subtract<Word32>(std::span<const Word32>, std::span<const Word32>, unsigned, std::span<Word32>);

}  // namespace blindsight::tensor
