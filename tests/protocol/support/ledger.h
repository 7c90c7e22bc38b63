#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <tuple>

#include "protocol/beaver/linear.h"
#include "protocol/prg/prg.h"
#include "tests/protocol/support/three_parties.h"

namespace blindsight::protocol::testing {

/// Counts masks that hide two values: ranges of one stream that were opened under twice, and draws from a party's own
/// keys for two purposes. The second is all there is to see of masks that the producer draws and sends.
class Ledger final : public MaskLedger {
 public:
  /// Of parties whose keys are those of keys_from_seed().
  explicit Ledger(std::uint64_t seed) : seed_(seed) {}

  void opened_under(std::uint64_t key, const Stream& stream, std::uint64_t offset, std::uint64_t bytes) override {
    const std::lock_guard lock(mutex_);
    overlaps += opened_.add(key, stream, offset, bytes);
    openings_.insert({key, stream, offset});
    ++uses;
    bytes_opened += bytes;
  }

  void drawn(std::uint64_t key, const Stream& stream, std::uint64_t offset, std::uint64_t bytes) override {
    const std::lock_guard lock(mutex_);
    const bool before = drawn_.add(key, stream, offset, bytes);
    if (is_shared(key, stream.pack)) return;
    ++own_draws;
    // The mask of a map, by absolute element: read for every product whose rows hold the element, and once more to be
    // sent to the server that opens under it. One mask of one value all the same; own_map_bytes() tells whether the
    // maps share masks.
    if (!of_map(stream)) own_overlaps += before;
  }

  /// Openings under what nobody drew: whoever noted them used another mask.
  std::size_t undrawn() const {
    return static_cast<std::size_t>(std::ranges::count_if(openings_, [&](const auto& o) {
      const auto& [key, stream, offset] = o;
      return !drawn_.contains(key, stream, offset);
    }));
  }
  /// Bytes of the maps' masks that were drawn from a party's own keys, each once.
  std::size_t own_map_bytes() const {
    return drawn_.covered([&](std::uint64_t key, const Stream& s) { return !is_shared(key, s.pack) && of_map(s); });
  }

  std::size_t overlaps = 0, uses = 0, bytes_opened = 0;  ///< of openings
  std::size_t own_overlaps = 0, own_draws = 0;           ///< of draws from a party's own keys

 private:
  /// Whether two parties share that key: those that no two of them do are a party's own.
  bool is_shared(std::uint64_t key, PackId pack) const {
    auto& names = shared_[pack];
    if (names.empty()) {
      struct Name final : MaskLedger {
        std::uint64_t name = 0;
        void opened_under(std::uint64_t k, const Stream&, std::uint64_t, std::uint64_t) override { name = k; }
      } name;
      const auto parties = keys_from_seed(seed_, pack, &name);
      for (const auto& [a, b] : {std::pair{0, 1}, {0, 2}, {1, 2}}) {
        parties[a]->with(static_cast<PartyId>(b)).note_opened({}, 0, 0);
        names.insert(name.name);
      }
    }
    return names.contains(key);
  }

  static bool of_map(const Stream& s) {
    return s.band == Stream::whole_map && s.kind == static_cast<std::uint8_t>(beaver::Field::input_mask);
  }

  class Ranges {
   public:
    /// Whether the range meets an earlier one.
    bool add(std::uint64_t key, const Stream& stream, const std::uint64_t first, std::uint64_t bytes) {
      if (bytes == 0) return false;
      auto& ends = ends_[{key, stream}];
      const std::uint64_t last = first + bytes;
      std::uint64_t begin = first, end = last;
      bool meets = false;
      auto at = ends.upper_bound(begin);
      if (at != ends.begin() && std::prev(at)->second >= begin) --at;
      while (at != ends.end() && at->first <= end) {  // joins what meets it or lies beside it
        meets |= at->first < last && at->second > first;
        begin = std::min(begin, at->first);
        end = std::max(end, at->second);
        at = ends.erase(at);
      }
      ends[begin] = end;
      return meets;
    }
    bool contains(std::uint64_t key, const Stream& stream, std::uint64_t at) const {
      const auto found = ends_.find({key, stream});
      if (found == ends_.end()) return false;
      const auto next = found->second.upper_bound(at);
      return next != found->second.begin() && std::prev(next)->second > at;
    }
    template <class Which>
    std::size_t covered(const Which& which) const {
      std::size_t bytes = 0;
      for (const auto& [name, ends] : ends_)
        if (which(name.first, name.second))
          for (const auto& [begin, end] : ends) bytes += end - begin;
      return bytes;
    }

   private:
    using Ends = std::map<std::uint64_t, std::uint64_t>;  ///< by begin, apart from each other
    std::map<std::pair<std::uint64_t, Stream>, Ends> ends_;
  };

  std::uint64_t seed_;
  mutable std::map<PackId, std::set<std::uint64_t>> shared_;  ///< names of keys
  std::mutex mutex_;
  Ranges opened_, drawn_;
  std::set<std::tuple<std::uint64_t, Stream, std::uint64_t>> openings_;
};

}  // namespace blindsight::protocol::testing
