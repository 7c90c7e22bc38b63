#include "tests/apps/support/three_processes.h"

#include "tests/support/keys.h"

#include <csignal>
#include <stdexcept>
#include <thread>

namespace blindsight::tests {

namespace fs = std::filesystem;

ThreeProcesses::ThreeProcesses(const std::string& more_keys, const std::string& more_tables)
    : ports_(free_ports(3)), client_ports_(free_ports(3)) {
  const auto address = [](unsigned port) { return "\"127.0.0.1:" + std::to_string(port) + "\"\n"; };
  const auto pin = [&](const std::string& name) {
    return '"' + config::pin_text(new_key(folder_ / (name + ".key"))) + "\"\n";
  };
  const auto key = [&](const std::string& name) { return "key = \"" + (folder_ / (name + ".key")).string() + "\"\n"; };
  std::array<std::string, 3> pins;
  for (std::size_t i = 0; i < 3; ++i) pins[i] = "pins." + std::string(names[i]) + " = " + pin(names[i]);
  const auto client_pin = pin("client");
  std::string client = key("client");
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string name = names[i];
    client += name + " = " + address(client_ports_[i]) + pins[i];
    std::string text = "role = \"" + name + "\"\nlisten.clients = " + address(client_ports_[i]) + key(name) +
                       "data_dir = \"" + (folder_ / name).string() + "\"\n";
    if (i < 2) text += "listen.parties = " + address(ports_[i]);
    for (std::size_t k = 0; k < 3; ++k)
      if (k != i) text += pins[k];
    if (i > 0) text += "peers.server0 = " + address(ports_[0]);
    if (i > 1) text += "peers.server1 = " + address(ports_[1]);
    write_text(config(i), text + more_keys + more_tables + "\n[clients.client]\npins = " + client_pin +
                              "predict = true\ndeploy = [\"*\"]\n");
  }
  write_text(client_config(), client);
}

void ThreeProcesses::start(std::size_t party) {
  const std::string name = names[party];
  programs_[party].emplace(std::vector<std::string>{"party", "--config", config(party).string(), "--ready-fd",
                                                    std::to_string(Program::ready_descriptor)},
                           folder_ / (name + ".out"), folder_ / (name + ".log"));
}

void ThreeProcesses::start_all() {
  for (std::size_t i = 0; i < 3; ++i) start(i);
}

void ThreeProcesses::kill(std::size_t party, int signal) {
  programs_.at(party)->kill(signal);
  programs_.at(party)->wait();
}

fs::path ThreeProcesses::config(std::size_t party) const {
  return folder_ / (std::string(names[party]) + ".toml");
}

fs::path ThreeProcesses::client_config() const {
  return folder_ / "client.toml";
}

std::string ThreeProcesses::log(std::size_t party) const {
  return read_text(folder_ / (std::string(names[party]) + ".log"));
}

fs::path ThreeProcesses::deploy_digits() {
  const auto plan = compile_digits(folder_.path());
  Outcome outcome;
  // The parties may still be on their way up.
  for (int attempt = 0; attempt < 100; ++attempt) {
    outcome = run({"model", "deploy", plan.string(), "--config", client_config().string()});
    if (outcome.status == 0) return plan;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  throw std::runtime_error("the model was not deployed: " + outcome.err);
}

Outcome ThreeProcesses::predict(const std::vector<std::string>& arguments) const {
  std::vector<std::string> all = {"predict", "--config", client_config().string()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run(all);
}

Outcome ThreeProcesses::predict_until_ok(const std::vector<std::string>& arguments) const {
  Outcome outcome;
  for (int attempt = 0; attempt < 300; ++attempt) {
    outcome = predict(arguments);
    if (outcome.status == 0) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return outcome;
}

fs::path compile_digits(const fs::path& folder) {
  const auto plan = folder / "digits.plan";
  const auto outcome = run({"model", "compile", (zoo / "mnist-8.onnx").string(), "--calibration",
                            (zoo / "mnist-calibration.idx3-ubyte").string(), "-o", plan.string()});
  if (outcome.status != 0) throw std::runtime_error("the model was not compiled: " + outcome.err);
  return plan;
}

}  // namespace blindsight::tests
