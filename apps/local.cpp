#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <thread>

#include "actors/engine/memory.h"
#include "apps/child.h"
#include "apps/commands.h"
#include "apps/compile_flags.h"
#include "apps/configs.h"
#include "apps/local_files.h"
#include "apps/protocols.h"
#include "apps/query.h"
#include "apps/readiness.h"
#include "apps/stop_signals.h"
#include "apps/terminal.h"
#include "client/client.h"
#include "protocol/core/text.h"

namespace blindsight::apps {
namespace {

namespace fs = std::filesystem;
using protocol::in_quotes;
using std::chrono::milliseconds;

constexpr milliseconds look_every{100}, look_for_ready_every{20};
constexpr std::size_t log_lines_shown = 5;
constexpr auto start_patience = std::chrono::seconds(30);

struct Arguments {
  fs::path model, weights, dir = "blindsight-local", config_dir;
  bool any_ports = false;
  int ready_descriptor = -1;
  std::string protocol;
  DealingFlags dealing;
  CompileFlags compile;
};

/// What was written to a file after its first `skip` bytes.
std::string text_after(const fs::path& file, std::uintmax_t skip) {
  std::ifstream in(file);
  in.seekg(static_cast<std::streamoff>(skip));
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The last lines of a text, indented.
std::string last_lines(const std::string& text, std::size_t count) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(std::move(line));
  std::string last;
  for (std::size_t i = lines.size() > count ? lines.size() - count : 0; i < lines.size(); ++i)
    last += "    " + lines[i] + '\n';
  return last;
}

class Local {
 public:
  explicit Local(const Arguments& a) : a_(a), ready_(a.ready_descriptor), named_(named(a.protocol, a.dealing)) {
    signals_.on_signal([this] { stop_ = true; });
    // Files that are there already say the protocol where the command line does not.
    if (named_.protocol != nullptr || (a.config_dir.empty() && !fs::exists(a.dir / "server0.toml")))
      (void)named_.choice();
    // A model that cannot be used is told before anything is started.
    if (!a.model.empty())
      compiled_ = load_or_compile(a.model, a.weights, a.compile, named_.protocol, calibrated_);
    else
      refuse_compile_flags(a.compile, "no --model is named");
    configs_ = a.config_dir;
    if (configs_.empty()) {
      write_local_configs(a.dir, a.any_ports ? free_ports() : LocalPorts{}, chosen_keys());
      configs_ = a.dir;
    }
    logs_ = a.dir / "logs";
    std::error_code error;
    fs::create_directories(logs_, error);
    if (error)
      throw Failure(Exit::usage, "cannot make the folder " + in_quotes(logs_.string()) + ": " + error.message());
    std::vector<config::PartyConfig> parties;
    parties.reserve(party_names.size());
    for (const auto* name : party_names) parties.push_back(read_party_config(configs_ / (std::string(name) + ".toml")));
    std::string problems;
    for (const auto& problem : config::check_together(parties)) problems += "\n  " + problem;
    if (!problems.empty())
      throw Failure(Exit::usage, "the three files in " + in_quotes(configs_.string()) + " do not fit:" + problems);
    check_chosen(parties);
    const auto choice = value_of(choice_in(parties.front()));
    protocol_ = choice.protocol;
    if (compiled_) {
      bound_ = value_of(choice.bind(compiled_->plan.network));
      check_memory(parties);
    }
    client_.emplace(read_client_config(configs_ / "client.toml"));
  }

  Exit run() {
    for (const auto* name : party_names) start(name);
    if (!wait_until_ready()) return finished();
    if (compiled_) {
      const auto served = deploy(*client_, *bound_.clients, compiled_->plan, compiled_->weights, {}, [this] {
        report_deaths();
        return stop_ || !all_run();
      });
      if (stop_) return finished();
      value_of(served);
    }
    say_what_next();
    ready_.tell(what_serves());
    while (!stop_) {
      std::this_thread::sleep_for(look_every);
      report_deaths();
      if (std::ranges::none_of(children_, &Child::running)) {
        std::cerr << "blindsight: no party runs any more\n";
        return Exit::failed;
      }
    }
    return finished();
  }

