#include "tensor/kernels/naive/naive.h"

#include <algorithm>

namespace blindsight::tensor::naive {
namespace {

template <class Word>
Word at(const Shape& in, std::span<const Word> data, std::ptrdiff_t y, std::ptrdiff_t x, std::size_t channel) {
  if (y < 0 || x < 0 || y >= static_cast<std::ptrdiff_t>(in.height) || x >= static_cast<std::ptrdiff_t>(in.width))
    return 0;
  return data[(static_cast<std::size_t>(y) * in.width + static_cast<std::size_t>(x)) * in.channels + channel];
}

std::ptrdiff_t position(std::size_t out, std::size_t stride, std::size_t offset, std::size_t pad) {
  return static_cast<std::ptrdiff_t>(out * stride + offset) - static_cast<std::ptrdiff_t>(pad);
}

}  // namespace

template <class Word>
void convolve(const ConvShape& shape, std::span<const Word> filter, std::span<const Word> in, std::span<Word> out) {
  const Window& w = shape.window;
  const Shape result = shape.out();
  for (std::size_t y = 0; y < result.height; ++y)
    for (std::size_t x = 0; x < result.width; ++x)
      for (std::size_t j = 0; j < shape.out_channels; ++j) {
        Word sum = 0;
        for (std::size_t dy = 0; dy < w.height; ++dy)
          for (std::size_t dx = 0; dx < w.width; ++dx)
            for (std::size_t i = 0; i < shape.in.channels; ++i)
              sum +=
                  at(shape.in, in, position(y, w.stride_y, dy, w.pad_top), position(x, w.stride_x, dx, w.pad_left), i) *
                  filter[((dy * w.width + dx) * shape.in.channels + i) * shape.out_channels + j];
        out[(y * result.width + x) * shape.out_channels + j] = sum;
      }
}

template <class Word>
void pack_bits(std::span<const Word> in, unsigned bits, std::span<std::uint8_t> out) {
  std::fill(out.begin(), out.end(), std::uint8_t{0});
  for (std::size_t i = 0; i < in.size(); ++i)
    for (unsigned j = 0; j < bits; ++j) {
      const std::size_t bit = i * bits + j;
      out[bit / 8] = static_cast<std::uint8_t>(out[bit / 8] | (in[i] >> j & 1) << bit % 8);
    }
}

template <class Word>
void unpack_bits(std::span<const std::uint8_t> in, unsigned bits, std::span<Word> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = 0;
    for (unsigned j = 0; j < bits; ++j) {
      const std::size_t bit = i * bits + j;
      out[i] = static_cast<Word>(out[i] | static_cast<Word>(in[bit / 8] >> bit % 8 & 1) << j);
    }
  }
}

void to_planes(std::span<const Word16> in, unsigned bits, std::span<Word64> planes) {
  std::fill(planes.begin(), planes.end(), Word64{0});
  const std::size_t words = planes.size() / std::max(bits, 1u);
  for (std::size_t i = 0; i < in.size(); ++i)
    for (unsigned j = 0; j < bits; ++j) planes[j * words + i / 64] |= (Word64{in[i]} >> j & 1) << i % 64;
}

bool plane_bit(std::span<const Word64> plane, std::size_t i) {
  return plane[i / 64] >> i % 64 & 1;
}

void compare_digit(std::span<const unsigned> c, std::span<const unsigned> r, std::span<bool> less,
                   std::span<bool> equal) {
  for (std::size_t i = 0; i < c.size(); ++i) {
    less[i] = c[i] < r[i];
    equal[i] = c[i] == r[i];
  }
}

template <class Word>
void gather_window(const Shape& in, const Window& window, std::size_t dy, std::size_t dx, std::span<const Word> data,
                   std::span<Word> out) {
  const std::size_t height = window.out_height(in.height), width = window.out_width(in.width);
  auto clamp = [](std::ptrdiff_t x, std::size_t size) {
    return std::clamp<std::ptrdiff_t>(x, 0, static_cast<std::ptrdiff_t>(size) - 1);
  };
  for (std::size_t y = 0; y < height; ++y)
    for (std::size_t x = 0; x < width; ++x)
      for (std::size_t i = 0; i < in.channels; ++i)
        out[(y * width + x) * in.channels + i] =
            at(in, data, clamp(position(y, window.stride_y, dy, window.pad_top), in.height),
               clamp(position(x, window.stride_x, dx, window.pad_left), in.width), i);
}

template <class Word>
void sum_windows(const Shape& in, const Window& window, std::span<const Word> data, std::span<Word> out) {
  const std::size_t height = window.out_height(in.height), width = window.out_width(in.width);
  for (std::size_t y = 0; y < height; ++y)
    for (std::size_t x = 0; x < width; ++x)
      for (std::size_t i = 0; i < in.channels; ++i) {
        Word sum = 0;
        for (std::size_t dy = 0; dy < window.height; ++dy)
          for (std::size_t dx = 0; dx < window.width; ++dx)
            sum = static_cast<Word>(sum + at(in, data, position(y, window.stride_y, dy, window.pad_top),
                                             position(x, window.stride_x, dx, window.pad_left), i));
        out[(y * width + x) * in.channels + i] = sum;
      }
}

template void convolve<Word32>(const ConvShape&, std::span<const Word32>, std::span<const Word32>, std::span<Word32>);
template void convolve<Word64>(const ConvShape&, std::span<const Word64>, std::span<const Word64>, std::span<Word64>);
template void convolve<Word128>(const ConvShape&, std::span<const Word128>, std::span<const Word128>,
                                std::span<Word128>);
template void pack_bits<Word16>(std::span<const Word16>, unsigned, std::span<std::uint8_t>);
template void pack_bits<Word32>(std::span<const Word32>, unsigned, std::span<std::uint8_t>);
template void pack_bits<Word64>(std::span<const Word64>, unsigned, std::span<std::uint8_t>);
template void unpack_bits<Word16>(std::span<const std::uint8_t>, unsigned, std::span<Word16>);
template void unpack_bits<Word32>(std::span<const std::uint8_t>, unsigned, std::span<Word32>);
template void unpack_bits<Word64>(std::span<const std::uint8_t>, unsigned, std::span<Word64>);
template void gather_window<Word16>(const Shape&, const Window&, std::size_t, std::size_t, std::span<const Word16>,
                                    std::span<Word16>);
template void gather_window<Word32>(const Shape&, const Window&, std::size_t, std::size_t, std::span<const Word32>,
                                    std::span<Word32>);
template void sum_windows<Word16>(const Shape&, const Window&, std::span<const Word16>, std::span<Word16>);
template void sum_windows<Word32>(const Shape&, const Window&, std::span<const Word32>, std::span<Word32>);

}  // namespace blindsight::tensor::naive
