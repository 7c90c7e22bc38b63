#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace blindsight::tests {

std::string read_text(const std::filesystem::path& file);
void write_text(const std::filesystem::path& file, const std::string& text);

/// How a finished run of the program went.
struct Outcome {
  int status = -1;  ///< exit status; 1000 + signal when a signal ended it
  std::string out, err;
};

/// The program, running in the background with its outputs in files, and its descriptor `ready_descriptor` for what
/// --ready-fd tells.
class Program {
 public:
  static constexpr int ready_descriptor = 3;

  Program(const std::vector<std::string>& arguments, const std::filesystem::path& out,
          const std::filesystem::path& err);
  /// SIGKILL if it still runs.
  ~Program();
  Program(Program&& other) noexcept;
  Program& operator=(Program&& other) noexcept;

  bool running();
  void kill(int signal);
  /// Its line at `ready_descriptor`, as soon as it comes; empty when it ends or closes that without one.
  std::string wait_until_ready();
  /// Until it ends; the exit status as Outcome has it.
  int wait();

 private:
  bool reap(int options);
  void close_ready_pipe();
  pid_t pid_ = 0;
  int ready_pipe_ = -1;
  int status_ = -1;
};

/// The last line of a text, where a command prints its summary.
std::string last_line(std::string text);

/// Runs the program to its end.
Outcome run(const std::vector<std::string>& arguments);

/// `count` ports that nobody listens on, out of the range from which outgoing connections get theirs.
std::vector<std::uint16_t> free_ports(std::size_t count);

/// The answer of a web server on 127.0.0.1, headers and all; empty when none listens.
std::string http_get(std::uint16_t port, const std::string& path);

}  // namespace blindsight::tests
