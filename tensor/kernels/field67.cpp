#include "tensor/kernels/field67.h"

#include <stdexcept>
#include <string>

#include "tensor/kernels/kernel_table.h"

namespace blindsight::tensor::field67 {
namespace {

void require(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(std::string(what) + ": sizes do not fit each other");
}

}  // namespace

Drawn draw_below(std::span<const std::uint8_t> bytes, unsigned bound, std::span<std::uint8_t> out) {
  require(bound >= 2 && bound <= 128, "field67::draw_below");
  Drawn d;
  d.values = kernels().field67.draw_below(bytes.data(), bytes.size(), bound, out.data(), out.size(), &d.bytes_used);
  return d;
}

void pack(std::span<const std::uint8_t> in, std::span<std::uint8_t> out) {
  require(in.size() % 8 == 0 && out.size() == in.size() / 8 * 7, "field67::pack");
  kernels().field67.pack(in.data(), in.size() / 8, out.data());
}

void unpack(std::span<const std::uint8_t> in, std::span<std::uint8_t> out) {
  require(out.size() % 8 == 0 && in.size() == out.size() / 8 * 7, "field67::unpack");
  kernels().field67.unpack(in.data(), out.size() / 8, out.data());
}

void share_bits(std::span<const Word64> words, std::span<const std::uint8_t> first, std::span<std::uint8_t> second) {
  require(first.size() == word_bits * words.size() && second.size() == first.size(), "field67::share_bits");
  kernels().field67.share_bits(words.data(), first.data(), words.size(), second.data());
}

void compare_share(const CompareLanes& in, std::span<std::uint8_t> d) {
  const std::size_t n = in.v.size();
  require(in.beta.size() == n && in.x.size() == word_bits * n && in.s.size() == in.x.size() &&
              in.z.size() == in.x.size() && d.size() == in.x.size(),
          "field67::compare_share");
  kernels().field67.compare_share({in.x.data(), in.v.data(), in.beta.data(), in.s.data(), in.z.data(), in.constants}, n,
                                  d.data());
}

void shuffle(std::span<const std::uint8_t> places, std::size_t n, std::span<std::uint8_t> d) {
  require(d.size() == word_bits * n && places.size() == (word_bits - 1) * n, "field67::shuffle");
  kernels().field67.shuffle(places.data(), n, d.data());
}

void any_zero(std::span<const std::uint8_t> d0, std::span<const std::uint8_t> d1, std::span<std::uint8_t> found) {
  require(d0.size() == word_bits * found.size() && d1.size() == d0.size(), "field67::any_zero");
  kernels().field67.any_zero(d0.data(), d1.data(), found.size(), found.data());
}

}  // namespace blindsight::tensor::field67
