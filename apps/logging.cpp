#include "apps/logging.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "apps/failure.h"

namespace blindsight::apps {
namespace {

void install(spdlog::sink_ptr sink, spdlog::level::level_enum level) {
  auto logger = std::make_shared<spdlog::logger>("blindsight", std::move(sink));
  logger->set_level(level);
  logger->flush_on(spdlog::level::debug);
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace

void start_logging(const config::PartyConfig::Log& log) {
  spdlog::sink_ptr sink;
  if (log.file.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  } else {
    try {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(log.file.string());
    } catch (const spdlog::spdlog_ex& error) {
      throw Failure(Exit::mend, "the log file of key `log.file` cannot be written: " + std::string(error.what()));
    }
  }
  install(std::move(sink), spdlog::level::from_str(log.level));
}

void start_logging_for_clients() {
  install(std::make_shared<spdlog::sinks::stderr_color_sink_mt>(), spdlog::level::warn);
}

}  // namespace blindsight::apps
