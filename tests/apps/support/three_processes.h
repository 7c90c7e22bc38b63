#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/apps/support/program.h"

namespace blindsight::tests {

/// The zoo, where the tests' working directory finds it.
inline const std::filesystem::path zoo = "model/zoo";

/// Three parties as real processes on loopback, with their files and keys in a temporary folder, and a client that may
/// do all.
class ThreeProcesses {
 public:
  static constexpr std::array<const char*, 3> names = {"server0", "server1", "crypto_producer"};

  /// Writes the configurations and starts nothing. `more_keys`: lines for every party's file, before its tables.
  explicit ThreeProcesses(const std::string& more_keys = {}, const std::string& more_tables = {});

  void start(std::size_t party);
  void start_all();
  Program& party(std::size_t party) { return *programs_.at(party); }
  void kill(std::size_t party, int signal);

  std::filesystem::path config(std::size_t party) const;
  std::filesystem::path client_config() const;
  /// What the party has written to its standard error since the test began.
  std::string log(std::size_t party) const;
  /// Where it listens for parties (the producer does not), and for clients.
  std::uint16_t port(std::size_t party) const { return ports_[party]; }
  std::uint16_t client_port(std::size_t party) const { return client_ports_[party]; }
  const TemporaryFolder& folder() const { return folder_; }

  /// Compiles the zoo's digit model and brings it to the parties. Returns the plan's file; its weights are beside it.
  std::filesystem::path deploy_digits();
  Outcome predict(const std::vector<std::string>& arguments) const;
  /// Repeats a prediction until one succeeds, or the time is up: the last outcome.
  Outcome predict_until_ok(const std::vector<std::string>& arguments) const;

 private:
  TemporaryFolder folder_;
  std::vector<std::uint16_t> ports_, client_ports_;
  std::array<std::optional<Program>, 3> programs_;
};

/// The plan and weights of the zoo's digit model, compiled into `folder`.
std::filesystem::path compile_digits(const std::filesystem::path& folder);

}  // namespace blindsight::tests
