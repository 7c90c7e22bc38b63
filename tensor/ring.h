#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <vector>

namespace blindsight::tensor {

/// Words of the rings Z_2^16 (non-linear part), Z_2^32 (linear layers), Z_2^64 and Z_2^128. Arithmetic wraps; a ring of
/// b < word bits is a word whose low b bits are in force: whoever opens or packs a value cuts it to b bits first.
using Word16 = std::uint16_t;
using Word32 = std::uint32_t;
using Word64 = std::uint64_t;
__extension__ typedef unsigned __int128 Word128;
/// A Word128 read as two's complement.
__extension__ typedef __int128 Signed128;

/// The low `bits` bits set; `bits` from 0 to the word's width.
template <class Word>
constexpr Word low_mask(unsigned bits) {
  using Wide = std::conditional_t<(sizeof(Word) > 8), Word, std::uint64_t>;
  return bits >= sizeof(Word) * 8 ? static_cast<Word>(~Word{0}) : static_cast<Word>((Wide{1} << bits) - 1);
}

/// `x` mod 2^bits read as two's complement.
constexpr std::int64_t as_signed(std::uint64_t x, unsigned bits) {
  const std::uint64_t m = low_mask<std::uint64_t>(bits), v = x & m;
  return (bits < 64 && (v >> (bits - 1) & 1)) ? static_cast<std::int64_t>(v | ~m) : static_cast<std::int64_t>(v);
}

/// Storage on 64-byte boundaries that is not zeroed by resize(): tensors are written before they are read.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  static constexpr std::align_val_t alignment{64};

  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), alignment)); }
  void deallocate(T* p, std::size_t) { ::operator delete(p, alignment); }
  template <class U>
  void construct(U* p) {
    ::new (static_cast<void*>(p)) U;
  }
  template <class U, class... Args>
  void construct(U* p, Args&&... args) {
    ::new (static_cast<void*>(p)) U(static_cast<Args&&>(args)...);
  }
  bool operator==(const AlignedAllocator&) const { return true; }
};

template <class T>
using Buffer = std::vector<T, AlignedAllocator<T>>;

}  // namespace blindsight::tensor
