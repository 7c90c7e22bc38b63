#pragma once

#include "protocol/core/routine.h"
#include "protocol/securenn/fields.h"

/// SecureNN (Wagh, Gupta, Chandran, PETS 2019; eprint 2018/442): exact ReLU and max pooling for additive shares in
/// Z_2^64 with two servers and a producer that helps online. Semi-honest, one corruption.
namespace blindsight::protocol::securenn {

using tensor::Buffer;
using tensor::Word64;

/// A server in one tile. What it refers to outlives the tile's routines.
struct Server {
  PartyId self;
  Dealing::Randomness randomness;
  const Prg& with_producer;
  const Prg& with_other;  ///< the servers' common randomness
  Stream tile;

  /// The server that adds public constants (j = 1 in the paper).
  bool adds_constants() const { return self == PartyId::server1; }
  Stream stream(Field field, std::uint8_t level) const {
    Stream s = tile;
    s.kind = static_cast<std::uint8_t>(field);
    s.level = level;
    return s;
  }
  beaver::ShareSource source(std::span<const std::uint8_t> message) const {
    return {with_producer, self, randomness, tile, message};
  }
};

/// The producer in one tile. It has no input and learns nothing.
struct Helper {
  const beaver::ShareKeys& keys;
  Stream tile;

  Dealing::Randomness randomness() const {
    return keys.sent() ? Dealing::Randomness::sent : Dealing::Randomness::seeded;
  }
};

/// The producer's next message to this server, which may be one that is never sent: then `bytes` is 0.
inline Routine<Payload> receive_dealt(Channel& channel, std::size_t bytes, const char* what) {
  Payload message;
  if (bytes != 0) message = co_await channel.receive(PartyId::producer, bytes, what);
  co_return message;
}

/// Sends what was dealt to whom there is something for.
inline void send_dealt(Channel& channel, beaver::Dealer& dealer) {
  for (const PartyId server : {PartyId::server0, PartyId::server1}) {
    Payload message = dealer.take(server);
    if (!message.empty()) channel.send(server, std::move(message));
  }
}

inline Payload to_bytes(std::span<const Word64> words) {
  Payload bytes(words.size_bytes());
  std::copy_n(reinterpret_cast<const std::uint8_t*>(words.data()), bytes.size(), bytes.data());
  return bytes;
}

/// Words from bytes of any alignment.
inline Buffer<Word64> to_words(std::span<const std::uint8_t> bytes) {
  Buffer<Word64> words(bytes.size() / sizeof(Word64));
  std::copy_n(bytes.data(), words.size() * sizeof(Word64), reinterpret_cast<std::uint8_t*>(words.data()));
  return words;
}

}  // namespace blindsight::protocol::securenn
