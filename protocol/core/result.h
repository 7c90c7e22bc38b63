#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace blindsight::protocol {

/// What kind of failure it is: exit status, retries and metrics go by it, never by the words. On the wire by number:
/// new ones come at the end.
enum class Fault : std::uint8_t {
  internal,     ///< a fault of this program or of its machine
  usage,        ///< arguments, files, configuration: what the caller can mend
  refused,      ///< the other end does not do this for whoever asks
  busy,         ///< too much is under way; asking again in a moment may help
  not_serving,  ///< no session, no model, or a planned stop
  stale_plan,   ///< another model is deployed than the one asked for
  expired,      ///< asked for too late
  timed_out,    ///< no answer within the time that was given
  peer_lost,    ///< a connection broke or cannot be made
  violation,    ///< the other end broke the protocol
  last = violation
};

inline constexpr std::size_t fault_kinds = static_cast<std::size_t>(Fault::last) + 1;

constexpr std::string_view name(Fault fault) {
  constexpr std::string_view names[] = {"internal",   "usage",   "refused",   "busy",      "not_serving",
                                        "stale_plan", "expired", "timed_out", "peer_lost", "violation"};
  static_assert(std::size(names) == fault_kinds);
  return names[static_cast<unsigned>(fault)];
}

/// What went wrong: a kind for programs, and for a person what happened, where (link, layer, step), what was expected
/// and what to do. Never holds a secret.
struct Error {
  Fault fault = Fault::internal;
  std::string what;
  /// Asking again makes sense after so many milliseconds, and not before; none: nobody knows that it will.
  std::optional<std::uint32_t> retry_after_ms = std::nullopt;

  bool operator==(const Error&) const = default;
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Fault fault, std::string what,
                                  std::optional<std::uint32_t> retry_after_ms = std::nullopt) {
  return tl::unexpected<Error>(Error{fault, std::move(what), retry_after_ms});
}
inline tl::unexpected<Error> fail(std::string what) {
  return fail(Fault::internal, std::move(what));
}

/// The same failure with words before its own: where it happened.
inline Error within(const std::string& where, Error error) {
  error.what = where + error.what;
  return error;
}

}  // namespace blindsight::protocol
