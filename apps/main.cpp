#include <CLI/CLI.hpp>
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

}  // namespace

int main(int argc, char** argv) {
  using namespace blindsight::apps;
  namespace protocol = blindsight::protocol;
  forbid_core_dumps();
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
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version are "errors" of status 0.
    std::ostringstream problem;
    const bool done = app.exit(error, std::cout, problem) == 0;
    std::cerr << protocol::printable_lines(problem.str());
    return static_cast<int>(done ? Exit::ok : Exit::mend);
  } catch (const Failure& failure) {
    if (*failure.what() != '\0') std::cerr << "blindsight: " << protocol::printable_lines(failure.what()) << '\n';
    return static_cast<int>(failure.status());
  } catch (const std::exception& error) {
    std::cerr << "blindsight: " << protocol::printable_lines(error.what()) << '\n';
    return static_cast<int>(Exit::failed);
  }
  return static_cast<int>(status);
}
