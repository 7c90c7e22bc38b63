#pragma once

#include <cstddef>
#include <cstdint>

/// What the files beside this one and the per-target translation units agree on; nobody outside `tensor/kernels`
/// includes it.
///
/// Plain pointers and numbers only: a target's translation unit is compiled for instructions that the CPU may lack, so
/// it must not instantiate any inline function that the linker could merge with, and hand to, portable code.
namespace blindsight::tensor {

__extension__ typedef unsigned __int128 Word128;

/// A prepared filter's output channels come in panels of one panel row = two cache lines, whatever the instruction set.
constexpr std::size_t panel_bytes = 128;
template <class Word>
constexpr std::size_t panel_lanes = panel_bytes / sizeof(Word);

/// c[r][j] (+)= sum over segments s, depth k of a[r · a_stride + s · segment_stride + k] · panel[(s · depth + k)][j]:
/// `rows` output pixels of one panel. A matrix product has one segment; a direct convolution has one per kernel row.
template <class Word>
struct PanelProduct {
  const Word* a;
  std::size_t a_stride, segments, segment_stride, depth;
  const Word* panel;
  Word* c;
  std::size_t c_stride, rows, columns;
  bool accumulate;
};

/// A range of Winograd tiles of one call and where their words lie. Tile t covers output rows [t / tiles_x · m, + m)
/// below the first output row and output columns [t % tiles_x · m, + m), m = 2 or 4.
template <class Word>
struct WinogradTiles {
  const Word* in;  // first held row of the input map
  std::ptrdiff_t
      in_row;  // input row (may be negative: padding) under the first row of tile 0, counted from the first held row
  std::ptrdiff_t in_column;  // input column under the first column of tile 0: minus the left padding
  std::size_t in_rows, in_width, in_channels;
  std::size_t tiles_x, tile_begin, tile_end;
  std::size_t first_tile;  // the tile that v and m begin with
  const Word* zeros;       // in_channels zeros
  Word* v;                 // transformed input [position][tile][in channel]
  std::size_t v_stride, v_position_stride;
  const Word* m;  // products [position][tile][out channel]
  std::size_t m_stride, m_position_stride;
  Word* out;  // first output row of the call
  std::size_t out_rows, out_width, out_channels, channel_begin, channel_end;
  bool accumulate;
};

/// One panel of a 3×3 filter [3][3][in channel][out channel] into u: [position][in channel][panel lane].
template <class Word>
struct WinogradFilter {
  const Word* filter;
  std::size_t in_channels, out_channels, first_channel;
  Word* u;
  std::size_t u_position_stride;
};

template <class Word>
struct WinogradKernels {
  void (*transform_filter)(const WinogradFilter<Word>&);
  void (*transform_input)(const WinogradTiles<Word>&);
  void (*transform_output)(const WinogradTiles<Word>&);
};

template <class Word>
struct ProductKernels {
  void (*multiply)(const PanelProduct<Word>&);
  Word (*dot)(const Word* a, const Word* b, std::size_t n);
};

template <class Word>
struct ConvKernels : ProductKernels<Word> {
  WinogradKernels<Word> winograd2, winograd4;
};

template <class Word>
struct ElementKernels {
  void (*pack)(const Word* in, std::size_t n, unsigned bits, std::uint8_t* out);
  void (*unpack)(const std::uint8_t* in, std::size_t n, unsigned bits, Word* out);
};

template <class Word>
struct SelectKernels {
  void (*select)(const std::uint64_t* plane, const Word* ones, const Word* zeros, std::size_t n, Word* out);
  void (*add)(const Word* in, std::size_t n, Word* sum);
};

template <class Word>
struct RingKernels {
  void (*cut)(Word* x, std::size_t n, unsigned bits);
  void (*add)(const Word* a, const Word* b, std::size_t n, unsigned bits, Word* out);
  void (*subtract)(const Word* a, const Word* b, std::size_t n, unsigned bits, Word* out);
};

/// elementwise.h's Multiplex and WrapRemoval as plain pointers; high_carry is null where nothing is extended.
struct MultiplexWords {
  const std::uint64_t* d;
  const std::uint16_t *c, *r, *b, *br, *high_carry, *high_r, *high_br;
  unsigned width;
  bool with_c;
};
struct WrapWords {
  const std::uint16_t* y;
  const std::uint64_t *a, *b, *m;
  const std::uint32_t* p;
  unsigned from, to;
  bool with_ab;
};

/// field67.h's CompareLanes as plain pointers.
struct CompareBytes {
  const std::uint8_t* x;
  const std::uint64_t* v;
  const std::uint8_t *beta, *s, *z;
  bool constants;
};
struct Field67Kernels {
  std::size_t (*draw_below)(const std::uint8_t* bytes, std::size_t available, unsigned bound, std::uint8_t* out,
                            std::size_t count, std::size_t* used);
  void (*pack)(const std::uint8_t* in, std::size_t eights, std::uint8_t* out);
  void (*unpack)(const std::uint8_t* in, std::size_t eights, std::uint8_t* out);
  void (*share_bits)(const std::uint64_t* words, const std::uint8_t* first, std::size_t n, std::uint8_t* second);
  void (*compare_share)(const CompareBytes& in, std::size_t n, std::uint8_t* d);
  void (*shuffle)(const std::uint8_t* places, std::size_t n, std::uint8_t* d);
  void (*any_zero)(const std::uint8_t* d0, const std::uint8_t* d1, std::size_t n, std::uint8_t* found);
};

struct KernelTable {
  ConvKernels<std::uint32_t> conv32;
  ConvKernels<std::uint64_t> conv64;
  ProductKernels<Word128> conv128;
  ElementKernels<std::uint16_t> element16;
  ElementKernels<std::uint32_t> element32;
  ElementKernels<std::uint64_t> element64;
  SelectKernels<std::uint16_t> select16;
  SelectKernels<std::uint32_t> select32;
  /// Planes of whole 64-element words; `n` elements, words above them zero up to `plane_words` words per plane.
  void (*to_planes)(const std::uint16_t* in, std::size_t n, unsigned bits, std::size_t plane_words,
                    std::uint64_t* planes);
  void (*compare_digit)(const std::uint64_t* c, const std::uint64_t* monomials, unsigned bits, bool constant,
                        std::size_t words, std::uint64_t* less, std::uint64_t* equal);
  void (*monomials)(const std::uint64_t* r, unsigned bits, std::size_t words, std::uint64_t* out);
  RingKernels<std::uint16_t> ring16;
  RingKernels<std::uint32_t> ring32;
  void (*shift_down)(const std::uint32_t* x, std::size_t n, unsigned ring, unsigned shift, bool up, std::uint16_t* out);
  void (*multiplex)(const MultiplexWords& in, std::size_t n, std::uint16_t* out);
  void (*remove_wraps)(const WrapWords& in, std::size_t n, std::uint32_t* out);
  Field67Kernels field67;
};

extern const KernelTable portable_kernels;
#if defined(__x86_64__)
extern const KernelTable avx2_kernels;
extern const KernelTable avx512_kernels;
#endif

/// The table bound now (dispatch.cpp).
const KernelTable& kernels();

}  // namespace blindsight::tensor
