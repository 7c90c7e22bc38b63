#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "protocol/securenn/parties.h"
#include "tests/protocol/support/three_parties.h"

namespace blindsight::protocol::securenn::testing {

/// A pseudo-random generator some of whose streams are a word repeated: draws for edges, and planted faults. The only
/// way in is the virtual fill() of a party's generator, so nothing that runs outside of tests can be made to do it.
class Planted final : public Prg {
 public:
  explicit Planted(Key key, MaskLedger* ledger = nullptr) : Prg(std::move(key), ledger) {}
  void plant(Field field, Word64 word) { words_[static_cast<std::uint8_t>(field)] = word; }
  void fill(const Stream& stream, std::uint64_t offset, std::span<std::uint8_t> out) const override;
  /// Whether any byte of any stream was drawn more than once.
  bool drew_twice() const;

  /// Faults in the comparisons: the published form without the added sharing of zero, and what it forgot when built
  /// carelessly.
  void no_refresh();
  void no_blinding();
  void no_permutation();

 private:
  struct Drawn {
    std::mutex mutex;
    std::map<Stream, std::map<std::uint64_t, std::uint64_t>> ranges;  // begin to end
    bool twice = false;
  };
  std::map<std::uint8_t, Word64> words_;
  std::shared_ptr<Drawn> drawn_ = std::make_shared<Drawn>();
};

struct Message {
  PartyId from, to;
  std::uint16_t round;
  Payload payload;
};

/// Three parties of one band in one thread. Time is counted in messages: one takes one unit, work takes none.
class ThreeRoutines {
 public:
  explicit ThreeRoutines(Dealing::Randomness randomness, std::uint64_t seed = 1, MaskLedger* ledger = nullptr);

  using ServerPart = std::function<Routine<Buffer<Word64>>(Channel&, const Server&, Buffer<Word64>)>;
  using HelperPart = std::function<Routine<>(Channel&, const Helper&)>;
  /// The servers' shares of the result, by server. Throws std::runtime_error with a step's error.
  std::array<Buffer<Word64>, 2> run(const std::array<Buffer<Word64>, 2>& shares, const ServerPart& server,
                                    const HelperPart& helper);
  std::array<Buffer<Word64>, 2> relu(const std::array<Buffer<Word64>, 2>& shares, std::uint8_t level = 0);

  const Server& server(unsigned j) const { return servers_[j]; }
  const Helper& helper() const { return helper_; }
  const Cost& cost() const { return cost_; }  ///< of the last run
  const std::vector<Message>& transcript() const { return transcript_; }
  /// The i-th message on a link.
  const Payload& message(PartyId from, PartyId to, std::size_t i) const;

  std::function<void(Message&)> tamper;          ///< may change a message before it is delivered
  std::array<Planted, 2> common, with_producer;  ///< the servers' generators, one object at each server

 private:
  beaver::ShareKeys share_keys_;
  std::array<Server, 2> servers_;
  Helper helper_;
  Cost cost_;
  std::vector<Message> transcript_;
};

/// Edges of the range [-limit, limit), powers of two with their neighbours, and random values of all sizes.
std::vector<std::int64_t> values(std::size_t n, std::int64_t limit, std::uint64_t seed);
/// Uniform shares of the values, from a seed.
std::array<Buffer<Word64>, 2> shares_of(std::span<const std::int64_t> values, std::uint64_t seed);
std::vector<std::int64_t> revealed(const std::array<Buffer<Word64>, 2>& shares);

}  // namespace blindsight::protocol::securenn::testing
