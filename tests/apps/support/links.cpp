#include "tests/apps/support/links.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "client/client.h"
#include "net/blocking_link.h"
#include "net/identities.h"
#include "net/key_file.h"
#include "tests/apps/support/small_models.h"
#include "tests/support/text.h"

namespace blindsight::tests {

using protocol::PartyId;

namespace {

/// What a test waits for is on its way already.
constexpr std::chrono::seconds patience{60};

config::ClientConfig client_of(const ThreeProcesses& parties) {
  auto loaded = config::load_client(parties.client_config());
  if (!loaded) throw std::runtime_error(loaded.error().text());
  return *loaded;
}

}  // namespace

wire::Hello hello_of(PartyId role) {
  wire::Hello hello;
  hello.wire_version = wire::version;
  hello.software_version = "7.7.7";
  hello.role = role;
  hello.public_key.fill(9);
  hello.choice = role == PartyId::client ? "" : "blink";
  hello.max_frame_bytes = 64 * 1024;
  return hello;
}

Answer say_hello(const ThreeProcesses& parties, const std::filesystem::path& key, PartyId listener_of,
                 std::uint16_t port, const wire::Hello& hello) {
  auto config = client_of(parties);
  config.key = key;
  const auto tls = net::tls_context(config);
  if (!tls) throw std::runtime_error(tls.error().what);
  auto link = net::BlockingLink::connect({"127.0.0.1", port}, *tls, {{listener_of}, "the party"}, patience);
  if (!link) return {std::nullopt, link.error()};
  wire::Outgoing out({wire::control_header(wire::Kind::hello), wire::encode(hello)}, 0);
  std::vector<char> bytes;
  while (!out.finished()) out.append_frame(4096, bytes);
  // Whoever has refused the key may have closed already: its word is still to be read.
  (void)link->send(bytes);
  wire::Reader reader({});
  std::vector<wire::Message> messages;
  while (messages.empty()) {
    const auto plain = link->receive(patience);
    if (!plain) return {std::nullopt, plain.error()};
    if (const auto fed = reader.feed(*plain, messages); !fed) return {std::nullopt, fed.error()};
  }
  Answer answer{messages.front().header.kind, std::nullopt};
  if (answer.kind == wire::Kind::refuse)
    if (const auto told = wire::decode<wire::Failure>(messages.front().payload)) answer.error = told->error;
  return answer;
}

protocol::Result<wire::PartyStatus> status_of(const ThreeProcesses& parties, std::size_t party) {
  return client::Client(client_of(parties)).status(static_cast<config::Role>(party));
}

void pause_a_moment() {
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

bool log_says(const ThreeProcesses& parties, std::size_t party, const std::string& part) {
  return eventually([&] { return contains(parties.log(party), part); });
}

std::size_t sessions_in(const ThreeProcesses& parties, std::size_t party) {
  const auto log = parties.log(party);
  const std::string words = " of all three parties";
  std::size_t count = 0;
  for (auto at = log.find(words); at != std::string::npos; at = log.find(words, at + 1)) ++count;
  return count;
}

bool serving(const ThreeProcesses& parties) {
  return eventually([&] {
    for (std::size_t i = 0; i < 3; ++i)
      if (const auto status = status_of(parties, i); !status || !status->serving) return false;
    return true;
  });
}

std::array<std::size_t, 3> sessions_of_all(const ThreeProcesses& parties) {
  const std::array all = {sessions_in(parties, 0), sessions_in(parties, 1), sessions_in(parties, 2)};
  if (std::ranges::count(all, 0U) != 0) throw std::runtime_error("a party's log tells of no session");
  return all;
}

SmallModel::SmallModel(const ThreeProcesses& parties)
    : parties_(parties),
      model_(parties.folder() / "m.onnx"),
      calibration_(parties.folder() / "calibration.idx3-ubyte"),
      image_(parties.folder() / "image.idx3-ubyte") {
  write_small_model(model_, 1);
  write_images(calibration_, small_images(40));
  write_images(image_, {SmallImage(small_side * small_side, 126)});
}

Outcome SmallModel::deploy(const std::string& name, std::filesystem::path client) const {
  if (client.empty()) client = parties_.client_config();
  std::vector<std::string> all = {"model",      "deploy",   model_,         "--calibration",
                                  calibration_, "--config", client.string()};
  if (!name.empty()) all.insert(all.end(), {"--name", name});
  return run(all);
}

void SmallModel::deploy_until_ok() const {
  Outcome outcome;
  // The parties may still be on their way up.
  for (int attempt = 0; attempt < 100; ++attempt) {
    outcome = deploy();
    if (outcome.status == 0) return;
    pause_a_moment();
  }
  throw std::runtime_error("the model was not deployed: " + outcome.err);
}

Outcome SmallModel::predict(std::filesystem::path client) const {
  if (client.empty()) client = parties_.client_config();
  return run({"predict", image_, "--json", "--config", client.string()});
}

bool SmallModel::is_answered(const std::filesystem::path& client) const {
  const auto outcome = predict(client);
  if (outcome.status != 0) throw std::runtime_error("no answer: " + outcome.err);
  const double logit = nlohmann::json::parse(outcome.out).at("logits").at(0);
  return std::abs(logit - small_outputs(SmallImage(small_side * small_side, 126), 1).front()) < 0.3;
}

void replace_in(const std::filesystem::path& file, const std::string& from, const std::string& to) {
  auto text = read_text(file);
  const auto at = text.find(from);
  if (at == std::string::npos) throw std::runtime_error(file.string() + " has no " + from);
  write_text(file, text.replace(at, from.size(), to));
}

void append_to(const std::filesystem::path& file, const std::string& text) {
  write_text(file, read_text(file) + text);
}

std::string quoted_pin(const std::filesystem::path& key) {
  const auto read = net::load_key(key);
  if (!read) throw std::runtime_error(read.error().what);
  return '"' + config::pin_text(read->fingerprint()) + '"';
}

}  // namespace blindsight::tests
