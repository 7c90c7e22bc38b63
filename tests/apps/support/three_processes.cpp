#include "tests/apps/support/three_processes.h"

#include <csignal>
#include <stdexcept>
#include <thread>

namespace blindsight::tests {

namespace fs = std::filesystem;

ThreeProcesses::ThreeProcesses(const std::string& more_keys, const std::string& more_tables) : ports_(free_ports(3)) {
  const auto address = [&](std::size_t i) { return "\"127.0.0.1:" + std::to_string(ports_[i]) + "\"\n"; };
  std::string client;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string name = names[i];
    client += name + " = " + address(i);
    std::string text = "role = \"" + name + "\"\nlisten = " + address(i) + "data_dir = \"" + (folder_ / name).string() +
                       "\"\n" + more_keys + "\n[peers]\n";
    for (std::size_t k = 0; k < 3; ++k)
      if (k != i) text += std::string(names[k]) + " = " + address(k);
    write_text(config(i), text + more_tables);
  }
  write_text(client_config(), client);
}

void ThreeProcesses::start(std::size_t party) {
  const std::string name = names[party];
  programs_[party].emplace(std::vector<std::string>{"party", "--config", config(party).string()},
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
