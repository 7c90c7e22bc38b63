#include "actors/serve/rights.h"

#include <doctest/doctest.h>

using namespace blindsight;
using actors::Rights;
using protocol::Fault;
using namespace std::chrono_literals;

namespace {

const Rights::Time now{};

wire::Identity named(const std::string& name) {
  return {protocol::PartyId::client, name, {}};
}

config::ClientRights rights_of(const std::string& name, bool predict, std::vector<std::string> deploy, bool status) {
  config::ClientRights rights;
  rights.name = name;
  rights.predict = predict;
  rights.deploy = std::move(deploy);
  rights.status = status;
  return rights;
}

const auto may_predict = rights_of("clinic", true, {}, false), may_deploy = rights_of("owner", false, {"skin"}, false),
           may_look = rights_of("nurse", false, {}, true), may_nothing = rights_of("nobody", false, {}, false);
using All = std::vector<config::ClientRights>;

/// The client and the right are told, and whoever is asked can find where to give it.
void check_refused(const protocol::Result<void>& answer, const std::string& client, const std::string& right) {
  REQUIRE_FALSE(answer);
  CHECK(answer.error().fault == Fault::refused);
  CHECK(answer.error().what.find("[clients." + client + "]") != std::string::npos);
  CHECK(answer.error().what.find(right) != std::string::npos);
}

/// As the front end asks: whether it may, and then how often.
protocol::Result<void> query(Rights& rights, const wire::Identity* who, Rights::Time at) {
  if (auto may = rights.predict(who); !may) return may;
  return rights.count_query(who, at);
}

}  // namespace

TEST_CASE("a client may do what its table says and nothing else") {
  Rights rights(All{may_predict, may_deploy, may_look, may_nothing});
  const auto clinic = named("clinic"), owner = named("owner"), nurse = named("nurse"), nobody = named("nobody");
  CHECK(query(rights, &clinic, now));
  check_refused(query(rights, &owner, now), "owner", "predict");
  check_refused(query(rights, &nurse, now), "nurse", "predict");
  check_refused(query(rights, &nobody, now), "nobody", "predict");

  CHECK(rights.deploy(&owner, "skin"));
  check_refused(rights.deploy(&owner, "skin2"), "owner", "deploy");
  check_refused(rights.deploy(&owner, "skin2"), "owner", "skin2");
  check_refused(rights.deploy(&owner, ""), "owner", "deploy");
  check_refused(rights.deploy(&clinic, "skin"), "clinic", "deploy");
  check_refused(rights.deploy(&nurse, "skin"), "nurse", "deploy");

  // Who may do anything may ask whether it is any use.
  CHECK(rights.status(&clinic));
  CHECK(rights.status(&owner));
  CHECK(rights.status(&nurse));
  check_refused(rights.status(&nobody), "nobody", "status");
}

TEST_CASE("a client that is in no table may nothing, nor may one whose name only begins like another's") {
  Rights rights(All{may_predict});
  for (const auto& who : {named("stranger"), named("clin"), named("clinic2"), named("")}) {
    check_refused(query(rights, &who, now), who.name, "predict");
    check_refused(rights.deploy(&who, "skin"), who.name, "deploy");
    check_refused(rights.status(&who), who.name, "status");
  }
}

TEST_CASE("any name may be deployed where a star stands") {
  const Rights rights(All{rights_of("owner", false, {"*"}, false)});
  const auto owner = named("owner");
  CHECK(rights.deploy(&owner, "skin"));
  CHECK(rights.deploy(&owner, "lung"));
}

TEST_CASE("a party's operator may ask how it is, without a table, and no more") {
  Rights rights(All{});
  const auto self = named(std::string(config::operator_name));
  CHECK(rights.status(&self));
  CHECK_FALSE(query(rights, &self, now));
  CHECK_FALSE(rights.deploy(&self, "skin"));
}

TEST_CASE("nobody, at a plain link, may all") {
  Rights rights(All{});
  CHECK(query(rights, nullptr, now));
  CHECK(rights.deploy(nullptr, "skin"));
  CHECK(rights.status(nullptr));
}

TEST_CASE(
    "queries a minute: a minute's may come at once, then one for each part of a minute, and no client pays for "
    "another") {
  auto limited = may_predict;
  limited.queries_per_minute = 6;
  auto other = limited;
  other.name = "other";
  Rights rights(All{limited, other});
  const auto clinic = named("clinic"), second = named("other");
  for (int i = 0; i < 6; ++i) CHECK(query(rights, &clinic, now));
  const auto refused = query(rights, &clinic, now);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == Fault::busy);
  CHECK(refused.error().retry_after_ms == 10'000);
  CHECK(query(rights, &second, now));

  CHECK(query(rights, &clinic, now + 4s).error().retry_after_ms == 6'000);
  CHECK(query(rights, &clinic, now + 10s));
  CHECK_FALSE(query(rights, &clinic, now + 10s));
  // What is not used is not saved beyond a minute's.
  for (int i = 0; i < 6; ++i) CHECK(query(rights, &clinic, now + 1h));
  CHECK_FALSE(query(rights, &clinic, now + 1h));
}

TEST_CASE("new rights hold at once, and what was asked for so far counts on") {
  auto limited = may_predict;
  limited.queries_per_minute = 2;
  Rights rights(All{limited, may_deploy});
  const auto clinic = named("clinic"), owner = named("owner");
  CHECK(query(rights, &clinic, now));
  CHECK(query(rights, &clinic, now));
  rights.replace({limited});
  CHECK_FALSE(query(rights, &clinic, now));
  check_refused(rights.deploy(&owner, "skin"), "owner", "deploy");
  rights.replace({may_deploy});
  check_refused(query(rights, &clinic, now), "clinic", "predict");
  CHECK(rights.deploy(&owner, "skin"));
}

TEST_CASE("a link takes messages as large as what its client may send") {
  constexpr std::size_t limit = std::size_t{1} << 30;
  const config::ClientRights asks{.name = "asks", .pins = {}, .predict = true},
      brings{.name = "brings", .pins = {}, .deploy = {"skin"}}, looks{.name = "looks", .pins = {}, .status = true};
  const Rights rights({asks, brings, looks});
  const auto largest = [&](const char* name, std::size_t at_most) {
    const wire::Identity who{protocol::PartyId::client, name, {}};
    return rights.largest_message(&who, at_most);
  };
  CHECK(rights.largest_message(nullptr, limit) == limit);
  CHECK(largest("brings", limit) == limit);
  CHECK(largest("asks", limit) == 64 << 20);
  CHECK(largest("looks", limit) == 1 << 20);
  CHECK(largest("nobody", limit) == 1 << 20);
  CHECK(largest("asks", 1000) == 1000);
}
