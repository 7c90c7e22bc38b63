#include "apps/secrets.h"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace blindsight::apps {

void forbid_core_dumps() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__
  // Also keeps other processes of this user from reading our memory. The leak checker does just that.
  ::prctl(PR_SET_DUMPABLE, 0);
#endif
}

}  // namespace blindsight::apps
