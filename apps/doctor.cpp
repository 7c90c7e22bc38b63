#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <regex>
#include <set>
#include <thread>

#include "apps/commands.h"
#include "apps/configs.h"
#include "apps/protocols.h"
#include "apps/terminal.h"
#include "apps/version.h"
#include "client/client.h"
#include "protocol/core/choice.h"
#include "tensor/kernels/isa.h"

namespace blindsight::apps {
namespace {

namespace fs = std::filesystem;
using config::Role;

constexpr std::array roles = {Role::server0, Role::server1, Role::crypto_producer};
constexpr double clock_tolerance_s = 2;
/// VGG16's shares take about 120 MB a server; twice that while one deployment replaces another.
constexpr std::uint64_t least_disk_bytes = 1'000'000'000;

enum class Verdict { ok, warn, fail };

class Findings {
 public:
  void add(Verdict verdict, const std::string& what, const std::string& found, const std::string& advice = {}) {
    constexpr std::array words = {"ok", "warn", "FAIL"};
    table_.row({words[static_cast<std::size_t>(verdict)], what, found, advice});
    worst_ = std::max(worst_, verdict);
  }
  void print() const { table_.print(std::cout); }
  bool failed() const { return worst_ == Verdict::fail; }

 private:
  using enum Table::Align;
  Table table_{{{"", left}, {"what", left}, {"found", left}, {"what to do", left}}};
  Verdict worst_ = Verdict::ok;
};

struct Answered {
  Role role;
  wire::PartyStatus status;
  double clock_offset_s = 0;
};

/// Only a party's file has the key `role`.
bool is_party_file(const fs::path& file) {
  static const std::regex role(R"(^\s*"?role"?\s*=)");
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (std::regex_search(line, role)) return true;
  return false;
}

config::ClientConfig as_client(const config::PartyConfig& party) {
  config::ClientConfig client;
  const auto address = [&](Role role) { return role == party.role ? party.listen : *party.peers.of(role); };
  client.server0 = address(Role::server0);
  client.server1 = address(Role::server1);
  client.crypto_producer = address(Role::crypto_producer);
  client.insecure_plaintext_links = party.insecure_plaintext_links;
  client.link = party.link;
  return client;
}

void look_at_this_machine(Findings& findings) {
  const unsigned cores = std::thread::hardware_concurrency();
  findings.add(cores >= 2 ? Verdict::ok : Verdict::warn, "this machine: cores", std::to_string(cores),
               cores >= 2 ? "" : "a party computes and talks at once: give it two cores");
  std::string sets;
  for (const auto isa : tensor::available_isas()) sets += (sets.empty() ? "" : ", ") + std::string(tensor::name(isa));
  const bool vector = tensor::available_isas().size() > 1;
  findings.add(vector ? Verdict::ok : Verdict::warn, "this machine: instruction sets", sets,
               vector ? "" : "without AVX2 everything works, several times slower");
}

void look_at_data_folder(const config::PartyConfig& party, Findings& findings) {
  const std::string what = "data folder " + party.data_dir.string();
  std::error_code error;
  struct stat found {};
  if (::stat(party.data_dir.c_str(), &found) != 0) {
    findings.add(Verdict::ok, what, "not there yet; the party makes it");
  } else if (!S_ISDIR(found.st_mode)) {
    findings.add(Verdict::fail, what, "is not a folder", "change the key `data_dir`");
  } else if ((found.st_mode & 077) != 0) {
    findings.add(Verdict::warn, what, "others may list it (the shares in it have mode 0600)",
                 "chmod 700 " + party.data_dir.string());
  } else {
    findings.add(Verdict::ok, what, "only its owner may read it");
  }
  auto existing = fs::absolute(party.data_dir);
  while (!fs::exists(existing) && existing.has_relative_path()) existing = existing.parent_path();
  const auto space = fs::space(existing, error);
  if (error) return findings.add(Verdict::fail, "disk", error.message(), "change the key `data_dir`");
  const bool enough = space.available >= least_disk_bytes;
  findings.add(enough ? Verdict::ok : Verdict::warn, "disk for " + party.data_dir.string(),
               human_bytes(space.available) + " free",
               enough ? "" : "a large model's shares need " + human_bytes(least_disk_bytes));
}

void look_at_links(const config::ClientConfig& client, Findings& findings) {
  std::string remote;
  for (const auto& address : {client.server0, client.server1, client.crypto_producer})
    if (!config::is_loopback(address)) remote += (remote.empty() ? "" : ", ") + config::to_string(address);
  if (remote.empty())
    findings.add(Verdict::ok, "links", "loopback only");
  else
    findings.add(Verdict::warn, "links", "not encrypted: " + remote,
                 "whoever reads both servers' wires sees images: use only on a network of your own, or a VPN");
}

/// `own`: how the file's party computes; none when it is a client's.
void look_at_party(const Answered& a, const std::optional<std::string>& own, Findings& findings) {
  const std::string who(config::name(a.role));
  const auto& s = a.status;
  const bool same_version = s.version == version();
  findings.add(same_version ? Verdict::ok : Verdict::warn, who + ": version", s.version + ", " + s.isa,
               same_version ? "" : "this is " + std::string(version()) + ": run the same everywhere");
  const bool right_role = static_cast<unsigned>(s.role) == static_cast<unsigned>(a.role);
  findings.add(right_role ? Verdict::ok : Verdict::fail, who + ": role", std::string(protocol::name(s.role)),
               right_role ? "" : "another party listens there: correct the addresses");
  if (own && s.choice != *own)
    findings.add(Verdict::fail, who + ": protocol", s.choice, "this file says " + *own + ": use one at all three");
  else if (const auto known = protocol::choice_of(s.choice); known && !known->protocol->hides)
    findings.add(Verdict::warn, who + ": protocol", s.choice, "it protects nothing: key `protocol` = \"blink\"");
  else
    findings.add(Verdict::ok, who + ": protocol", s.choice);
  const bool in_time = std::abs(a.clock_offset_s) <= clock_tolerance_s;
  findings.add(in_time ? Verdict::ok : Verdict::warn, who + ": clock",
               (a.clock_offset_s < 0 ? "-" : "+") + human_seconds(std::abs(a.clock_offset_s)),
               in_time ? "" : "logs will not line up: synchronize it (NTP)");
  findings.add(s.in_session ? Verdict::ok : Verdict::fail, who + ": session", s.session,
               s.in_session ? "" : "start what is missing; the parties find each other by themselves");
  if (a.role != Role::crypto_producer) {
    const bool enough = s.disk_free_bytes >= least_disk_bytes;
    findings.add(enough ? Verdict::ok : Verdict::warn, who + ": disk", human_bytes(s.disk_free_bytes) + " free",
                 enough ? "" : "a large model's shares need " + human_bytes(least_disk_bytes));
  }
  findings.add(s.cores >= 2 ? Verdict::ok : Verdict::warn, who + ": cores", std::to_string(s.cores),
               s.cores >= 2 ? "" : "a party computes and talks at once: give it two cores");
}

/// Parties that differ refuse one another: nobody serves until they agree.
void look_at_agreement(const std::vector<Answered>& parties, Findings& findings) {
  std::string all;
  std::set<std::string> ways;
  for (const auto& a : parties) {
    ways.insert(a.status.choice);
    all += (all.empty() ? "" : "; ") + std::string(config::name(a.role)) + ": " + a.status.choice;
  }
  if (ways.size() > 1)
    findings.add(Verdict::fail, "protocol", all, "use one at all three: keys `protocol`, `triples`, `randomness`");
}

void look_at_deployment(const std::vector<Answered>& parties, Findings& findings) {
  std::set<std::string> digests;
  bool serving = true;
  for (const auto& a : parties) {
    digests.insert(a.status.plan_digest);
    serving = serving && a.status.serving;
  }
  const auto& first = parties.front().status;
  if (digests.size() > 1) {
    findings.add(Verdict::fail, "deployment", "the parties have different models",
                 "deploy again: blindsight model deploy FILE --config client.toml");
  } else if (first.plan_digest.empty()) {
    findings.add(Verdict::fail, "deployment", "no model is deployed",
                 "blindsight model deploy FILE --config client.toml");
  } else {
    findings.add(Verdict::ok, "deployment", first.deployment + ", plan " + first.plan_digest.substr(0, 16));
    findings.add(serving ? Verdict::ok : Verdict::fail, "serving", serving ? "a query would be taken now" : "not yet",
                 serving ? "" : "wait for the set-up; the sessions above say what is missing");
  }
}

std::optional<Answered> ask(client::Client& client, Role role, Findings& findings) {
  using std::chrono::system_clock;
  const auto before = system_clock::now();
  const auto status = client.status(role);
  const auto after = system_clock::now();
  const std::string what = std::string(config::name(role)) + ": reachable";
  if (!status) {
    findings.add(Verdict::fail, what, status.error().what, "start it, or correct its address");
    return std::nullopt;
  }
  const double took_s = std::chrono::duration<double>(after - before).count();
  findings.add(Verdict::ok, what, "answers in " + human_seconds(took_s));
  // Its clock was read about half-way between our two readings.
  const double middle_s = std::chrono::duration<double>(before.time_since_epoch()).count() + took_s / 2;
  return Answered{role, *status, static_cast<double>(status->clock_unix_ns) * 1e-9 - middle_s};
}

Exit run(const fs::path& file) {
  Findings findings;
  config::ClientConfig addresses;
  std::optional<std::string> own;
  if (is_party_file(file)) {
    const auto party = read_party_config(file);
    findings.add(Verdict::ok, "configuration", "of " + std::string(config::name(party.role)));
    look_at_data_folder(party, findings);
    addresses = as_client(party);
    if (const auto choice = choice_in(party))
      own = protocol::spelling(*choice);
    else
      findings.add(Verdict::fail, "protocol", choice.error().what);
  } else {
    addresses = read_client_config(file);
    findings.add(Verdict::ok, "configuration", "of a client");
  }
  look_at_this_machine(findings);
  look_at_links(addresses, findings);
  client::Client client(addresses);
  std::vector<Answered> parties;
  for (const auto role : roles)
    if (auto answered = ask(client, role, findings)) {
      look_at_party(*answered, own, findings);
      parties.push_back(*std::move(answered));
    }
  look_at_agreement(parties, findings);
  if (!parties.empty()) look_at_deployment(parties, findings);
  findings.print();
  return findings.failed() ? Exit::failed : Exit::ok;
}

}  // namespace

void add_doctor(CLI::App& app, Exit& status) {
  auto file = std::make_shared<fs::path>();
  auto* command = app.add_subcommand("doctor", "Check machine, configuration and parties, and say what to do");
  command->add_option("--config", *file, "A party's or a client's file")->required()->type_name("FILE");
  command->footer(
      "Exit status 1 when something marked FAIL keeps predictions from working.\n\n"
      "Example:\n  blindsight doctor --config client.toml");
  command->callback([file, &status] { status = run(*file); });
}

}  // namespace blindsight::apps
