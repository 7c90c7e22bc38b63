#include "tests/apps/support/program.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace blindsight::tests {
namespace fs = std::filesystem;

std::string read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void write_text(const fs::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

Program::Program(const std::vector<std::string>& arguments, const fs::path& out, const fs::path& err) {
  std::string program = BLINDSIGHT_PROGRAM;
  std::vector<std::string> copies = arguments;
  std::vector<char*> pointers{program.data()};
  for (auto& copy : copies) pointers.push_back(copy.data());
  pointers.push_back(nullptr);
  std::array<int, 2> ready{};
  if (::pipe2(ready.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ > 0) {
    ::close(ready[1]);
    ready_pipe_ = ready[0];
    return;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int nothing = ::open("/dev/null", O_RDONLY);
  const int to_out = ::open(out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int to_err = ::open(err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(nothing, 0);
  ::dup2(to_out, 1);
  ::dup2(to_err, 2);
  if (ready[1] == ready_descriptor)
    ::fcntl(ready[1], F_SETFD, 0);
  else
    ::dup2(ready[1], ready_descriptor);
  ::execv(pointers[0], pointers.data());
  ::_exit(127);
}

Program::~Program() {
  close_ready_pipe();
  if (!running()) return;
  kill(SIGKILL);
  wait();
}

Program::Program(Program&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), ready_pipe_(std::exchange(other.ready_pipe_, -1)), status_(other.status_) {}

Program& Program::operator=(Program&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(ready_pipe_, other.ready_pipe_);
  std::swap(status_, other.status_);
  return *this;
}

bool Program::reap(int options) {
  int status = 0;
  if (pid_ == 0 || ::waitpid(pid_, &status, options) != pid_) return false;
  pid_ = 0;
  status_ = WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
  return true;
}

bool Program::running() {
  reap(WNOHANG);
  return pid_ != 0;
}

void Program::kill(int signal) {
  if (running()) ::kill(pid_, signal);
}

std::string Program::wait_until_ready() {
  std::string line;
  for (int i = 0; i < 600 && ready_pipe_ >= 0; ++i) {
    pollfd readable{ready_pipe_, POLLIN, 0};
    if (::poll(&readable, 1, 100) <= 0) continue;
    std::array<char, 512> some{};
    const auto n = ::read(ready_pipe_, some.data(), some.size());
    if (n > 0) line.append(some.data(), static_cast<std::size_t>(n));
    if (n <= 0 || line.ends_with('\n')) close_ready_pipe();
  }
  return line.ends_with('\n') ? line : std::string();
}

void Program::close_ready_pipe() {
  if (ready_pipe_ >= 0) ::close(std::exchange(ready_pipe_, -1));
}

int Program::wait() {
  reap(0);
  return status_;
}

std::string last_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

Outcome run(const std::vector<std::string>& arguments) {
  const TemporaryFolder folder;
  Program program(arguments, folder / "out", folder / "err");
  Outcome outcome;
  outcome.status = program.wait();
  outcome.out = read_text(folder / "out");
  outcome.err = read_text(folder / "err");
  return outcome;
}

std::vector<std::uint16_t> free_ports(std::size_t count) {
  // Tests run at the same time in other processes: each begins elsewhere.
  static std::uint16_t next = static_cast<std::uint16_t>(10'000 + static_cast<unsigned>(::getpid()) * 37 % 20'000);
  std::vector<std::uint16_t> ports;
  while (ports.size() < count) {
    if (++next >= 32'000) next = 10'000;
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(next);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) ports.push_back(next);
    ::close(descriptor);
  }
  return ports;
}

std::string http_get(std::uint16_t port, const std::string& path) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    const std::string request = "GET " + path + " HTTP/1.0\r\nHost: localhost\r\n\r\n";
    if (::write(descriptor, request.data(), request.size()) == static_cast<ssize_t>(request.size())) {
      char buffer[4096];
      for (ssize_t n = 0; (n = ::read(descriptor, buffer, sizeof buffer)) > 0;)
        answer.append(buffer, static_cast<std::size_t>(n));
    }
  }
  ::close(descriptor);
  return answer;
}

}  // namespace blindsight::tests
