#pragma once

#include "protocol/core/routine.h"
#include "protocol/securenn/fields.h"

/// SecureNN (Wagh, Gupta, Chandran, PETS 2019; eprint 2018/442): exact ReLU and max pooling for additive shares in
/// Z_2^64 with two servers and a producer that helps online. Semi-honest, one corruption.
namespace blindsight::protocol::securenn {

using tensor::Buffer;
using tensor::Word64;

/// A server in one band. What it refers to outlives the band's routines.
struct Server {
  PartyId self;
  Dealing::Randomness randomness;
  const Prg& with_producer;
  const Prg& with_other;  ///< the servers' common randomness
  Stream band;

  /// The server that adds public constants (j = 1 in the paper).
  bool adds_constants() const { return self == PartyId::server1; }
  Stream stream(Field field, std::uint8_t level) const {
    Stream s = band;
    s.kind = static_cast<std::uint8_t>(field);
    s.level = level;
    return s;
  }
  beaver::ShareSource source(std::span<const std::uint8_t> message) const {
    return {with_producer, self, randomness, band, message};
  }
};

/// The producer in one band. It has no input and learns nothing.
struct Helper {
  const beaver::ShareKeys& keys;
  Stream band;

  Dealing::Randomness randomness() const {
    return keys.sent() ? Dealing::Randomness::sent : Dealing::Randomness::seeded;
  }
};

using beaver::receive_dealt;
using beaver::send_dealt;

inline Buffer<Word64> to_words(std::span<const std::uint8_t> bytes) {
  return beaver::to_words<Word64>(bytes);
}

}  // namespace blindsight::protocol::securenn
