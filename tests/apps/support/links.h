#pragma once

#include <array>
#include <optional>
#include <string>

#include "config/config.h"
#include "protocol/core/party.h"
#include "tests/apps/support/three_processes.h"
#include "wire/control.h"
#include "wire/envelope.h"
#include "wire/report.h"

namespace blindsight::tests {

/// What a listener answered to a Hello.
struct Answer {
  std::optional<wire::Kind> kind;        ///< of its first message; none: it sent none
  std::optional<protocol::Error> error;  ///< with which it refused the key or the Hello
  bool greeted() const { return kind == wire::Kind::hello; }
  /// The handshake ended: no Hello was read.
  bool key_refused() const { return !kind && error && error->fault == protocol::Fault::refused; }
};

/// Says Hello with a key, which may be anybody's, to a listener of a party of that role: by TLS as this program speaks
/// it, whatever the Hello says.
Answer say_hello(const ThreeProcesses& parties, const std::filesystem::path& key, protocol::PartyId listener_of,
                 std::uint16_t port, const wire::Hello& hello);

/// A well-formed Hello of one who claims to be that role.
wire::Hello hello_of(protocol::PartyId role);

/// Asks as the client of ThreeProcesses; an error when it cannot be asked.
protocol::Result<wire::PartyStatus> status_of(const ThreeProcesses& parties, std::size_t party);

void pause_a_moment();

/// Whether it becomes true. Bounded: what a test waits for is on its way already.
template <class Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 3000; ++i) {
    if (condition()) return true;
    pause_a_moment();
  }
  return false;
}

/// Whether a party's log says `part`, now or in a while.
bool log_says(const ThreeProcesses& parties, std::size_t party, const std::string& part);
/// How many sessions of all three parties a party's log tells of since the test began.
std::size_t sessions_in(const ThreeProcesses& parties, std::size_t party);
/// Whether all three serve, now or in a while.
bool serving(const ThreeProcesses& parties);
/// Sessions of all three, each of which has had one: whether one without a model came before the first deployment is a
/// matter of luck.
std::array<std::size_t, 3> sessions_of_all(const ThreeProcesses& parties);

/// A model of one output, and an image whose answer is known.
class SmallModel {
 public:
  explicit SmallModel(const ThreeProcesses& parties);
  /// By the client of that configuration; without one, by that of ThreeProcesses.
  Outcome deploy(const std::string& name = {}, std::filesystem::path client = {}) const;
  void deploy_until_ok() const;
  Outcome predict(std::filesystem::path client = {}) const;
  /// Whether a query is answered, and rightly.
  bool is_answered(const std::filesystem::path& client = {}) const;

 private:
  const ThreeProcesses& parties_;
  std::string model_, calibration_, image_;
};

/// In a configuration, replaces the first `from`, which must be there.
void replace_in(const std::filesystem::path& file, const std::string& from, const std::string& to);
/// Writes lines behind the others, in a table of their own or in the last one.
void append_to(const std::filesystem::path& file, const std::string& text);
/// The pin of a key file, in quotes.
std::string quoted_pin(const std::filesystem::path& key);

}  // namespace blindsight::tests
