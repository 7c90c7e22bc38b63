#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "protocol/core/result.h"
#include "wire/identity.h"

namespace blindsight::wire {

/// Between a connection's bytes and the frames of an envelope's reader, at both ends: a value without input and output,
/// which whoever has the socket feeds and drains. After an error it is of no use any more; what it has put into `out`
/// by then (an alert that tells the other end) should still be sent.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Once, before anything else: what this end sends first.
  virtual protocol::Result<void> begin(std::vector<char>& out) = 0;
  /// Takes all of `bytes` off the wire, and appends what must be sent in answer to `out`. Returns the plain bytes that
  /// they complete, which stay where they are until the next call. The error says what was wrong and what to do, not
  /// on which link.
  virtual protocol::Result<std::span<const char>> feed(std::span<const char> bytes, std::vector<char>& out) = 0;
  /// Where to append plain bytes for seal(): on a plain link `out` itself.
  virtual std::vector<char>& to_seal(std::vector<char>& out) = 0;
  /// Appends what carries them to `out`. Only once established.
  virtual protocol::Result<void> seal(std::vector<char>& out) = 0;
  /// Whether plain bytes may be sent. On a link of TLS the other end has proved its key by then.
  virtual bool established() const = 0;
  /// Who is at the other end; none before it is established, and never on a plain link, where nobody proves anything.
  virtual const std::optional<Identity>& identity() const = 0;

  struct Wanted {
    std::size_t bytes;
    bool exactly;  ///< wait for all of them: feeding exactly so many avoids a copy
  };
  /// What to read next when the reader of frames misses `plain` bytes.
  virtual Wanted wanted(std::size_t plain) const = 0;
};

/// Bytes as they are: for links that do not leave the machine, by consent.
std::unique_ptr<Transport> plain_transport();

}  // namespace blindsight::wire
