#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace CLI {
class App;
}

namespace blindsight::apps {

/// Below are the three that every process has.
constexpr int first_ready_descriptor = 3;

/// Adds --ready-fd to a command that keeps running: `descriptor` is what the command line says, and stays as it is
/// without the flag. `when`, for --help: what is true as soon as the line comes.
void add_ready_flag(CLI::App& command, int& descriptor, const std::string& when);

/// Tells whoever started this process, once and in a form that a program reads, that it is ready: one line of JSON on a
/// descriptor that was open at the start. End of file without a line: it ended before.
class ReadyLine {
 public:
  /// Takes the descriptor over, and keeps it from programs that are started; negative: nobody wants to know. A Failure
  /// when it is not open for writing.
  explicit ReadyLine(int descriptor);
  ~ReadyLine();
  ReadyLine(const ReadyLine&) = delete;
  ReadyLine& operator=(const ReadyLine&) = delete;

  /// Writes the line and closes; later calls do nothing. A reader that has gone is no failure of this process.
  void tell(const nlohmann::ordered_json& what);

 private:
  void close();
  int descriptor_;
};

}  // namespace blindsight::apps
