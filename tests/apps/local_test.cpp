#include <doctest/doctest.h>
#include <sys/types.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/apps/support/three_processes.h"

using namespace blindsight::tests;
namespace fs = std::filesystem;

namespace {

bool wait_for(const fs::path& file, const std::string& part) {
  for (int i = 0; i < 600; ++i) {
    if (read_text(file).find(part) != std::string::npos) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

/// The process whose command line ends with this configuration; 0 when there is none. One that has ended and waits for
/// its parent has no command line.
pid_t process_with(const fs::path& config) {
  for (const auto& entry : fs::directory_iterator("/proc")) {
    if (entry.path().filename().string().find_first_not_of("0123456789") != std::string::npos) continue;
    const auto line = read_text(entry.path() / "cmdline");
    if (line.find(std::string("--config") + '\0' + config.string() + '\0') != std::string::npos)
      return static_cast<pid_t>(std::stol(entry.path().filename()));
  }
  return 0;
}

}  // namespace

TEST_CASE("local: three parties with one command, a death is told, the interrupt ends all") {
  const TemporaryFolder folder;
  const auto dir = folder / "three";
  const auto out = folder / "out", err = folder / "err";
  Program local({"local", "--any-ports", "--dir", dir.string(), "--model", (zoo / "mnist-8.onnx").string(),
                 "--calibration", (zoo / "mnist-calibration.idx3-ubyte").string(), "--ready-fd", "3"},
                out, err);
  const auto told = nlohmann::json::parse(local.wait_until_ready());
  CHECK(told.at("model") == "mnist-8.onnx");
  const std::string client = told.at("client");
  CHECK(client == (dir / "client.toml").string());
  const auto digits = (zoo / "mnist-100.idx3-ubyte").string();
  CHECK(run({"predict", digits, "--config", client}).status == 0);
  CHECK(run({"doctor", "--config", client}).status == 0);

  const auto server1 = (dir / "server1.toml");
  const pid_t victim = process_with(server1);
  REQUIRE(victim > 0);
  ::kill(victim, SIGKILL);
  CHECK(wait_for(err, "server1 was ended by signal 9"));
  CHECK(wait_for(err, "blindsight party --config " + server1.string()));
  CHECK(local.running());

  REQUIRE(process_with(dir / "server0.toml") > 0);
  local.kill(SIGINT);
  CHECK(local.wait() == 0);
  CHECK(process_with(dir / "server0.toml") == 0);
}

TEST_CASE("local: its parties end with it even when it is killed") {
  const TemporaryFolder folder;
  const auto dir = folder / "three";
  Program local({"local", "--any-ports", "--dir", dir.string(), "--ready-fd", "3"}, folder / "out", folder / "err");
  REQUIRE_FALSE(local.wait_until_ready().empty());
  REQUIRE(process_with(dir / "server0.toml") > 0);
  local.kill(SIGKILL);
  local.wait();
  bool gone = false;
  for (int i = 0; i < 200 && !gone; ++i) {
    gone = process_with(dir / "server0.toml") == 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  CHECK(gone);
}

TEST_CASE("local: a port that somebody else's party has is told, though that party would answer") {
  ThreeProcesses others;
  others.start_all();
  const TemporaryFolder folder;
  const auto configs = folder / "configs";
  fs::create_directory(configs);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string name = ThreeProcesses::names[i];
    auto text = read_text(others.config(i));
    const auto home = (others.folder() / name).string();
    text.replace(text.find(home + '"'), home.size(), (folder / name).string());
    write_text(configs / (name + ".toml"), text);
  }
  write_text(configs / "client.toml", read_text(others.client_config()));
  others.deploy_digits();
  const auto outcome = run({"local", "--config-dir", configs.string(), "--dir", (folder / "logs").string()});
  CHECK(outcome.status == 2);
  // Whichever of the three was the first to end.
  bool named = false;
  for (std::size_t i = 0; i < 3; ++i)
    for (const auto port : {others.port(i), others.client_port(i)})
      named = named || outcome.err.find("127.0.0.1:" + std::to_string(port)) != std::string::npos;
  CHECK(named);
}

TEST_CASE("local: a model that cannot be used is told before anything is started") {
  const TemporaryFolder folder;
  write_text(folder / "bad.onnx", "not a model");
  const auto dir = folder / "three";
  const auto outcome = run({"local", "--dir", dir.string(), "--model", (folder / "bad.onnx").string()});
  CHECK(outcome.status == 2);
  CHECK(outcome.err.find("bad.onnx") != std::string::npos);
  CHECK_FALSE(fs::exists(dir));
}

TEST_CASE("local: writes the protocol that was asked for, and does not run files that say another") {
  const TemporaryFolder folder;
  const auto dir = folder / "three";
  CHECK(run({"local", "--dir", dir.string(), "--protocol", "rot13"}).status == 2);
  const auto choice = run({"local", "--dir", dir.string(), "--protocol", "plaintext", "--randomness", "sent"});
  CHECK(choice.status == 2);
  CHECK(choice.err.find("protocol plaintext has no such choice") != std::string::npos);
  CHECK_FALSE(fs::exists(dir));

  Program local({"local", "--any-ports", "--dir", dir.string(), "--protocol", "plaintext", "--ready-fd", "3"},
                folder / "out", folder / "err");
  REQUIRE_FALSE(local.wait_until_ready().empty());
  for (const char* name : ThreeProcesses::names)
    CHECK(read_text(dir / (std::string(name) + ".toml")).find("protocol = \"plaintext\"\n") != std::string::npos);
  CHECK(read_text(folder / "out").find("--protocol plaintext") != std::string::npos);
  const auto doctor = run({"doctor", "--config", (dir / "client.toml").string()});
  CHECK(doctor.out.find("plaintext") != std::string::npos);
  local.kill(SIGINT);
  CHECK(local.wait() == 0);

  const auto other = run({"local", "--dir", dir.string(), "--protocol", "blink"});
  CHECK(other.status == 2);
  CHECK(other.err.find("were there already and have protocol = \"plaintext\"") != std::string::npos);
  CHECK(run({"local", "--config-dir", dir.string(), "--protocol", "plaintext"}).status == 2);
}

TEST_CASE("local: files that were there already say by which protocol a way of dealing is judged") {
  const TemporaryFolder folder;
  const auto dir = folder / "three";
  const auto starts = [&](const std::vector<std::string>& more, const std::string& attempt) {
    std::vector<std::string> all = {"local", "--any-ports", "--dir", dir.string(), "--ready-fd", "3"};
    all.insert(all.end(), more.begin(), more.end());
    Program local(all, folder / (attempt + ".out"), folder / (attempt + ".err"));
    const bool up = !local.wait_until_ready().empty();
    local.kill(SIGINT);
    return local.wait() == 0 && up;
  };
  const auto none_yet = run({"local", "--dir", dir.string(), "--triples", "fresh"});
  CHECK(none_yet.status == 2);
  CHECK(none_yet.err.find("protocol blink has no such choice") != std::string::npos);
  REQUIRE(starts({"--protocol", "securenn/fresh"}, "first"));
  CHECK(read_text(dir / "server1.toml").find("protocol = \"securenn\"\ntriples = \"fresh\"\n") != std::string::npos);
  CHECK(starts({"--triples", "fresh"}, "again"));
  const auto other = run({"local", "--dir", dir.string(), "--triples", "reused"});
  CHECK(other.status == 2);
  CHECK(other.err.find("have triples = \"fresh\"") != std::string::npos);
}