 private:
  /// What the command line says about how to compute, by key.
  std::array<std::pair<const char*, std::string>, 3> chosen() const {
    return {{{"protocol", std::string(named_.protocol == nullptr ? "" : named_.protocol->name)},
             {"triples", named_.triples},
             {"randomness", named_.randomness}}};
  }

  std::string chosen_keys() const {
    std::string lines;
    for (const auto& [key, value] : chosen())
      if (!value.empty()) lines += std::string(key) + " = \"" + value + "\"\n";
    return lines;
  }

  /// Files that were there already are kept, and may say otherwise.
  void check_chosen(const std::vector<config::PartyConfig>& parties) const {
    const auto& p = parties.front();
    const std::array in_file = {p.protocol, p.triples, p.randomness};
    for (std::size_t i = 0; i < in_file.size(); ++i) {
      const auto [key, value] = chosen()[i];
      if (!value.empty() && value != in_file[i])
        throw Failure(Exit::usage, "the files in " + in_quotes(configs_.string()) + " were there already and have " +
                                       key + " = \"" + in_file[i] +
                                       "\": remove them, use another --dir, or leave out --" + key + " " + value);
    }
  }

  fs::path log_of(const std::string& name) const { return logs_ / (name + ".log"); }

  std::string command_of(const std::string& name) const {
    return "blindsight party --config " + (configs_ / (name + ".toml")).string();
  }

  void start(const std::string& name) {
    std::error_code none_yet;
    const auto size = fs::file_size(log_of(name), none_yet);
    log_sizes_[name] = none_yet ? 0 : size;
    children_.push_back(
        Child::start(name,
                     {this_program().string(), "party", "--config", (configs_ / (name + ".toml")).string(),
                      "--ready-fd", std::to_string(Child::ready_descriptor)},
                     log_of(name)));
  }

  Exit finished() {
    std::cout << "stopping\n";
    for (const auto& child : children_) child.terminate();
    children_.clear();
    return calibrated_;
  }

  /// All three take from one machine.
  void check_memory(const std::vector<config::PartyConfig>& parties) const {
    std::uint64_t needed = 0;
    std::string parts;
    for (const auto& party : parties) {
      const bool server = party.role != config::Role::crypto_producer;
      const auto estimate = actors::estimate_memory(party, bound_);
      const std::uint64_t packs = server ? party.preprocessing.depth : 0;
      needed += estimate.peak(packs, estimate.answers);
      parts += "\n  " + std::string(config::name(party.role)) + ": " + actors::describe(estimate, party, packs);
    }
    std::cout << "memory of the three parties with this model:" << parts << std::endl;
    if (const auto available = actors::memory_for_this_process(); needed > available)
      throw Failure(Exit::usage, "the three parties need " + human_bytes(needed) +
                                     " of memory with this model, and this machine has " + human_bytes(available) +
                                     " available: end what else runs, use a larger machine, or lower the key "
                                     "preprocessing.depth in the files of --config-dir");
  }

  bool all_run() const { return std::ranges::all_of(children_, &Child::running); }

  /// What the party has logged since it was started.
  std::string said(const std::string& name) const { return text_after(log_of(name), log_sizes_.at(name)); }

  /// Until each has told that it listens: another one that already listens there would answer a client just as well.
  /// False when the user does not want to wait any longer.
  bool wait_until_ready() {
    const auto deadline = std::chrono::steady_clock::now() + start_patience;
    while (!std::ranges::all_of(children_, &Child::ready)) {
      if (stop_) return false;
      for (auto& child : children_)
        if (const auto how = child.ended())
          throw Failure(Exit::usage,
                        child.name() + " " + *how + ":\n" + last_lines(said(child.name()), log_lines_shown));
      if (std::chrono::steady_clock::now() > deadline)
        throw Failure(Exit::failed, "the parties do not get ready; see " + logs_.string());
      std::this_thread::sleep_for(look_for_ready_every);
    }
    return true;
  }

