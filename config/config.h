#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "config/pin.h"

namespace blindsight::config {

/// A TCP endpoint as written in a file: "host:port", an IPv6 host in brackets ("[::1]:7100").
struct Address {
  std::string host;
  std::uint16_t port = 0;

  bool operator==(const Address&) const = default;
};

/// "host:port", with brackets around an IPv6 host.
std::string to_string(const Address& address);

/// True for 127.0.0.0/8, ::1 and "localhost": what never leaves the machine. Other names are not resolved and count as
/// remote.
bool is_loopback(const Address& address);

enum class Role : std::uint8_t { server0 = 0, server1 = 1, crypto_producer = 2 };

/// The role as it is written in a file.
std::string_view name(Role role);

/// The keys that stand for somebody: today's, and the next while keys are changed.
using Pins = std::vector<Fingerprint>;

struct RolePins {
  Pins server0, server1, crypto_producer;

  const Pins& of(Role role) const;
  Pins& of(Role role);
  bool operator==(const RolePins&) const = default;
};

/// What whoever has a party's own key is called as a client of that party: it may ask how it is.
inline constexpr std::string_view operator_name = "operator";

/// What a party lets one client do: a table [clients.NAME] of its file. What is not written is not allowed.
struct ClientRights {
  std::string name = {};
  Pins pins = {};
  bool predict = false;
  std::vector<std::string> deploy = {};  ///< names of models; "*" is any
  bool status = false;                   ///< who may do anything else may ask for it, too
  std::uint32_t queries_per_minute = 0;

  bool may_deploy(std::string_view model) const;
  bool operator==(const ClientRights&) const = default;
};

/// How bytes travel between two processes.
struct LinkConfig {
  std::uint32_t frame_bytes = 256 * 1024;
  std::uint32_t credit_bytes = 4 * 1024 * 1024;
  std::uint32_t connect_timeout_ms = 3000;
  std::uint32_t reconnect_min_ms = 100;
  std::uint32_t reconnect_max_ms = 2000;
  std::uint32_t ping_interval_ms = 1000;
  std::uint32_t silence_ms = 5000;

  bool operator==(const LinkConfig&) const = default;
};

/// What one party reads: server0.toml, server1.toml, crypto_producer.toml. The initial values here are the defaults of
/// the keys; units, bounds and descriptions stand in keys.cpp and are printed by describe_party().
struct PartyConfig {
  struct Listen {
    /// For the parties that dial this one; absent at the crypto producer, which nobody dials.
    std::optional<Address> parties;
    Address clients;
    bool operator==(const Listen&) const = default;
  };
  struct Peers {
    /// Present for those that this party dials; the others dial it.
    std::optional<Address> server0, server1;

    /// None of the crypto producer, which nobody dials.
    std::optional<Address> of(Role peer) const;
    bool operator==(const Peers&) const = default;
  };
  struct Metrics {
    /// Absent: no exporter.
    std::optional<Address> listen;
    bool operator==(const Metrics&) const = default;
  };
  struct Log {
    std::string level = "info";
    /// Empty: standard error.
    std::filesystem::path file;
    bool operator==(const Log&) const = default;
  };
  struct Preprocessing {
    std::uint32_t depth = 2;
    std::uint32_t memory_limit_mb = 4096;
    bool while_serving = false;
    bool operator==(const Preprocessing&) const = default;
  };
  /// 0: chosen from the number of cores.
  struct Threads {
    std::uint32_t online = 0, preprocessing = 0, actors = 0;
    bool operator==(const Threads&) const = default;
  };
  struct Limits {
    std::uint32_t max_queries = 8;
    std::uint32_t max_message_mb = 1024;
    std::uint32_t handshakes_per_second = 50;
    bool operator==(const Limits&) const = default;
  };
  struct Query {
    std::uint32_t timeout_ms = 120'000;
    bool operator==(const Query&) const = default;
  };
  struct Priorities {
    bool enabled = true;
    bool operator==(const Priorities&) const = default;
  };

  Role role = Role::server0;
  std::string protocol = "blink";
  std::string triples = "reused";
  std::string randomness = "seeded";
  Listen listen;
  std::filesystem::path key;
  bool insecure_plaintext_links = false;
  std::filesystem::path data_dir;
  Peers peers;
  RolePins pins;  ///< of the other two
  std::vector<ClientRights> clients;
  Metrics metrics;
  Log log;
  Preprocessing preprocessing;
  Threads threads;
  LinkConfig link;
  Limits limits;
  Query query;
  Priorities priorities;

  bool operator==(const PartyConfig&) const = default;
};

/// What a model owner or a data owner reads: client.toml.
struct ClientConfig {
  struct Model {
    /// Empty: the plan is named on the command line or asked from the servers.
    std::filesystem::path plan;
    bool operator==(const Model&) const = default;
  };
  struct Query {
    std::uint32_t timeout_ms = 120'000;
    bool operator==(const Query&) const = default;
  };

  Address server0, server1, crypto_producer;
  std::filesystem::path key;
  RolePins pins;
  bool insecure_plaintext_links = false;
  Model model;
  LinkConfig link;
  Query query;

  bool operator==(const ClientConfig&) const = default;
};

/// One thing to mend in a file.
struct Problem {
  /// From 1; 0 when the problem is an absence and no line can be named.
  std::size_t line = 0;
  /// What is wrong and what to write instead.
  std::string what;

  bool operator==(const Problem&) const = default;
};

/// Everything that is wrong with a file, ordered by line.
struct Problems {
  std::string file;
  std::vector<Problem> list;

  /// "FILE:LINE: what" for each problem, one per line.
  std::string text() const;
};

template <class T>
using Loaded = tl::expected<T, Problems>;

Loaded<PartyConfig> load_party(const std::filesystem::path& file);
Loaded<ClientConfig> load_client(const std::filesystem::path& file);

/// Whose file it is and which key it names; all else in it may be wrong or missing still.
struct NamedKey {
  std::filesystem::path key;  ///< empty: it names none
  std::optional<Role> role;   ///< none: a client's file
};
Loaded<NamedKey> load_named_key(const std::filesystem::path& file);

/// As load_*, from text; `file` is only used to name the place of a problem.
Loaded<PartyConfig> parse_party(std::string_view toml, std::string_view file);
Loaded<ClientConfig> parse_client(std::string_view toml, std::string_view file);

/// The roles that a party of this role dials; the others dial it.
std::vector<Role> dialed_by(Role role);

/// What does not fit between the files of parties that are to run together: a role taken twice or missing, different
/// protocols or ways of dealing, a peer's address that is not where that peer listens, an address or a data folder used
/// by two. Empty when all is well.
std::vector<std::string> check_together(std::span<const PartyConfig> parties);

/// One key as the tables declare it, in text for a person.
struct KeyDescription {
  std::string key, type, unit, default_value, bounds, description;
};

std::vector<KeyDescription> party_keys();
std::vector<KeyDescription> client_keys();

/// All keys of a file as text, for `blindsight party --help-config` and the documentation.
std::string describe_party();
std::string describe_client();

/// Keys as comments of a file, each with its default, so that whoever wants another value finds its place.
std::string as_comments(std::span<const KeyDescription> keys);

}  // namespace blindsight::config
