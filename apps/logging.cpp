#include "apps/logging.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "apps/failure.h"
#include "protocol/core/text.h"

namespace blindsight::apps {
namespace {

/// Characters of a line, at most.
constexpr std::size_t longest_line = 2000;

/// The text of a line. Parts of it come from strangers: it stays one line, and says nothing to a terminal.
class PrintableText : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& to) override {
    const std::string text = protocol::printable({message.payload.data(), message.payload.size()}, longest_line);
    to.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<PrintableText>(); }
};

void install(spdlog::sink_ptr sink, spdlog::level::level_enum level) {
  auto logger = std::make_shared<spdlog::logger>("blindsight", std::move(sink));
  logger->set_level(level);
  logger->flush_on(spdlog::level::debug);
  auto pattern = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  pattern->add_flag<PrintableText>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %*");
  logger->set_formatter(std::move(pattern));
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
      throw Failure(Exit::usage, "the log file of key `log.file` cannot be written: " + std::string(error.what()));
    }
  }
  install(std::move(sink), spdlog::level::from_str(log.level));
}

void start_logging_for_clients() {
  install(std::make_shared<spdlog::sinks::stderr_color_sink_mt>(), spdlog::level::warn);
}

}  // namespace blindsight::apps
