#include "apps/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

#include "apps/failure.h"
#include "protocol/core/text.h"

namespace blindsight::apps {
namespace {

constexpr auto patience = std::chrono::seconds(10);
constexpr auto look_every = std::chrono::milliseconds(20);

/// As they will be in the program: a handler of this one's must not run in its child. What is ignored stays so.
void let_signals_in() {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) == 0 && action.sa_handler != SIG_IGN && action.sa_handler != SIG_DFL)
      ::signal(number, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become(char* const* arguments, int log, int ready, pid_t parent) {
  // Between fork and exec: only calls that are safe in a child of a process with threads.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  // The three that were copied are done with: their numbers may be the one that is needed here.
  if (ready == Child::ready_descriptor)
    ::fcntl(ready, F_SETFD, 0);
  else
    ::dup2(ready, Child::ready_descriptor);
  let_signals_in();
  ::execv(arguments[0], arguments);
  ::_exit(127);
}

}  // namespace

Child Child::start(std::string name, const std::vector<std::string>& arguments, const std::filesystem::path& log) {
  const int descriptor = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (descriptor < 0)
    throw Failure(Exit::usage, "cannot write " + protocol::in_quotes(log.string()) + ": " + std::strerror(errno));
  std::array<int, 2> ready{};
  if (::pipe2(ready.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    const int error = errno;
    ::close(descriptor);
    throw Failure(Exit::failed, "cannot start " + name + ": " + std::strerror(error));
  }
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (const auto& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) become(pointers.data(), descriptor, ready[1], parent);
  const int error = errno;
  ::close(descriptor);
  ::close(ready[1]);
  if (pid >= 0) return {std::move(name), pid, ready[0]};
  ::close(ready[0]);
  throw Failure(Exit::failed, "cannot start " + name + ": " + std::strerror(error));
}

Child::Child(Child&& other) noexcept
    : name_(std::move(other.name_)),
      pid_(std::exchange(other.pid_, 0)),
      ready_pipe_(std::exchange(other.ready_pipe_, -1)),
      ready_(other.ready_) {}

Child::~Child() {
  close_ready_pipe();
  if (pid_ == 0) return;
  terminate();
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!ended()) {
    if (std::chrono::steady_clock::now() > deadline) ::kill(pid_, SIGKILL);
    std::this_thread::sleep_for(look_every);
  }
}

void Child::terminate() const {
  if (pid_ > 0) ::kill(pid_, SIGTERM);
}

std::optional<std::string> Child::ended() {
  if (pid_ == 0) return std::nullopt;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pid_ = 0;
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  return "ended with exit status " + std::to_string(WEXITSTATUS(status));
}

bool Child::ready() {
  std::array<char, 512> some{};
  while (ready_pipe_ >= 0) {
    const auto n = ::read(ready_pipe_, some.data(), some.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n > 0) ready_ = std::find(some.begin(), some.begin() + n, '\n') != some.begin() + n;
    if (n <= 0 || ready_) close_ready_pipe();
  }
  return ready_;
}

void Child::close_ready_pipe() {
  if (ready_pipe_ >= 0) ::close(std::exchange(ready_pipe_, -1));
}

std::filesystem::path this_program() {
  return std::filesystem::read_symlink("/proc/self/exe");
}

}  // namespace blindsight::apps
