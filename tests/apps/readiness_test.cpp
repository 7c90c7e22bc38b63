#include "apps/readiness.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>

#include "apps/failure.h"
#include "tests/apps/support/forked.h"
#include "tests/apps/support/program.h"

using namespace blindsight;
using namespace blindsight::tests;
using apps::ReadyLine;

namespace {

struct Pipe {
  Pipe() { REQUIRE(::pipe2(ends.data(), 0) == 0); }
  /// All until the last writer has closed.
  std::string rest() const {
    std::string all;
    char byte = 0;
    while (::read(ends[0], &byte, 1) == 1) all += byte;
    ::close(ends[0]);
    return all;
  }
  std::array<int, 2> ends{};
};

}  // namespace

TEST_CASE("one line is told, once, and then comes the end of the file") {
  const Pipe pipe;
  ReadyLine line(pipe.ends[1]);
  CHECK((::fcntl(pipe.ends[1], F_GETFD) & FD_CLOEXEC) != 0);
  line.tell({{"role", "server0"}, {"clients", "[::1]:7110"}});
  line.tell({{"role", "another"}});
  CHECK(pipe.rest() == "{\"role\":\"server0\",\"clients\":\"[::1]:7110\"}\n");
}

TEST_CASE("who ends before is told by the end of the file alone, and where nobody asks nothing is told") {
  const Pipe pipe;
  { const ReadyLine line(pipe.ends[1]); }
  CHECK(pipe.rest().empty());
  ReadyLine(-1).tell({{"role", "server0"}});
}

TEST_CASE("a reader that has gone does not end the process") {
  CHECK(in_a_process_of_its_own([] {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), 0) != 0) return false;
    ::close(ends[0]);
    ReadyLine(ends[1]).tell({{"role", "server0"}});
    return true;
  }));
}

TEST_CASE("a descriptor that cannot be written is the caller's to mend") {
  const int read_only = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  for (const int descriptor : {read_only, 9999}) {
    try {
      const ReadyLine line(descriptor);
      FAIL("it was taken");
    } catch (const apps::Failure& failure) {
      CHECK(failure.status() == apps::Exit::usage);
    }
  }
  for (const char* descriptor : {"2", "-1", "out"})
    CHECK(run({"party", "--config", "server0.toml", "--ready-fd", descriptor}).status == 2);
}
