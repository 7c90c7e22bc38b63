#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <thread>

#include "actors/engine/cores.h"
#include "actors/engine/memory.h"
#include "apps/commands.h"
#include "apps/configs.h"
#include "apps/protocols.h"
#include "apps/terminal.h"
#include "apps/version.h"
#include "client/client.h"
#include "net/blocking_link.h"
#include "net/identities.h"
#include "net/key_file.h"
#include "protocol/core/choice.h"
#include "tensor/kernels/isa.h"

namespace blindsight::apps {
namespace {

namespace fs = std::filesystem;
using config::Role;

constexpr std::array roles = {Role::server0, Role::server1, Role::crypto_producer};
constexpr double clock_tolerance_s = 2;
constexpr std::chrono::milliseconds refusal_patience{500};
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

/// A party's operator is a client of his own party by its own key.
config::ClientConfig as_client(const config::PartyConfig& party, const std::optional<wire::Credentials>& own) {
  config::ClientConfig client;
  // Only its own address is asked.
  client.server0 = client.server1 = client.crypto_producer = party.listen.clients;
  client.insecure_plaintext_links = party.insecure_plaintext_links;
  client.key = party.key;
  if (own) client.pins.of(party.role) = {own->fingerprint()};
  client.link = party.link;
  return client;
}

void look_at_this_machine(Findings& findings) {
  const unsigned cores = actors::usable_cores();
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

/// What this shell may do; a service has limits of its own, and the party warns at its start.
void look_at_locked_memory(const config::PartyConfig& party, Findings& findings) {
  const auto unlocked = actors::unlocked_keys(party);
  findings.add(unlocked ? Verdict::warn : Verdict::ok, "this machine: locked memory",
               unlocked ? unlocked->why : "enough for the keys of packs", unlocked ? unlocked->advice : "");
}

/// The key, if it can be used.
std::optional<wire::Credentials> look_at_key(const fs::path& file, bool insecure, Findings& findings) {
  if (insecure) {
    findings.add(Verdict::warn, "links", "INSECURE: neither encrypted nor authenticated",
                 "for measurements on one machine only: remove insecure_plaintext_links");
    return std::nullopt;
  }
  const auto key = net::load_key(file);
  if (!key) {
    findings.add(Verdict::fail, "key", key.error().what);
    return std::nullopt;
  }
  const auto now = std::chrono::system_clock::now();
  const auto until = "valid until " + wire::date_text(key->not_after());
  const auto advice = "blindsight key new FILE; let the others add its pin; restart";
  if (now >= key->not_after()) {
    findings.add(Verdict::fail, "key", until, advice);
    return std::nullopt;
  }
  const bool soon = key->expires_soon(now);
  findings.add(soon ? Verdict::warn : Verdict::ok, "key", until, soon ? advice : "");
  return *key;
}

/// Those that a party dials, by its own key as it would do it.
void look_at_peers(const config::PartyConfig& party, Findings& findings) {
  const auto tls = net::tls_context(party);
  if (!tls) return findings.add(Verdict::fail, "key", tls.error().what);
  for (const auto peer : config::dialed_by(party.role)) {
    const auto& address = *party.peers.of(peer);
    const auto what = "link to " + std::string(config::name(peer));
    auto link = net::BlockingLink::connect(
        address, *tls, {{static_cast<protocol::PartyId>(peer)}, "the address of " + std::string(config::name(peer))},
        std::chrono::milliseconds(party.link.connect_timeout_ms));
    if (!link) {
      findings.add(Verdict::fail, what, config::to_string(address) + ": " + link.error().what);
      continue;
    }
    // Whoever does not take our key says so at once; whoever takes it waits for our Hello.
    const auto word = link->receive(refusal_patience);
    if (word || word.error().fault == protocol::Fault::timed_out)
      findings.add(Verdict::ok, what, config::to_string(address) + (*tls ? ", both keys are right" : ", plain"));
    else
      findings.add(Verdict::fail, what, config::to_string(address) + ": " + word.error().what);
  }
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
    // Who is there and refuses says himself what to do.
    const bool silent = status.error().fault == protocol::Fault::peer_lost;
    findings.add(Verdict::fail, what, status.error().what, silent ? "start it, or correct its address" : "");
    return std::nullopt;
  }
  const double took_s = std::chrono::duration<double>(after - before).count();
  findings.add(Verdict::ok, what, "answers in " + human_seconds(took_s));
  // Its clock was read about half-way between our two readings.
  const double middle_s = std::chrono::duration<double>(before.time_since_epoch()).count() + took_s / 2;
  return Answered{role, *status, static_cast<double>(status->clock_unix_ns) * 1e-9 - middle_s};
}

/// Asks those parties, and judges what they say together.
void look_at_parties(client::Client& client, std::span<const Role> whom, const std::optional<std::string>& own,
                     Findings& findings) {
  std::vector<Answered> parties;
  for (const auto role : whom)
    if (auto answered = ask(client, role, findings)) {
      look_at_party(*answered, own, findings);
      parties.push_back(*std::move(answered));
    }
  look_at_agreement(parties, findings);
  if (!parties.empty()) look_at_deployment(parties, findings);
}

void look_as_operator(const fs::path& file, Findings& findings) {
  const auto party = read_party_config(file);
  findings.add(Verdict::ok, "configuration", "of " + std::string(config::name(party.role)));
  look_at_data_folder(party, findings);
  look_at_this_machine(findings);
  look_at_locked_memory(party, findings);
  const auto key = look_at_key(party.key, party.insecure_plaintext_links, findings);
  std::optional<std::string> own;
  if (const auto choice = choice_in(party))
    own = protocol::spelling(*choice);
  else
    findings.add(Verdict::fail, "protocol", choice.error().what);
  if (!key && !party.insecure_plaintext_links) return;
  look_at_peers(party, findings);
  client::Client client(as_client(party, key));
  look_at_parties(client, std::array{party.role}, own, findings);
}

void look_as_client(const fs::path& file, Findings& findings) {
  const auto config = read_client_config(file);
  findings.add(Verdict::ok, "configuration", "of a client");
  look_at_this_machine(findings);
  const auto key = look_at_key(config.key, config.insecure_plaintext_links, findings);
  if (!key && !config.insecure_plaintext_links) return;
  client::Client client(config);
  look_at_parties(client, roles, std::nullopt, findings);
}

Exit run(const fs::path& file) {
  Findings findings;
  if (role_in(file))
    look_as_operator(file, findings);
  else
    look_as_client(file, findings);
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