  void report_deaths() {
    for (auto& child : children_)
      if (const auto how = child.ended())
        std::cerr << "blindsight: " << child.name() << ' ' << *how
                  << "; the others wait for it. Start it again with\n    " << command_of(child.name())
                  << "\n  The end of its log, " << log_of(child.name()).string() << ":\n"
                  << last_lines(said(child.name()), log_lines_shown) << std::flush;
  }

  nlohmann::ordered_json what_serves() const {
    nlohmann::ordered_json all = {{"client", (configs_ / "client.toml").string()}};
    if (compiled_) all["model"] = compiled_->plan.model_name;
    return all;
  }

  void say_what_next() const {
    // What hides nothing must be named by whoever asks.
    const auto client =
        (configs_ / "client.toml").string() + (protocol_->hides ? "" : " --protocol " + std::string(protocol_->name));
    std::cout << "three parties run on this machine; logs in " << logs_.string() << '\n';
    if (compiled_)
      std::cout << "they serve " << compiled_->plan.model_name
                << "; predict with\n    blindsight predict IMAGE --config " << client << '\n';
    else
      std::cout << "bring them a model with\n    blindsight model deploy FILE.onnx --calibration DIR --config "
                << client << "\nthen predict with\n    blindsight predict IMAGE --config " << client << '\n';
    std::cout << "Ctrl-C ends all three" << std::endl;
  }

  const Arguments& a_;
  ReadyLine ready_;
  const Named named_;
  std::atomic<bool> stop_ = false;
  StopSignals signals_;
  std::optional<model::Compiled> compiled_;
  Exit calibrated_ = Exit::ok;  ///< how the reading of the calibration's pictures went
  fs::path configs_, logs_;
  const protocol::Protocol* protocol_ = nullptr;
  protocol::Bound bound_{};  ///< to the model that is brought, if one is
  std::optional<client::Client> client_;
  std::map<std::string, std::uintmax_t> log_sizes_;  ///< when the party was started
  std::vector<Child> children_;
};

}  // namespace

void add_local(CLI::App& app, Exit& status) {
  auto a = std::make_shared<Arguments>();
  auto* command = app.add_subcommand("local", "Run all three parties on this machine, to try things out");
  command->add_option("--model", a->model, "Bring this model to them: a plan, or a trained model to compile now")
      ->type_name("FILE");
  command->add_option("--weights", a->weights, "The plan's weights (default: NAME.weights beside NAME.plan)")
      ->type_name("FILE");
  command->add_option("--dir", a->dir, "Folder for configuration, logs and shares")
      ->capture_default_str()
      ->type_name("DIR");
  auto* config_dir = command
                         ->add_option("--config-dir", a->config_dir,
                                      "Use the .toml files of this folder instead of writing some into --dir")
                         ->type_name("DIR");
  command->add_flag("--any-ports", a->any_ports,
                    "Choose free ports when the files are written, instead of 7100 and 7101 for parties, 7110-7112 for "
                    "clients, 9100-9102 for metrics");
  add_ready_flag(*command, a->ready_descriptor,
                 "once the three listen and serve the model named: the client's configuration, and the model");
  add_optional_protocol_flag(*command, a->protocol, std::string(protocol::default_protocol().name))
      ->excludes(config_dir);
  add_dealing_flags(*command, a->dealing);
  for (const char* flag : {"--triples", "--randomness"}) command->get_option(flag)->excludes(config_dir);
  add_compile_flags(*command, a->compile);
  command->footer(
      "One machine that runs all three can put the shares together: this protects nobody, it only shows how it "
      "works.\n\n"
      "Example:\n  blindsight local --model model/zoo/mnist-8.onnx --calibration digits/");
  command->callback([a, &status] { status = Local(*a).run(); });
}

}  // namespace blindsight::apps
