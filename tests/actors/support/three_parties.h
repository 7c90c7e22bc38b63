#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "actors/party.h"
#include "client/client.h"
#include "tests/actors/support/fake_protocol.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/text.h"

namespace blindsight::test {

using tests::contains;
using tests::TemporaryFolder;

/// What the fake protocol consumed so far is consumed once.
void check_no_mask_twice();

/// No log, unless SPDLOG_LEVEL asks.
void quiet_log();

/// A port of the loopback interface that was free a moment ago.
std::uint16_t free_port();

/// Configurations of three parties on loopback that are to run together, and of their client.
struct Neighbourhood {
  explicit Neighbourhood(std::string_view protocol = "fake");

  TemporaryFolder folder;
  std::array<config::PartyConfig, 3> parties;
  config::ClientConfig client;
};

/// Three parties of a fake protocol in one process. Parties are started and stopped one by one.
class ThreeParties {
 public:
  explicit ThreeParties(const protocol::Protocol& protocol = fake_protocol);
  explicit ThreeParties(const std::function<void(config::PartyConfig&)>& adjust,
                        const protocol::Protocol& protocol = fake_protocol);

  void start(std::size_t party);
  void start_all();
  void stop(std::size_t party) { running_[party].reset(); }

  client::Client client() const { return client::Client(neighbourhood_.client); }
  /// Plan and weights of `constant` to all three, and waits until they serve.
  void deploy(std::uint32_t constant);
  void wait_until_serving(std::uint32_t constant);
  /// One query with a random input; checks the answer. The error as the client tells it.
  protocol::Result<wire::QueryReport> query(std::uint32_t constant, std::uint32_t seed, bool timeline = false);

  Neighbourhood& neighbourhood() { return neighbourhood_; }
  monitoring::Registry& registry(std::size_t party) { return registries_[party]; }

 private:
  const protocol::Protocol& protocol_;
  Neighbourhood neighbourhood_;
  std::array<monitoring::Registry, 3> registries_;
  std::array<std::unique_ptr<actors::Party>, 3> running_;
};

/// Asks the party until what it says of its session has `part`, 10,000 times at most. It must not serve meanwhile.
bool says_while_not_serving(client::Client client, config::Role party, const std::string& part);

/// Deploys by way of `client`.
protocol::Result<void> deploy_fake(client::Client& client, std::uint32_t constant);
/// One query by way of `client`, asked once; an answer that is not the right one is an error too.
protocol::Result<wire::QueryReport> query_fake(client::Client& client, std::uint32_t constant, std::uint32_t seed,
                                               bool timeline = false);

}  // namespace blindsight::test
