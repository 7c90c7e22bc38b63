#pragma once

#include "protocol/securenn/parties.h"
#include "tensor/kernels/field67.h"

namespace blindsight::protocol::securenn {

/// Elements are compared in chunks of this many, one to a byte of a register. Values in Z_67 lie, in memory and on the
/// wire, chunk by chunk and [64 bits][elements of the chunk] inside.
constexpr std::size_t chunk_elements = 64;

/// Uniform values below changing bounds, without bias, from one chunk's part of a stream.
class BoundedDraws {
 public:
  /// Bytes of the stream that belong to a chunk: four times the values that are drawn from it. That they do not
  /// suffice has probability below 2^-1000 and is refused, which leaves what is drawn exactly uniform.
  static constexpr std::uint64_t chunk_stride = 4 * tensor::field67::word_bits * chunk_elements;

  BoundedDraws(const Prg& prg, const Stream& stream, std::size_t chunk)
      : prg_(prg), stream_(stream), next_(chunk * chunk_stride), limit_(next_ + chunk_stride) {}

  /// Throws std::runtime_error when the chunk's bytes are used up.
  void draw(unsigned bound, std::span<std::uint8_t> out);

 private:
  const Prg& prg_;
  Stream stream_;
  std::uint64_t next_, limit_;
  std::size_t at_ = 0, end_ = 0;
  std::array<std::uint8_t, 5632> bytes_;  // what 4096 values take, nearly always
};

/// A server's shares in Z_67 of n words' bits, expanded or unpacked where they are needed.
class BitShares {
 public:
  static BitShares expanded(const Prg& prg, const Stream& stream) { return {&prg, stream, {}}; }
  static BitShares packed(std::span<const std::uint8_t> message) { return {nullptr, {}, message}; }

  /// The shares of one chunk of out.size() / 64 elements.
  void load(std::size_t chunk, std::span<std::uint8_t> out) const;

 private:
  BitShares(const Prg* prg, const Stream& stream, std::span<const std::uint8_t> message)
      : prg_(prg), stream_(stream), message_(message) {}

  const Prg* prg_;
  Stream stream_;
  std::span<const std::uint8_t> message_;
};

/// Bytes of n elements' bits on the wire, 7 bits each.
constexpr std::size_t bits_bytes(std::size_t n) {
  return n * tensor::field67::packed_element_bytes;
}

/// The producer shares the bits of given words; a server takes its shares, which refer to the source's message.
void deal_bits(beaver::Dealer& dealer, beaver::Slot slot, std::span<const Word64> words);
BitShares dealt_bits(beaver::ShareSource& source, beaver::Slot slot, std::size_t n);

}  // namespace blindsight::protocol::securenn
