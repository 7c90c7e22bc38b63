#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace blindsight::apps {

/// A process that this one started and that ends with it, even if this one is killed.
class Child {
 public:
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

 private:
  Child(std::string name, pid_t pid) : name_(std::move(name)), pid_(pid) {}
  std::string name_;
  pid_t pid_;  ///< 0: reaped
};

/// This program's own file.
std::filesystem::path this_program();

}  // namespace blindsight::apps
