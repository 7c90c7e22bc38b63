#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <sstream>
#include <string>

#include "apps/commands.h"
#include "apps/logging.h"
#include "apps/secrets.h"
#include "apps/version.h"
#include "protocol/core/text.h"

namespace {

constexpr auto examples = R"(Examples:
  blindsight local --model model/zoo/mnist-8.onnx --calibration digits/     three parties on this machine
  blindsight model inspect model/zoo/mnist-8.onnx                           what a prediction will cost
  blindsight predict photo.jpg --config client.toml                         one prediction that no server sees
  blindsight doctor --config client.toml                                    what is wrong, and what to do

Exit status: 0 done; 2 something that you can mend (arguments, files, ports); 1 anything else. Errors go to standard error.)";

using namespace blindsight::apps;
namespace protocol = blindsight::protocol;

Exit run(int argc, char** argv) {
  start_logging_for_clients();
  Exit status = Exit::ok;
  CLI::App app{
      "Blindsight classifies images that no server sees, with models that no server sees: two servers hold shares, a "
      "third deals randomness."};
  app.set_version_flag("--version", "blindsight " + std::string(version()) + " (" + std::string(commit()) + ")");
  app.require_subcommand(1);
  app.footer(examples);
  add_party(app, status);
  add_local(app, status);
  add_model(app, status);
  add_predict(app, status);
  add_doctor(app, status);
  add_key(app, status);
  add_client(app, status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version are "errors" of status 0.
    std::ostringstream problem;
    const bool done = app.exit(error, std::cout, problem) == 0;
    std::cerr << protocol::printable_lines(problem.str());
    return done ? Exit::ok : Exit::usage;
  } catch (const Failure& failure) {
    if (*failure.what() != '\0') std::cerr << "blindsight: " << protocol::printable_lines(failure.what()) << '\n';
    return failure.status();
  } catch (const std::exception& error) {
    std::cerr << "blindsight: " << protocol::printable_lines(error.what()) << '\n';
    return Exit::failed;
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    forbid_core_dumps();
    const auto status = run(argc, argv);
    // A result that nobody received is none.
    if (std::cout.flush()) return static_cast<int>(status);
    std::cerr << "blindsight: cannot write to standard output: is the disk full, or the output closed?\n";
    return static_cast<int>(status == Exit::ok ? Exit::failed : status);
  } catch (const std::exception& error) {
    // From outside of what run() guards, or thrown while an error was told. Without iostreams, which may be what
    // failed.
    std::fprintf(stderr, "blindsight: %s\n", error.what());
    return static_cast<int>(Exit::failed);
  }
}
