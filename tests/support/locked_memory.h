#pragma once

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <stdexcept>
#include <thread>

namespace blindsight::tests {

/// Calls it in a thread that may lock no memory, and whose programs may lock none either, whoever runs the test.
template <class Call>
void without_locked_memory(Call call) {
  rlimit before{};
  ::getrlimit(RLIMIT_MEMLOCK, &before);
  const rlimit none{0, before.rlim_max};
  if (::setrlimit(RLIMIT_MEMLOCK, &none) != 0) throw std::runtime_error("the limit on locked memory cannot be lowered");
  std::thread([&] {
    // Capabilities are a thread's own, and so is the bound on those of the programs that it starts.
    ::prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[2]{};
    ::syscall(SYS_capget, &header, sets);
    sets[0].effective &= ~(1u << CAP_IPC_LOCK);
    sets[0].permitted &= ~(1u << CAP_IPC_LOCK);
    ::syscall(SYS_capset, &header, sets);
    call();
  }).join();
  ::setrlimit(RLIMIT_MEMLOCK, &before);
}

}  // namespace blindsight::tests
