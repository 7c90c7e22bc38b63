#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/readiness.h"

namespace blindsight::apps {

/// A process that this one started and that ends with it, even if this one is killed.
class Child {
 public:
  /// The descriptor on which a child may say that it is ready: for its --ready-fd.
  static constexpr int ready_descriptor = first_ready_descriptor;

  /// Starts `arguments` (the program first) with both outputs appended to `log`, in a process group of its own: Ctrl-C
  /// on the terminal reaches this process alone, which ends its children in order. A Failure when it cannot.
  static Child start(std::string name, const std::vector<std::string>& arguments, const std::filesystem::path& log);

  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  /// SIGTERM, and SIGKILL when that does not help in time.
  ~Child();

  const std::string& name() const { return name_; }
  pid_t pid() const { return pid_; }
  /// Asks it to end.
  void terminate() const;
  /// How it ended, in words, once; nothing as long as it runs or when it was told already.
  std::optional<std::string> ended();
  bool running() const { return pid_ > 0; }
  /// Whether this very child has written a whole line to its `ready_descriptor`. Does not wait.
  bool ready();

 private:
  Child(std::string name, pid_t pid, int ready_pipe) : name_(std::move(name)), pid_(pid), ready_pipe_(ready_pipe) {}
  void close_ready_pipe();
  std::string name_;
  pid_t pid_;       ///< 0: reaped
  int ready_pipe_;  ///< -1: its line or its end was read
  bool ready_ = false;
};

/// This program's own file.
std::filesystem::path this_program();

}  // namespace blindsight::apps
