#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "tests/apps/support/three_processes.h"

using namespace blindsight::tests;
namespace fs = std::filesystem;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Waits until the party's log says `part`, for as long as a slow machine may need.
bool log_says(const ThreeProcesses& parties, std::size_t party, const std::string& part) {
  for (int i = 0; i < 300; ++i) {
    if (contains(parties.log(party), part)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

void replace_in(const fs::path& file, const std::string& from, const std::string& to) {
  auto text = read_text(file);
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  write_text(file, text.replace(at, from.size(), to));
}

}  // namespace

TEST_CASE("arguments that make no sense exit with 2 and say what does") {
  CHECK(run({}).status == 2);
  CHECK(run({"fly"}).status == 2);
  CHECK(run({"predict", "a.png"}).status == 2);
  CHECK(run({"party"}).status == 2);
  CHECK(contains(run({"party"}).err, "--config"));
  const auto protocol = run({"model", "inspect", (zoo / "mnist-8.onnx").string(), "--protocol", "rot13"});
  CHECK(protocol.status == 2);
  CHECK(contains(protocol.err, "blink"));
}

TEST_CASE("help and version exit with 0 and go to standard output") {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--help"}, {"predict", "--help"}, {"model", "check", "--help"}, {"local", "--help"}}) {
    const auto outcome = run(arguments);
    CHECK(outcome.status == 0);
    CHECK(contains(outcome.out, "Example"));
    CHECK(outcome.err.empty());
  }
  for (const char* command : {"compile", "check", "inspect", "deploy", "prune"}) {
    const auto help = run({"model", command, "--help"}).out;
    CHECK(std::none_of(help.begin(), help.end(), [](char c) { return c >= 0 && c < ' ' && c != '\n' && c != '\t'; }));
  }
  CHECK(contains(run({"--version"}).out, "blindsight "));
  CHECK(contains(run({"party", "--help-config"}).out, "preprocessing.depth"));
}

TEST_CASE("a result that could not be written is no success") {
  const TemporaryFolder folder;
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"model", "inspect", (zoo / "mnist-8.onnx").string(), "--json"}, {"--help"}}) {
    Program program(arguments, "/dev/full", folder / "err");
    CHECK(program.wait() == 1);
  }
  CHECK(contains(read_text(folder / "err"), "cannot write to standard output"));
}

TEST_CASE("a configuration with an unknown key and a wrong type: both are told, with their lines") {
  const ThreeProcesses parties;
  replace_in(parties.config(0), "role = ", "colour = \"blue\"\nrole = ");
  write_text(parties.config(0), read_text(parties.config(0)) + "\n[limits]\nmax_queries = \"many\"\n");
  const auto outcome = run({"party", "--config", parties.config(0).string()});
  CHECK(outcome.status == 2);
  CHECK(contains(outcome.err, "2 problems"));
  CHECK(contains(outcome.err, "server0.toml:1:"));
  CHECK(contains(outcome.err, "colour"));
  CHECK(contains(outcome.err, "max_queries"));
  CHECK(contains(outcome.err, "integer"));

  replace_in(parties.client_config(), "server0", "sever0");
  const auto client = run({"doctor", "--config", parties.client_config().string()});
  CHECK(client.status == 2);
  CHECK(contains(client.err, "sever0"));
}

TEST_CASE("a port in use is named, for the party and for its metrics") {
  ThreeProcesses first;
  first.start(0);
  REQUIRE(log_says(first, 0, "listens on"));
  const auto taken_port = std::to_string(first.port(0));
  const ThreeProcesses second;
  replace_in(second.config(1), std::to_string(second.port(1)), taken_port);
  const auto taken = run({"party", "--config", second.config(1).string()});
  CHECK(taken.status == 2);
  CHECK(contains(taken.err, taken_port));
  CHECK(contains(taken.err, "in use"));

  write_text(second.config(2),
             read_text(second.config(2)) + "\n[metrics]\nlisten = \"127.0.0.1:" + taken_port + "\"\n");
  const auto metrics = run({"party", "--config", second.config(2).string()});
  CHECK(metrics.status == 2);
  CHECK(contains(metrics.err, "in use"));
  CHECK(contains(metrics.err, "metrics"));
}

