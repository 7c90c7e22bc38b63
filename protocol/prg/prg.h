#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/core/work.h"
#include "protocol/prg/key.h"

namespace blindsight::protocol {

class MaskLedger;

/// Names one stream of a PRG: what the bytes are for. Two uses of one mask are two uses of one (key, stream, offset);
/// the fields are chosen so that a stream belongs to one field of one band of one value of one pack, and the key
/// separates sessions, deployments, served models (Work::model) and packs once more.
struct Stream {
  static constexpr unsigned pack_bits = 48;

  PackId pack = 0;  ///< pack_bits in force
  ValueId value = 0;
  std::uint16_t band = 0;  ///< whole_map where offsets are absolute elements of the value
  std::uint8_t kind = 0;   ///< the protocol's own numbering of its fields
  std::uint8_t level = 0;  ///< which of several, e.g. the level of a pool's tree

  static constexpr std::uint16_t whole_map = 0xffff;

  /// The work's own streams, of one band each.
  static constexpr Stream of(const Work& work) {
    return {.pack = work.pack, .value = work.value, .band = static_cast<std::uint16_t>(work.band)};
  }
  /// What hides a value as a whole, whatever bands it is made in and whoever reads it.
  static constexpr Stream of_map(PackId pack, ValueId value, std::uint8_t kind) {
    return {.pack = pack, .value = value, .band = whole_map, .kind = kind};
  }
  auto operator<=>(const Stream&) const = default;
};

/// Records which masks were used to open something, and what was drawn; given by tests (KeyRing) to prove
/// that none is used twice. Called from any thread.
class MaskLedger {
 public:
  virtual ~MaskLedger() = default;
  /// `bytes` bytes of the stream from `offset` on, under the key named by `key_fingerprint`, now hide a value that is
  /// sent.
  virtual void opened_under(std::uint64_t key_fingerprint, const Stream& stream, std::uint64_t offset,
                            std::uint64_t bytes) = 0;
  /// A party drew that range, for whatever purpose: also masks that are sent and have no stream at their user.
  virtual void drawn(std::uint64_t /*key_fingerprint*/, const Stream&, std::uint64_t /*offset*/,
                     std::uint64_t /*bytes*/) {}
};

/// AES-128-CTR as a random access stream of bytes (NIST SP 800-38A). Counter block: pack (6 bytes), value, band (2
/// each), kind, level (1 each), block number (4). Thread-safe.
class Prg {
 public:
  explicit Prg(Key key, MaskLedger* ledger = nullptr) : key_(std::move(key)), ledger_(ledger) {}
  Prg(Prg&&) noexcept = default;
  virtual ~Prg() = default;

  /// Bytes [offset, offset + out.size()) of the stream. Throws std::length_error past 64 GiB of one stream or on a pack
  /// above 48 bits. Virtual so that a proof can enumerate every value of the randomness in place of drawing it.
  virtual void fill(const Stream& stream, std::uint64_t offset, std::span<std::uint8_t> out) const;

  /// Words from element `first` on, stored little-endian as they come; bits above a ring's width are the caller's to
  /// cut.
  template <class Word>
  void words(const Stream& stream, std::uint64_t first, std::span<Word> out) const {
    fill(stream, first * sizeof(Word), {reinterpret_cast<std::uint8_t*>(out.data()), out.size() * sizeof(Word)});
  }

  /// Tells the ledger, if there is one, that this range now hides a value that leaves.
  void note_opened(const Stream& stream, std::uint64_t offset, std::uint64_t bytes) const;

  /// Another for one purpose, under a key of its own.
  Prg derived(std::string_view purpose) const { return Prg(derive_key(key_.bytes(), purpose, {}), ledger_); }

 private:
  std::uint64_t fingerprint() const;

  Key key_;
  MaskLedger* ledger_;
};

}  // namespace blindsight::protocol
