// A client that keeps several queries in flight: what `blindsight predict` does, without the pauses between images.
// For the benchmarks of scripts/bench.d.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "client/client.h"
#include "config/config.h"
#include "model/image/image.h"
#include "model/plan/plan.h"
#include "protocol/core/choice.h"

namespace {

using namespace blindsight;
using Clock = std::chrono::steady_clock;

struct Arguments {
  std::string config, plan, image, protocol = "blink";
  std::size_t in_flight = 1, count = 1;
  std::chrono::milliseconds pause{0};
};

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string line_of(const client::Answer& answer, double begin, double end) {
  return nlohmann::ordered_json{{"begin_s", begin},
                                {"end_s", end},
                                {"online_s", answer.report.online_s()},
                                {"offline_s", answer.report.offline_s()},
                                {"logits", answer.logits}}
      .dump();
}

int run(const Arguments& a) {
  const auto stop = [](const std::string& why) {
    std::fprintf(stderr, "many_queries: %s\n", why.c_str());
    return 2;
  };
  const auto config = config::load_client(a.config);
  if (!config) return stop(config.error().text());
  const auto choice = protocol::choice_of(a.protocol);
  if (!choice) return stop(choice.error().what);
  const auto plan = model::load_plan(a.plan);
  if (!plan) return stop(plan.error().what);
  const auto images = model::load_images(a.image, plan->preprocessing);
  if (!images) return stop(images.error().what);
  const auto encoded = model::encode_input(*plan, images->front().values);
  if (!encoded) return stop(encoded.error().what);

  auto model = client::Model::make(*choice, *plan);
  if (!model) return stop(model.error().what);

  client::Client client(*config);
  const auto epoch = Clock::now();
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  std::mutex output;
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < std::min(a.in_flight, a.count); ++t)
    threads.emplace_back([&] {
      while (!failed && next++ < a.count) {
        const double begin = since(epoch);
        const auto answer = client.predict(*model, *encoded);
        const double end = since(epoch);
        std::unique_lock lock(output);
        if (answer) {
          std::puts(line_of(*answer, begin, end).c_str());
          std::fflush(stdout);
        } else {
          failed = true;
          std::fprintf(stderr, "many_queries: %s\n", answer.error().what.c_str());
        }
        lock.unlock();
        std::this_thread::sleep_for(a.pause);
      }
    });
  threads.clear();
  return failed ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const char* const usage =
      "usage: many_queries --config client.toml --plan FILE.plan --image FILE [--protocol NAME] [--in-flight K]\n"
      "                    [--count N] [--pause-ms MS]\n\n"
      "Asks for the same image N times, K queries at a time, each of which follows MS after the one before. Prints\n"
      "for each answer, in the order of their coming, a line of JSON: begin_s and end_s (wall clock here, from\n"
      "sharing to the revealed logits), online_s, offline_s, logits.\n";
  Arguments a;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      std::fputs(usage, stdout);
      return 0;
    }
    const std::string value = i + 1 < argc ? argv[++i] : "";
    if (argument == "--config")
      a.config = value;
    else if (argument == "--plan")
      a.plan = value;
    else if (argument == "--image")
      a.image = value;
    else if (argument == "--protocol")
      a.protocol = value;
    else if (argument == "--in-flight")
      a.in_flight = std::strtoul(value.c_str(), nullptr, 10);
    else if (argument == "--count")
      a.count = std::strtoul(value.c_str(), nullptr, 10);
    else if (argument == "--pause-ms")
      a.pause = std::chrono::milliseconds(std::strtoul(value.c_str(), nullptr, 10));
    else
      a.count = 0;
  }
  if (a.config.empty() || a.plan.empty() || a.image.empty() || a.count == 0 || a.in_flight == 0) {
    std::fputs(usage, stderr);
    return 2;
  }
  return run(a);
}
