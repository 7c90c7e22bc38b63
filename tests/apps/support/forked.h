#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace blindsight::tests {

/// Whether `holds` is true in a process of its own: for what changes the process for good.
inline bool in_a_process_of_its_own(const std::function<bool()>& holds) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(holds() ? 0 : 1);
  int status = -1;
  return pid > 0 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace blindsight::tests
