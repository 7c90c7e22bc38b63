#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

/// Numbers as a person reads them.
namespace blindsight::protocol {

/// "1.23 MB": powers of ten, three digits.
std::string human_bytes(std::uint64_t bytes);
/// "1.23 G", without unit.
std::string human_count(std::uint64_t count);
/// "1.23 s", "45.6 ms".
std::string human_seconds(double seconds);
/// "1 image", "2 images". `several`: where that is not `thing` with an s.
std::string counted(std::size_t count, const std::string& thing, const std::string& several = {});
/// "12.5 %" of a share, with as many digits as it has; or with `digits` after the point.
std::string percent(double share);
std::string percent(double share, int digits);
/// `digits` after the point.
std::string fixed(double value, int digits);

}  // namespace blindsight::protocol
