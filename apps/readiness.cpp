#include "apps/readiness.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "apps/failure.h"
#include "apps/json.h"

namespace blindsight::apps {
namespace {

/// As ::write(), but a pipe without a reader is an error and no signal that ends the process.
ssize_t write_without_signal(int descriptor, const std::string& text) {
  sigset_t pipe, before;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, &before);
  const auto written = ::write(descriptor, text.data(), text.size());
  const int error = errno;
  // The signal goes to the thread that wrote, which takes it before it is let in again.
  const timespec at_once{};
  if (written < 0 && error == EPIPE) (void)::sigtimedwait(&pipe, nullptr, &at_once);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return written;
}

}  // namespace

void add_ready_flag(CLI::App& command, int& descriptor, const std::string& when) {
  command
      .add_option("--ready-fd", descriptor,
                  "For whoever starts it: write one line of JSON to this open descriptor, from " +
                      std::to_string(first_ready_descriptor) + " on, " + when + ", and close it")
      ->type_name("FD")
      ->check(CLI::Range(first_ready_descriptor, std::numeric_limits<int>::max()).description(""));
}

ReadyLine::ReadyLine(int descriptor) : descriptor_(descriptor) {
  if (descriptor_ < 0) return;
  const int flags = ::fcntl(descriptor_, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
    throw Failure(Exit::usage, "--ready-fd " + std::to_string(descriptor_) +
                                   ": no descriptor of that number is open for writing; open it where this is started");
  ::fcntl(descriptor_, F_SETFD, FD_CLOEXEC);
}

ReadyLine::~ReadyLine() {
  close();
}

void ReadyLine::tell(const nlohmann::ordered_json& what) {
  if (descriptor_ < 0) return;
  const auto line = dump(what) + '\n';
  if (const auto written = write_without_signal(descriptor_, line); written != static_cast<ssize_t>(line.size()))
    spdlog::warn("cannot tell on descriptor {} (--ready-fd) that this is ready: {}", descriptor_,
                 written < 0 ? std::strerror(errno) : "it takes no whole line");
  close();
}

void ReadyLine::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

}  // namespace blindsight::apps
