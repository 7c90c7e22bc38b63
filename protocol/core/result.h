#pragma once

#include <string>
#include <tl/expected.hpp>

namespace blindsight::protocol {

/// What went wrong, for a person: what happened, where (link, layer, step) and what was expected. Never holds a secret.
struct Error {
  std::string what;
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::string what) {
  return tl::unexpected<Error>(Error{std::move(what)});
}

}  // namespace blindsight::protocol
