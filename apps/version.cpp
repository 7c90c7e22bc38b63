#include "apps/version.h"

#include "commit.h"

namespace blindsight::apps {

std::string_view version() {
  return BLINDSIGHT_VERSION;
}
std::string_view commit() {
  return BLINDSIGHT_COMMIT;
}

}  // namespace blindsight::apps
