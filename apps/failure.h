#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "protocol/core/result.h"

namespace blindsight::apps {

/// Exit statuses of every command.
enum class Exit : int {
  ok = 0,
  failed = 1,  ///< anything that is not the caller's to mend
  usage = 2,   ///< arguments, files, ports, rights: what the caller can mend
};

/// Ends a command. main() prints what() to standard error and exits with `status`; an empty what() was printed already.
class Failure : public std::runtime_error {
 public:
  Failure(Exit status, const std::string& what) : std::runtime_error(what), status_(status) {}
  Exit status() const { return status_; }

 private:
  Exit status_;
};

/// What a kind of failure means to whoever called the command.
constexpr Exit exit_of(protocol::Fault fault) {
  return fault == protocol::Fault::usage ? Exit::usage : Exit::failed;
}

/// The value, or a Failure with the status of its kind.
template <class T>
T value_of(protocol::Result<T> result) {
  if (!result) throw Failure(exit_of(result.error().fault), result.error().what);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace blindsight::apps