TEST_CASE("a party off the loopback interface wants plaintext links to be allowed") {
  const ThreeProcesses parties;
  replace_in(parties.config(0), "127.0.0.1", "0.0.0.0");
  const auto outcome = run({"party", "--config", parties.config(0).string()});
  CHECK(outcome.status == 2);
  CHECK(contains(outcome.err, "insecure_plaintext_links"));
}

TEST_CASE("two parties with the same role are told so, and the first keeps running") {
  ThreeProcesses parties;
  // A second server 1 at the crypto producer's place: server 0 hears from two of them.
  auto text = read_text(parties.config(1));
  const auto second = parties.folder() / "second.toml";
  text.replace(text.find("127.0.0.1:" + std::to_string(parties.port(1))), 15,
               "127.0.0.1:" + std::to_string(free_ports(1).front()));
  text.replace(text.find("server1\"\n", text.find("data_dir")), 9, "second\"\n");
  write_text(second, text);
  parties.start(0);
  parties.start(1);
  REQUIRE(log_says(parties, 1, "listens on"));
  Program other({"party", "--config", second.string()}, parties.folder() / "second.out",
                parties.folder() / "second.log");
  bool said = false;
  for (int i = 0; i < 300 && !said; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    said = contains(parties.log(0) + parties.log(1) + read_text(parties.folder() / "second.log"), "same role");
  }
  CHECK(said);
  CHECK(parties.party(0).running());
}

TEST_CASE("a peer that is not there: the party keeps trying and says so, the client names it") {
  ThreeProcesses parties;
  parties.start(1);
  CHECK(log_says(parties, 1, "keeps trying"));
  CHECK(parties.party(1).running());
  const auto outcome = parties.predict({(zoo / "mnist-100.idx3-ubyte").string()});
  CHECK(outcome.status == 1);
  CHECK(contains(outcome.err, "server0"));
  const auto doctor = run({"doctor", "--config", parties.client_config().string()});
  CHECK(doctor.status == 1);
  CHECK(contains(doctor.out, "FAIL"));
  CHECK(contains(doctor.out, "crypto_producer: reachable"));

  // In whatever order: when the others come, all is well.
  parties.start(2);
  parties.start(0);
  parties.deploy_digits();
  CHECK(run({"doctor", "--config", parties.client_config().string()}).status == 0);
  CHECK(run({"doctor", "--config", parties.config(2).string()}).status == 0);
}

TEST_CASE("images: no image, another size, a wrong array") {
  ThreeProcesses parties;
  parties.start_all();
  const auto plan = parties.deploy_digits();
  const auto text_file = parties.folder() / "letter.png";
  write_text(text_file, "Dear Sir or Madam");
  const auto no_image = parties.predict({text_file.string()});
  CHECK(no_image.status == 2);
  CHECK(contains(no_image.err, "letter.png"));
  CHECK(no_image.out.empty());

  const auto missing = parties.predict({(parties.folder() / "gone.png").string()});
  CHECK(missing.status == 2);
  CHECK(contains(missing.err, "gone.png"));

  const auto array = parties.predict({(zoo / "images/skin_cancer_image.npy").string()});
  CHECK(array.status == 2);
  CHECK(contains(array.err, "200"));
  CHECK(contains(array.err, "28"));

  // An array is taken as it is: this one is beyond what the plan's input can be.
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 28, 28), }";
  header.resize(117, ' ');
  std::string far = std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + '\n';
  for (int i = 0; i < 28 * 28; ++i) far += std::string("\x00\x00\x7a\x47", 4);  // 64000
  write_text(parties.folder() / "far.npy", far);
  const auto outside = parties.predict({(parties.folder() / "far.npy").string()});
  CHECK(outside.status == 2);
  CHECK(contains(outside.err, "far.npy"));

  // 256×256 photos: resized, and said once for all of them.
  const auto resized = parties.predict({(zoo / "images/benign").string(), "--json"});
  CHECK(resized.status == 0);
  CHECK(contains(resized.err, "256×256"));
  CHECK(resized.err.find("resized") == resized.err.rfind("resized"));
}

