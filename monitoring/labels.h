#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace blindsight::monitoring {

/// Which class of traffic or work a number belongs to.
enum class Lane : std::uint8_t { control = 0, online = 1, preprocessing = 2 };

/// How a query ended.
enum class Outcome : std::uint8_t { ok = 0, failed = 1, cancelled = 2, refused = 3 };

inline constexpr std::array outcomes = {Outcome::ok, Outcome::failed, Outcome::cancelled, Outcome::refused};

/// As /metrics shows it.
std::string_view name(Lane lane);
std::string_view name(Outcome outcome);

/// A metric's label; its values are texts (std::string_view) or of an enumeration that has a `name` above.
template <class Value>
struct Label {
  std::string_view name;
};

}  // namespace blindsight::monitoring
