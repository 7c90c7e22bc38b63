#include "monitoring/labels.h"

namespace blindsight::monitoring {

std::string_view name(Lane lane) {
  constexpr std::string_view names[] = {"control", "online", "preprocessing"};
  return names[static_cast<unsigned>(lane)];
}

std::string_view name(Outcome outcome) {
  constexpr std::string_view names[] = {"ok", "failed", "cancelled", "refused"};
  return names[static_cast<unsigned>(outcome)];
}

}  // namespace blindsight::monitoring
