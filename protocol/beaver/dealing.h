#pragma once

#include <array>
#include <cstring>
#include <optional>
#include <span>

#include "protocol/core/dealing.h"
#include "protocol/core/party.h"
#include "protocol/core/routine.h"
#include "protocol/prg/pack_keys.h"

/// What Pond and SecureNN share: Beaver triples with two servers and a producer (Beaver, CRYPTO
/// 1991; SPDZ; SecureNN, algorithm 1). Templates over the ring's word: Word64 = Z_2^64, Word128 = Z_2^128.
namespace blindsight::protocol::beaver {

using tensor::Buffer;

/// Names one dealt value of a band: the protocol's number of the field (Stream::kind) and which of several.
struct Slot {
  std::uint8_t field;
  std::uint8_t level = 0;
};

/// Words as they go over the wire, little-endian as they stand, and back from bytes of any alignment.
template <class Word>
Payload to_payload(std::span<const Word> words) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(words.data());
  return Payload(bytes, bytes + words.size_bytes());
}
template <class Word>
void from_bytes(std::span<const std::uint8_t> bytes, std::span<Word> words) {
  if (!words.empty()) std::memcpy(words.data(), bytes.data(), words.size_bytes());
}
template <class Word>
Buffer<Word> to_words(std::span<const std::uint8_t> bytes) {
  Buffer<Word> words(bytes.size() / sizeof(Word));
  from_bytes<Word>(bytes, words);
  return words;
}

/// Of a dealt value that may not be uniform, server 0 holds the expansion and server 1 the difference.
constexpr PartyId correction_receiver = PartyId::server1;

/// Where the producer draws the two servers' shares of a pack from: what it shares with each, or with randomness =
/// sent its own keys, one for each server, so that what it sends to one says nothing about what it sends to the other.
class ShareKeys {
 public:
  ShareKeys(PackKeysPtr producer, Dealing::Randomness randomness);

  bool sent() const { return own_.has_value(); }
  const Prg& of(PartyId server) const { return own_ ? (*own_)[static_cast<std::size_t>(server)] : keys_->with(server); }

 private:
  PackKeysPtr keys_;
  std::optional<std::array<Prg, 2>> own_;
};

/// The producer's side of dealing for one band: draws shares and collects what each server must be sent. Values are
/// read by ShareSource in the order in which they were dealt.
class Dealer {
 public:
  Dealer(const ShareKeys& keys, Stream band) : keys_(keys), band_(band) {}

  /// A uniform value of n words of the ring: the sum of both shares. Nothing is sent when seeded.
  template <class Word>
  Buffer<Word> random(Slot slot, std::size_t n);
  /// Shares a given value: one correction when seeded, two messages when sent.
  template <class Word>
  void deal(Slot slot, std::span<const Word> value);

  /// For what is not a word of the ring: the stream and the generator of a server's share, and what it is sent.
  bool sent() const { return keys_.sent(); }
  Stream stream(Slot slot) const;
  const Prg& prg(PartyId server) const { return keys_.of(server); }
  void append(PartyId server, std::span<const std::uint8_t> bytes);
  /// What the server will be sent in all, when that is known: the message then takes no more memory than its bytes.
  void reserve(PartyId server, std::size_t bytes) { messages_[static_cast<unsigned>(server)].reserve(bytes); }

  /// What the server is to be sent; empty: nothing.
  Payload take(PartyId server) { return std::move(messages_[static_cast<unsigned>(server)]); }

 private:
  const ShareKeys& keys_;
  Stream band_;
  std::array<Payload, 2> messages_;
};

/// A server's side of the same: its share of each dealt value, from its seed or from the message.
class ShareSource {
 public:
  /// `message`: as the dealer's take() made it; checked to be long enough by whoever received it.
  ShareSource(const Prg& with_producer, PartyId self, Dealing::Randomness randomness, Stream band,
              std::span<const std::uint8_t> message)
      : prg_(with_producer),
        self_(self),
        sent_(randomness == Dealing::Randomness::sent),
        band_(band),
        message_(message) {}

  template <class Word>
  Buffer<Word> random(Slot slot, std::size_t n);
  template <class Word>
  Buffer<Word> dealt(Slot slot, std::size_t n);

  PartyId self() const { return self_; }
  /// Whether the share of a dealt value comes by the message.
  bool receives_dealt() const { return sent_ || self_ == correction_receiver; }
  bool sent() const { return sent_; }
  Stream stream(Slot slot) const;
  const Prg& prg() const { return prg_; }
  std::span<const std::uint8_t> take(std::size_t bytes);
  /// The share of a random value now hides a value that leaves; tests look (a mask that was sent has no stream here).
  void note_opened(Slot slot, std::size_t bytes) const;

 private:
  template <class Word>
  Buffer<Word> share(Slot slot, std::size_t n, bool from_message);

  const Prg& prg_;
  PartyId self_;
  bool sent_;
  Stream band_;
  std::span<const std::uint8_t> message_;
};

/// What random and dealt values of so many bytes add to what a server is sent.
constexpr std::size_t random_bytes_sent(Dealing::Randomness r, std::size_t bytes) {
  return r == Dealing::Randomness::sent ? bytes : 0;
}
constexpr std::size_t dealt_bytes_sent(Dealing::Randomness r, PartyId server, std::size_t bytes) {
  return r == Dealing::Randomness::sent || server == correction_receiver ? bytes : 0;
}

/// Sends what was dealt to whom there is something for.
inline void send_dealt(Channel& channel, Dealer& dealer) {
  for (const PartyId server : {PartyId::server0, PartyId::server1})
    if (Payload message = dealer.take(server); !message.empty()) channel.send(server, std::move(message));
}

/// The producer's next message to this server, which may be one that is never sent: then `bytes` is 0.
inline Routine<Payload> receive_dealt(Channel& channel, std::size_t bytes, const char* what) {
  Payload message;
  if (bytes != 0) message = co_await channel.receive(PartyId::producer, bytes, what);
  co_return message;
}

}  // namespace blindsight::protocol::beaver
