#include "actors/serve/deployment.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include "tests/actors/support/fake_protocol.h"
#include "tests/support/temporary_folder.h"

using namespace blindsight;
using namespace blindsight::actors;
using namespace blindsight::test;
using protocol::Fault;
using protocol::Payload;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t layers = 4;

wire::DeploymentId id(std::uint8_t mark) {
  return {mark, 0xab};
}

Payload plan_bytes(std::uint32_t constant) {
  const auto bytes = model::to_bytes(fake_plan(constant));
  return {bytes.begin(), bytes.end()};
}

Payload share(std::uint32_t constant, std::size_t layer) {
  return Payload(5 + layer, static_cast<std::uint8_t>(constant));
}

template <class T>
bool is_usage(const protocol::Result<T>& result) {
  return !result && result.error().fault == Fault::usage;
}

/// A party's data folder.
struct Party {
  explicit Party(bool weights = true) : keeps_weights(weights), folder(open()) {}

  DeploymentFolder open() const {
    auto opened = DeploymentFolder::open(data.path(), keeps_weights);
    REQUIRE(opened);
    return std::move(*opened);
  }
  void upload(std::uint32_t constant) {
    REQUIRE(folder.begin(id(static_cast<std::uint8_t>(constant)), plan_bytes(constant)));
    for (std::size_t layer = 0; keeps_weights && layer < layers; ++layer)
      REQUIRE(folder.add_share(layer, share(constant, layer)));
  }
  void deploy(std::uint32_t constant) {
    upload(constant);
    REQUIRE(folder.commit());
  }
  /// What a party that starts now finds: the constant of the deployment in force, 0 when there is none.
  std::uint32_t found() const {
    // The folder is this one's as long as it lives: another party starts in a copy of it.
    const tests::TemporaryFolder copy;
    fs::copy(data.path(), copy.path(), fs::copy_options::recursive);
    const auto opened = DeploymentFolder::open(copy.path(), keeps_weights);
    REQUIRE(opened);
    const auto& again = *opened;
    const auto current = again.current();
    REQUIRE(current);
    if (!*current) return 0;
    const auto constant = static_cast<std::uint32_t>((*current)->name.id[0]);
    CHECK((*current)->name.id == id(static_cast<std::uint8_t>(constant)));
    CHECK((*current)->name.plan == model::digest(fake_plan(constant)));
    CHECK((*current)->plan_bytes == plan_bytes(constant));
    CHECK((*current)->plan.model_name == fake_plan(constant).model_name);
    const auto shares = again.weight_shares(**current);
    REQUIRE(shares);
    CHECK(shares->size() == (keeps_weights ? layers : 0));
    for (std::size_t layer = 0; layer < shares->size(); ++layer) CHECK((*shares)[layer] == share(constant, layer));
    return constant;
  }
  std::size_t deployments() const {
    return static_cast<std::size_t>(std::ranges::count_if(fs::directory_iterator(folder.path()),
                                                          [](const auto& entry) { return entry.is_directory(); }));
  }

  tests::TemporaryFolder data;
  bool keeps_weights;
  DeploymentFolder folder;
};

void overwrite(const fs::path& file, const std::string& text) {
  std::ofstream(file, std::ios::trunc) << text;
}

}  // namespace

TEST_CASE("a deployment is in force when it is committed, also for a party that starts again") {
  for (const bool weights : {true, false}) {
    Party party(weights);
    CHECK(party.found() == 0);
    party.upload(1);
    CHECK(party.found() == 0);
    const auto committed = party.folder.commit();
    REQUIRE(committed);
    CHECK((*committed)->name.id == id(1));
    CHECK(party.found() == 1);
  }
}

TEST_CASE("the next deployment replaces the one before, of which nothing is left") {
  Party party;
  party.deploy(1);
  party.upload(2);
  CHECK(party.found() == 1);
  REQUIRE(party.folder.commit());
  CHECK(party.found() == 2);
  CHECK(party.deployments() == 1);
}

TEST_CASE("a deployment of which weights are missing cannot be committed, and the one before stays") {
  Party party;
  party.deploy(1);
  REQUIRE(party.folder.begin(id(2), plan_bytes(2)));
  for (const std::size_t layer : {0u, 1u, 3u}) REQUIRE(party.folder.add_share(layer, share(2, layer)));
  CHECK(is_usage(party.folder.commit()));
  CHECK(party.found() == 1);
  REQUIRE(party.folder.add_share(2, share(2, 2)));
  CHECK(party.folder.commit());
  CHECK(party.found() == 2);
}