TEST_CASE("models: truncated, with an unknown ending, of another version, for another network") {
  const TemporaryFolder folder;
  const auto whole = read_text(zoo / "mnist-8.onnx");
  const auto cut = folder / "cut.onnx";
  for (const std::size_t length : {std::size_t{0}, std::size_t{100}, whole.size() / 2, whole.size() - 1}) {
    CAPTURE(length);
    write_text(cut, whole.substr(0, length));
    const auto outcome = run({"model", "inspect", cut.string()});
    CHECK(outcome.status == 2);
    CHECK(contains(outcome.err, "cut.onnx"));
    CHECK(outcome.out.empty());
  }
  const auto ending = run({"model", "inspect", (zoo / "README.md").string()});
  CHECK(ending.status == 2);
  CHECK(contains(ending.err, ".onnx"));

  const auto plan = compile_digits(folder.path());
  const auto bytes = read_text(plan);
  write_text(folder / "cut.plan", bytes.substr(0, bytes.size() / 2));
  const auto cut_plan = run({"model", "inspect", (folder / "cut.plan").string()});
  CHECK(cut_plan.status == 2);
  CHECK(contains(cut_plan.err, "cut.plan"));

  const auto no_calibration =
      run({"model", "check", (zoo / "mnist-8.onnx").string(), "--images", (zoo / "mnist-100.idx3-ubyte").string()});
  CHECK(no_calibration.status == 2);
  CHECK(contains(no_calibration.err, "--calibration"));

  const auto other = run({"model", "check", (zoo / "skin-vgg16-avgpool-v2-int8.onnx").string(), "--plan", plan.string(),
                          "--images", (zoo / "images").string()});
  CHECK(other.status == 2);
  CHECK(contains(other.err, "was not compiled from"));
}

TEST_CASE("a plan for another version of the model is refused, and the next query works") {
  ThreeProcesses parties;
  parties.start_all();
  parties.deploy_digits();
  const auto other = parties.folder() / "other.plan";
  REQUIRE(run({"model", "compile", (zoo / "mnist-8.onnx").string(), "--calibration",
               (zoo / "mnist-calibration.idx3-ubyte").string(), "--headroom-bits", "2", "-o", other.string()})
              .status == 0);
  const auto digits = (zoo / "mnist-100.idx3-ubyte").string();
  const auto outcome = parties.predict({digits, "--plan", other.string()});
  CHECK(outcome.status == 1);
  CHECK(contains(outcome.err, "plan"));
  CHECK(parties.predict({digits}).status == 0);
}

