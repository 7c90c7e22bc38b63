#pragma once

#include <map>
#include <mutex>
#include <set>

#include "protocol/beaver/linear.h"
#include "protocol/prg/prg.h"

namespace blindsight::protocol::testing {

/// Counts masks that hide two values: ranges of one stream that were opened under twice, and draws from a party's own
/// keys for two purposes. The second is all there is to see of masks that the producer draws and sends.
class Ledger final : public MaskLedger {
 public:
  Ledger() = default;
  /// Also looks at draws from keys that no two of these parties share: what two of them share, both draw.
  explicit Ledger(const std::array<SessionKeys, 3>& parties) : looks_at_draws_(true) {
    for (unsigned a = 0; a < 3; ++a)
      for (unsigned b = a + 1; b < 3; ++b) {
        struct Name final : MaskLedger {
          std::uint64_t name = 0;
          void opened_under(std::uint64_t key, const Stream&, std::uint64_t, std::uint64_t) override { name = key; }
        } name;
        Prg(parties[a].with[b], &name).note_opened({}, 0, 0);
        shared_.insert(name.name);
      }
  }

  void opened_under(std::uint64_t key, const Stream& stream, std::uint64_t offset, std::uint64_t bytes) override {
    const std::lock_guard lock(mutex_);
    overlaps += opened_.add(key, stream, offset, bytes);
    ++uses;
    bytes_opened += bytes;
  }

  void drawn(std::uint64_t key, const Stream& stream, std::uint64_t offset, std::uint64_t bytes) override {
    const std::lock_guard lock(mutex_);
    if (!looks_at_draws_ || shared_.contains(key)) return;
    // The mask of a map, by absolute element: read for every product whose rows hold the element, and once more to be
    // sent to the server that opens under it. One mask of one value all the same.
    if (stream.tile == Stream::whole_stage && stream.kind == static_cast<std::uint8_t>(beaver::Field::input_mask))
      return;
    own_overlaps += drawn_.add(key, stream, offset, bytes);
    ++own_draws;
  }

  std::size_t overlaps = 0, uses = 0, bytes_opened = 0;  ///< of openings
  std::size_t own_overlaps = 0, own_draws = 0;           ///< of draws from a party's own keys

 private:
  class Ranges {
   public:
    /// Whether the range meets an earlier one.
    bool add(std::uint64_t key, const Stream& stream, std::uint64_t begin, std::uint64_t bytes) {
      if (bytes == 0) return false;
      auto& ends = ends_[{key, stream}];
      const auto next = ends.upper_bound(begin);
      const bool meets = (next != ends.end() && begin + bytes > next->first) ||
                         (next != ends.begin() && std::prev(next)->second > begin);
      ends[begin] = std::max(ends[begin], begin + bytes);
      return meets;
    }

   private:
    std::map<std::pair<std::uint64_t, Stream>, std::map<std::uint64_t, std::uint64_t>> ends_;  ///< by begin
  };

  bool looks_at_draws_ = false;
  std::set<std::uint64_t> shared_;
  std::mutex mutex_;
  Ranges opened_, drawn_;
};

}  // namespace blindsight::protocol::testing