TEST_CASE("what an upload that was broken off has left is removed, and the deployment in force is not") {
  Party party;
  party.upload(1);
  party.folder.drop_unfinished();
  CHECK(party.deployments() == 0);
  party.deploy(2);
  party.upload(3);
  CHECK(party.deployments() == 2);
  party.folder.drop_unfinished();
  CHECK(party.deployments() == 1);
  CHECK(party.found() == 2);
  // Whoever cannot tell which one it is removes none.
  party.upload(4);
  overwrite(party.folder.path() / "current", "damaged");
  party.folder.drop_unfinished();
  CHECK(party.deployments() == 2);
}

TEST_CASE("a second beginning gives up the first") {
  Party party;
  party.upload(1);
  REQUIRE(party.folder.begin(id(2), plan_bytes(2)));
  CHECK(party.deployments() == 1);
  CHECK(is_usage(party.folder.commit()));
}

TEST_CASE("what comes out of turn is refused") {
  Party party;
  CHECK(is_usage(party.folder.add_share(0, share(1, 0))));
  CHECK(is_usage(party.folder.commit()));
  CHECK(is_usage(party.folder.begin(id(1), Payload{1, 2, 3})));
  party.deploy(1);
  CHECK(is_usage(party.folder.commit()));
  // An id names one deployment: what is in force is not written over.
  CHECK(is_usage(party.folder.begin(id(1), plan_bytes(2))));
  CHECK(party.found() == 1);
  REQUIRE(party.folder.begin(id(2), plan_bytes(2)));
  CHECK(is_usage(party.folder.add_share(layers, share(2, 0))));

  Party producer(false);
  REQUIRE(producer.folder.begin(id(1), plan_bytes(1)));
  CHECK(is_usage(producer.folder.add_share(0, share(1, 0))));
}

TEST_CASE("nobody but the party's own user can read what is kept") {
  Party party;
  party.deploy(1);
  const auto others = fs::perms::group_all | fs::perms::others_all;
  CHECK((fs::status(party.folder.path()).permissions() & others) == fs::perms::none);
  std::size_t entries = 0;
  for (const auto& entry : fs::recursive_directory_iterator(party.folder.path())) {
    ++entries;
    CHECK((entry.status().permissions() & others) == fs::perms::none);
  }
  CHECK(entries == 1 + 1 + 1 + layers);  // current; the folder, the plan and the weights
}

TEST_CASE("a data folder that the party makes is its own, one that was there stays as it was") {
  const tests::TemporaryFolder home;
  const auto fresh = home / "new", old = home / "old";
  REQUIRE(DeploymentFolder::open(fresh, true));
  CHECK(fs::status(fresh).permissions() == fs::perms::owner_all);
  fs::create_directory(old);
  const auto others = fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec;
  fs::permissions(old, others);
  REQUIRE(DeploymentFolder::open(old, true));
  CHECK(fs::status(old).permissions() == others);
  CHECK(fs::status(old / "deployments").permissions() == fs::perms::owner_all);
}

TEST_CASE("a data folder is one party's at a time") {
  const tests::TemporaryFolder home;
  {
    auto first = DeploymentFolder::open(home.path(), true);
    REQUIRE(first);
    CHECK(is_usage(DeploymentFolder::open(home.path(), true)));
    CHECK(DeploymentFolder::open(home / "another", true));
    const auto moved = std::move(*first);
    CHECK(is_usage(DeploymentFolder::open(home.path(), false)));
  }
  CHECK(DeploymentFolder::open(home.path(), true));
}

TEST_CASE("damage on the disk is found, and is the operator's to mend") {
  Party party;
  party.deploy(1);
  const auto current = *party.folder.current();
  fs::path kept;
  for (const auto& entry : fs::directory_iterator(party.folder.path()))
    if (entry.is_directory()) kept = entry.path();
  SUBCASE("the name is none") {
    overwrite(party.folder.path() / "current", "zz" + std::string(30, '0'));
    CHECK(is_usage(party.folder.current()));
    overwrite(party.folder.path() / "current", "00");
    CHECK(is_usage(party.folder.current()));
  }
  SUBCASE("the name is of nothing") {
    overwrite(party.folder.path() / "current", std::string(32, '0'));
    CHECK(is_usage(party.folder.current()));
  }
  SUBCASE("the plan is none") {
    overwrite(kept / "plan", "no plan");
    CHECK(is_usage(party.folder.current()));
  }
  SUBCASE("a weight share is gone") {
    fs::remove(kept / "weights-0002.share");
    CHECK(is_usage(party.folder.weight_shares(*current)));
  }
}

TEST_CASE("a data folder that cannot be one is refused") {
  const tests::TemporaryFolder data;
  overwrite(data.path() / "deployments", "a file");
  CHECK(is_usage(DeploymentFolder::open(data.path(), true)));
}