TEST_CASE("a client takes the servers' protocol, but never one that hides nothing, nor another than it was told") {
  ThreeProcesses parties("protocol = \"plaintext\"\n");
  parties.start_all();
  const auto plan = compile_digits(parties.folder().path());
  const auto config = parties.client_config().string();
  const auto deploy = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = {"model", "deploy", plan.string(), "--config", config};
    all.insert(all.end(), more.begin(), more.end());
    return run(all);
  };
  Outcome outcome;
  for (int i = 0; i < 100 && !contains(outcome.err, "plaintext"); ++i) {
    outcome = deploy({});
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  CHECK(outcome.status == 2);
  CHECK(contains(outcome.err, "computes by 'plaintext'"));
  CHECK(contains(outcome.err, "add --protocol plaintext"));
  const auto other = deploy({"--protocol", "blink"});
  CHECK(other.status == 2);
  CHECK(contains(other.err, "computes by 'plaintext', this command by 'blink'"));
  const auto dealt = deploy({"--protocol", "securenn/fresh"});
  CHECK(dealt.status == 2);
  CHECK(contains(dealt.err, "computes by 'plaintext', this command by 'securenn/fresh'"));
  REQUIRE(log_says(parties, 0, "session"));
  for (int i = 0; i < 100 && outcome.status != 0; ++i) {
    outcome = deploy({"--protocol", "plaintext"});
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  CHECK(outcome.status == 0);
  const auto digits = (zoo / "mnist-100.idx3-ubyte").string();
  const auto shown = parties.predict({digits});
  CHECK(shown.status == 2);
  CHECK(contains(shown.err, "add --protocol plaintext"));
  CHECK(parties.predict({digits, "--protocol", "plaintext"}).status == 0);
  CHECK(parties.predict({digits, "--protocol", "rot13"}).status == 2);
  const auto doctor = run({"doctor", "--config", config});
  CHECK(contains(doctor.out, "it protects nothing"));
}

TEST_CASE("servers that compute differently are not asked for a prediction") {
  ThreeProcesses parties;
  replace_in(parties.config(1), "role = ", "protocol = \"plaintext\"\nrole = ");
  parties.start_all();
  const auto digits = (zoo / "mnist-100.idx3-ubyte").string();
  Outcome outcome;
  for (int i = 0; i < 100 && !contains(outcome.err, "alike"); ++i) {
    outcome = parties.predict({digits});
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  CHECK(outcome.status == 2);
  CHECK(contains(outcome.err, "do not compute alike: by 'blink' and 'plaintext'"));
  Outcome doctor;
  for (int i = 0; i < 100 && !contains(doctor.out, "crypto_producer: blink"); ++i) {
    doctor = run({"doctor", "--config", parties.client_config().string()});
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  CHECK(doctor.status == 1);
  CHECK(contains(doctor.out, "server0: blink; server1: plaintext; crypto_producer: blink"));
  CHECK(contains(doctor.out, "use one at all three"));
}

TEST_CASE("widths beyond the default protocol's are for the protocol that is named, with a note, or refused by it") {
  const auto inspect = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = {"model", "inspect", (zoo / "mnist-8.onnx").string()};
    all.insert(all.end(), more.begin(), more.end());
    return run(all);
  };
  const auto usual = inspect({"--activation-bits", "18"});
  CHECK(usual.status == 2);
  CHECK(contains(usual.err, "protocol blink: layer 'Convolution28': needs a linear ring of 33 bits (f 12, A 18, M 1)"));
  const auto wide = inspect({"--activation-bits", "18", "--protocol", "securenn"});
  CHECK(wide.status == 0);
  CHECK(contains(wide.err, "note: the plan is for securenn alone: protocol blink: layer 'Convolution28'"));
  const auto wider = inspect({"--activation-bits", "20", "--protocol", "securenn"});
  CHECK(wider.status == 2);
  CHECK(contains(wider.err, "protocol securenn: layer 'Convolution28'"));
  const auto both = inspect({"--protocol", "securenn"});
  CHECK(both.status == 0);
  CHECK_FALSE(contains(both.err, "note: the plan is for"));
}

TEST_CASE("a choice of dealing that the protocol does not have is refused, in a file and on the command line") {
  const ThreeProcesses parties("triples = \"fresh\"\nrandomness = \"sent\"\n");
  const auto party = run({"party", "--config", parties.config(2).string()});
  CHECK(party.status == 2);
  CHECK(contains(party.err, "protocol blink has no such choice: `triples` = \"fresh\" and `randomness` = \"sent\""));
  const auto inspect = run({"model", "inspect", (zoo / "mnist-8.onnx").string(), "--triples", "fresh"});
  CHECK(inspect.status == 2);
  CHECK(contains(inspect.err, "protocol blink"));
  CHECK(run({"model", "inspect", (zoo / "mnist-8.onnx").string(), "--triples", "stale"}).status == 2);
  const auto inspected = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = {"model", "inspect", (zoo / "mnist-8.onnx").string(), "--json"};
    all.insert(all.end(), more.begin(), more.end());
    return run(all);
  };
  const auto spelled = inspected({"--protocol", "securenn/fresh/sent"});
  CHECK(spelled.status == 0);
  CHECK(spelled.out == inspected({"--protocol", "securenn", "--triples", "fresh", "--randomness", "sent"}).out);
  CHECK(spelled.out != inspected({"--protocol", "securenn/fresh"}).out);
  CHECK(inspected({"--protocol", "securenn/fresh", "--randomness", "sent"}).out == spelled.out);
  const auto twice = inspected({"--protocol", "securenn/fresh", "--triples", "reused"});
  CHECK(twice.status == 2);
  CHECK(contains(twice.err, "--protocol says fresh, and --triples says reused"));
  const auto stale = inspected({"--protocol", "securenn/stale"});
  CHECK(stale.status == 2);
  CHECK(contains(stale.err, "'stale' is no way of dealing; there are: reused, fresh"));
  replace_in(parties.config(1), "role = ", "protocol = \"securenn/fresh\"\nrole = ");
  const auto in_file = run({"party", "--config", parties.config(1).string()});
  CHECK(in_file.status == 2);
  CHECK(contains(in_file.err, "say how it deals by the keys `triples` and `randomness`"));
  replace_in(parties.config(2), "\"fresh\"", "\"once\"");
  const auto unknown = run({"party", "--config", parties.config(2).string()});
  CHECK(unknown.status == 2);
  CHECK(contains(unknown.err, "crypto_producer.toml:4: triples"));
}
