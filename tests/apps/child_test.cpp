#include "apps/child.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "apps/failure.h"
#include "tests/apps/support/program.h"

using namespace blindsight;
using namespace blindsight::tests;
using apps::Child;

namespace {

Child shell(const std::string& script, const TemporaryFolder& folder) {
  return Child::start("the shell", {"/bin/sh", "-c", script}, folder / "log");
}

/// How it ended; empty when it does not end.
std::string end_of(Child& child) {
  for (int i = 0; i < 10'000; ++i) {
    if (const auto how = child.ended()) return *how;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return {};
}

/// Waits until the child has written so much.
bool log_has(const TemporaryFolder& folder, const std::string& part) {
  for (int i = 0; i < 10'000; ++i) {
    if (read_text(folder / "log").find(part) != std::string::npos) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace

TEST_CASE("a child's outputs go behind what is in its log, and how it ended is told once") {
  const TemporaryFolder folder;
  write_text(folder / "log", "before\n");
  auto child = shell("echo out; echo err >&2; exit 3", folder);
  CHECK(child.name() == "the shell");
  CHECK(end_of(child).ends_with("status 3"));
  CHECK_FALSE(child.running());
  CHECK(child.ended() == std::nullopt);
  CHECK(read_text(folder / "log") == "before\nout\nerr\n");
}

TEST_CASE("a child that runs has no end, a process group of its own and nothing to read") {
  const TemporaryFolder folder;
  auto child = shell("cat; echo up; sleep 1000", folder);
  REQUIRE(log_has(folder, "up"));
  CHECK(child.running());
  CHECK(child.ended() == std::nullopt);
  CHECK(::getpgid(child.pid()) == child.pid());
  child.terminate();
  CHECK(end_of(child).ends_with("signal " + std::to_string(SIGTERM)));
}

TEST_CASE("a child takes signals although the one that started it holds them back") {
  const TemporaryFolder folder;
  sigset_t term, before;
  ::sigemptyset(&term);
  ::sigaddset(&term, SIGTERM);
  REQUIRE(::pthread_sigmask(SIG_BLOCK, &term, &before) == 0);
  // No shell: it would look after its signals by itself.
  auto child = Child::start("sleep", {"/bin/sleep", "1000"}, folder / "log");
  REQUIRE(::pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
  child.terminate();
  CHECK(end_of(child).ends_with("signal " + std::to_string(SIGTERM)));
}

TEST_CASE("a child ends with its handle, which can be moved") {
  const TemporaryFolder folder;
  pid_t pid = 0;
  {
    auto first = shell("echo up; exec sleep 1000", folder);
    REQUIRE(log_has(folder, "up"));
    pid = first.pid();
    const Child second(std::move(first));
    CHECK(second.pid() == pid);
    CHECK(::kill(pid, 0) == 0);
  }
  CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("a program that is not there, and a log that cannot be written") {
  const TemporaryFolder folder;
  auto gone = Child::start("nothing", {(folder / "nothing").string()}, folder / "log");
  CHECK(end_of(gone).ends_with("status 127"));
  try {
    Child::start("true", {"/bin/true"}, folder / "no" / "log");
    FAIL("it was started");
  } catch (const apps::Failure& failure) {
    CHECK(failure.status() == apps::Exit::usage);
  }
}

TEST_CASE("this program is the one that runs") {
  CHECK(std::filesystem::equivalent(apps::this_program(), "/proc/self/exe"));
}

TEST_CASE("a child is ready with a whole line on the descriptor that it was given, and not by its end") {
  const TemporaryFolder folder;
  REQUIRE(::mkfifo((folder / "go").c_str(), 0600) == 0);
  auto child = shell(
      "printf half >&3; echo up; read -r go <" + (folder / "go").string() + "; echo >&3; exec sleep 1000", folder);
  REQUIRE(log_has(folder, "up"));
  CHECK_FALSE(child.ready());
  write_text(folder / "go", "go\n");
  bool ready = false;
  for (int i = 0; i < 10'000 && !ready; ++i) {
    ready = child.ready();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  CHECK(ready);
  auto moved = std::move(child);
  CHECK(moved.ready());

  auto ended = shell("printf half >&3", folder);
  CHECK(end_of(ended).ends_with("status 0"));
  CHECK_FALSE(ended.ready());
}
