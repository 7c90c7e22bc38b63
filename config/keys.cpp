#include "config/keys.h"

namespace blindsight::config {
namespace {

template <class Config, class T>
Field<Config> at(T Config::*member) {
  return std::function<T&(Config&)>([member](Config& c) -> T& { return c.*member; });
}

template <class Config, class Group, class T>
Field<Config> at(Group Config::*group, T Group::*member) {
  return std::function<T&(Config&)>([group, member](Config& c) -> T& { return c.*group.*member; });
}

constexpr std::uint32_t hour_ms = 3'600'000;

constexpr std::string_view insecure_description =
    "INSECURE: links are neither encrypted nor authenticated, no keys are needed, and only loopback addresses are "
    "accepted. For measurements on one machine.";

constexpr std::string_view key_description =
    "File with this process's own key and certificate, as `blindsight key new` makes it: readable by its owner alone. "
    "A relative path starts at the current directory. Required unless insecure_plaintext_links = true.";

template <class Config>
std::vector<Key<Config>> link_keys() {
  auto link = &Config::link;
  return {
      {.name = "link.frame_bytes",
       .field = at(link, &LinkConfig::frame_bytes),
       .description =
           "Largest frame on a link; a longer message is cut into frames so that urgent ones can pass between them.",
       .unit = "bytes",
       .smallest = 4096,
       .largest = 16 * 1024 * 1024},
      {.name = "link.connect_timeout_ms",
       .field = at(link, &LinkConfig::connect_timeout_ms),
       .description = "How long one attempt to connect may take.",
       .unit = "ms",
       .smallest = 10,
       .largest = hour_ms},
  };
}

/// What only a link that lasts needs.
std::vector<Key<PartyConfig>> lasting_link_keys() {
  auto link = &PartyConfig::link;
  return {
      {.name = "link.credit_bytes",
       .field = at(link, &LinkConfig::credit_bytes),
       .description = "Bytes of one lane that may wait in the operating system's hands before more are offered; at "
                      "least one frame.",
       .unit = "bytes",
       .smallest = 4096,
       .largest = 1024 * 1024 * 1024},
      {.name = "link.reconnect_min_ms",
       .field = at(link, &LinkConfig::reconnect_min_ms),
       .description = "Pause before the first new attempt to connect; it doubles with each failure.",
       .unit = "ms",
       .smallest = 10,
       .largest = hour_ms},
      {.name = "link.reconnect_max_ms",
       .field = at(link, &LinkConfig::reconnect_max_ms),
       .description = "Longest pause between two attempts to connect; at least link.reconnect_min_ms.",
       .unit = "ms",
       .smallest = 10,
       .largest = hour_ms},
      {.name = "link.ping_interval_ms",
       .field = at(link, &LinkConfig::ping_interval_ms),
       .description = "How often each of the other parties is asked for a sign of life. One that has given none for "
                      "twice as long gives way to another process of its role.",
       .unit = "ms",
       .smallest = 10,
       .largest = hour_ms},
      {.name = "link.silence_ms",
       .field = at(link, &LinkConfig::silence_ms),
       .description = "A party that gives no sign of life for so long is stopped, hung or cut off: the session ends "
                      "with its name, and queries under way with it. At least three times link.ping_interval_ms.",
       .unit = "ms",
       .smallest = 30,
       .largest = hour_ms},
  };
}

template <class Config>
void append(std::vector<Key<Config>>& to, std::vector<Key<Config>> more) {
  for (auto& key : more) to.push_back(std::move(key));
}

constexpr std::string_view pins_description =
    "The keys that stand for this role, as their owner's `blindsight key show` prints them: one, or while it is "
    "changed the old and the new. Required for the other parties unless insecure_plaintext_links = true.";

std::vector<Key<PartyConfig>> party_table() {
  using C = PartyConfig;
  std::vector<Key<C>> table = {
      {.name = "role", .field = at(&C::role), .description = "Who this party is.", .required = true},
      {.name = "protocol",
       .field = at(&C::protocol),
       .description =
           "How a query is computed; the same at all three parties. `plaintext` protects nothing and is for tests."},
      {.name = "triples",
       .field = at(&C::triples),
       .description =
           "How often a weight is masked: once a session (reused) or anew for each image (fresh: more bytes, "
           "and no two images share a mask). The same at all three parties; only for protocols that have "
           "the choice.",
       .choices = triples_choices},
      {.name = "randomness",
       .field = at(&C::randomness),
       .description = "How the crypto producer gives out shares that may be uniform: expanded from common seeds "
                      "(seeded) or as bytes (sent). The same at all three parties; only for protocols that have the "
                      "choice.",
       .choices = randomness_choices},
      {.name = "listen.parties",
       .field = at(&C::listen, &C::Listen::parties),
       .description = "Where the other parties connect to this server. The crypto producer has none: nobody dials it."},
      {.name = "listen.clients",
       .field = at(&C::listen, &C::Listen::clients),
       .description = "Where clients connect to this party: data owners, model owners, whoever asks for its status.",
       .required = true},
      {.name = "key", .field = at(&C::key), .description = key_description},
      {.name = "insecure_plaintext_links",
       .field = at(&C::insecure_plaintext_links),
       .description = insecure_description},
      {.name = "data_dir",
       .field = at(&C::data_dir),
       .description =
           "Folder for the shares of the weights, made with mode 0700 and its files 0600; never shared by two parties. "
           "A relative path starts at the current directory.",
       .required = true},
      {.name = "peers.server0",
       .field = at(&C::peers, &C::Peers::server0),
       .description = "listen.parties of server 0, as this machine reaches it: the other two dial it."},
      {.name = "peers.server1",
       .field = at(&C::peers, &C::Peers::server1),
       .description = "listen.parties of server 1, as this machine reaches it: the crypto producer dials it."},
      {.name = "pins.server0", .field = at(&C::pins, &RolePins::server0), .description = pins_description},
      {.name = "pins.server1", .field = at(&C::pins, &RolePins::server1), .description = pins_description},
      {.name = "pins.crypto_producer",
       .field = at(&C::pins, &RolePins::crypto_producer),
       .description = pins_description},
      {.name = "metrics.listen",
       .field = at(&C::metrics, &C::Metrics::listen),
       .description = "Where /metrics is served to Prometheus, without authentication; empty: nowhere."},
      {.name = "log.level",
       .field = at(&C::log, &C::Log::level),
       .description = "The least important messages that are written.",
       .choices = log_levels},
      {.name = "log.file",
       .field = at(&C::log, &C::Log::file),
       .description = "File to which messages are appended; empty: standard error."},
      {.name = "preprocessing.depth",
       .field = at(&C::preprocessing, &C::Preprocessing::depth),
       .description = "Packs of correlated randomness to keep ready; one query uses one pack. 0: each query waits for "
                      "its own.",
       .unit = "packs",
       .largest = 64},
      {.name = "preprocessing.memory_limit_mb",
       .field = at(&C::preprocessing, &C::Preprocessing::memory_limit_mb),
       .description = "Memory that packs may take, those in use included; preprocessing pauses before it takes more, "
                      "and a model whose one pack takes more is refused.",
       .unit = "MiB",
       .smallest = 16,
       .largest = 1024 * 1024},
      {.name = "preprocessing.while_serving",
       .field = at(&C::preprocessing, &C::Preprocessing::while_serving),
       .description = "Packs are replaced while queries run, too: more images per second under load, each a little "
                      "later. Otherwise a running query has the machine to itself."},
      {.name = "threads.online",
       .field = at(&C::threads, &C::Threads::online),
       .description = "Threads that compute for queries; 0: chosen from the number of cores.",
       .unit = "threads",
       .largest = 1024},
      {.name = "threads.preprocessing",
       .field = at(&C::threads, &C::Threads::preprocessing),
       .description = "Threads that prepare packs, at low priority; 0: chosen from the number of cores.",
       .unit = "threads",
       .largest = 1024},
      {.name = "threads.actors",
       .field = at(&C::threads, &C::Threads::actors),
       .description = "Threads that route messages; 0: chosen from the number of cores.",
       .unit = "threads",
       .largest = 1024},
  };
  append(table, link_keys<C>());
  append(table, lasting_link_keys());
  append(
      table,
      std::vector<Key<C>>{
          {.name = "limits.max_queries",
           .field = at(&C::limits, &C::Limits::max_queries),
           .description = "Queries accepted at a time; one more is refused with a message that says so.",
           .unit = "queries",
           .smallest = 1,
           .largest = 1024},
          {.name = "limits.max_message_mb",
           .field = at(&C::limits, &C::Limits::max_message_mb),
           .description = "Longest message taken from a peer or client, whatever length it announces; the shares of a "
                          "model's weights must fit.",
           .unit = "MiB",
           .smallest = 1,
           .largest = 16 * 1024},
          {.name = "limits.handshakes_per_second",
           .field = at(&C::limits, &C::Limits::handshakes_per_second),
           .description =
               "TLS handshakes that are begun on each of the two listeners; one costs about a millisecond. More "
               "connections than that are closed at once, so that strangers do not slow the queries down.",
           .unit = "1/s",
           .smallest = 1,
           .largest = 10'000},
          {.name = "query.timeout_ms",
           .field = at(&C::query, &C::Query::timeout_ms),
           .description = "How long a query may take before it is cancelled and its pack burned.",
           .unit = "ms",
           .smallest = 100,
           .largest = hour_ms},
          {.name = "priorities.enabled",
           .field = at(&C::priorities, &C::Priorities::enabled),
           .description = "Work for which a peer waits goes first; false only to measure what that is worth."},
      });
  return table;
}

std::vector<Key<ClientConfig>> client_table() {
  using C = ClientConfig;
  std::vector<Key<C>> table = {
      {.name = "server0",
       .field = at(&C::server0),
       .description = "listen.clients of server 0, as this machine reaches it.",
       .required = true},
      {.name = "server1",
       .field = at(&C::server1),
       .description = "listen.clients of server 1, as this machine reaches it.",
       .required = true},
      {.name = "crypto_producer",
       .field = at(&C::crypto_producer),
       .description = "listen.clients of the crypto producer, as this machine reaches it.",
       .required = true},
      {.name = "key", .field = at(&C::key), .description = key_description},
      {.name = "pins.server0", .field = at(&C::pins, &RolePins::server0), .description = pins_description},
      {.name = "pins.server1", .field = at(&C::pins, &RolePins::server1), .description = pins_description},
      {.name = "pins.crypto_producer",
       .field = at(&C::pins, &RolePins::crypto_producer),
       .description = pins_description},
      {.name = "insecure_plaintext_links",
       .field = at(&C::insecure_plaintext_links),
       .description = insecure_description},
      {.name = "model.plan",
       .field = at(&C::model, &C::Model::plan),
       .description =
           "Plan of the model to ask for; empty: the one that the servers have. A relative path starts at the "
           "current directory."},
  };
  append(table, link_keys<C>());
  table.push_back({.name = "query.timeout_ms",
                   .field = at(&C::query, &C::Query::timeout_ms),
                   .description = "How long to wait for a prediction.",
                   .unit = "ms",
                   .smallest = 100,
                   .largest = hour_ms});
  return table;
}

std::vector<Key<ClientRights>> rights_table() {
  using C = ClientRights;
  return {
      {.name = "pins",
       .field = at(&C::pins),
       .description = "The keys that stand for this client, as its `blindsight key show` prints them.",
       .required = true},
      {.name = "predict", .field = at(&C::predict), .description = "Whether it may ask for predictions."},
      {.name = "deploy",
       .field = at(&C::deploy),
       .description = "Names of the models that it may bring (`model deploy --name`); \"*\" is any."},
      {.name = "status",
       .field = at(&C::status),
       .description = "Whether it may ask how the party is; who may do anything else may do that, too."},
      {.name = "queries_per_minute",
       .field = at(&C::queries_per_minute),
       .description = "Predictions that it may ask for in a minute; 0: no bound but limits.max_queries.",
       .unit = "1/min"},
  };
}

}  // namespace

std::span<const Key<ClientRights>> keys(const ClientRights*) {
  static const auto table = rights_table();
  return table;
}

std::span<const Key<PartyConfig>> keys(const PartyConfig*) {
  static const auto table = party_table();
  return table;
}

std::span<const Key<ClientConfig>> keys(const ClientConfig*) {
  static const auto table = client_table();
  return table;
}

}  // namespace blindsight::config
