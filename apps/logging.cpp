#include "apps/logging.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/dist_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <vector>

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

std::unique_ptr<spdlog::formatter> line_formatter() {
  auto pattern = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  pattern->add_flag<PrintableText>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %*");
  return pattern;
}

using Outlet = spdlog::sinks::dist_sink_mt;

/// Every line goes through one outlet, behind which another file can be put while threads write. That the logger of all
/// threads is another from one line to the next, spdlog does not allow.
void install(spdlog::sink_ptr sink, spdlog::level::level_enum level) {
  auto logger = std::make_shared<spdlog::logger>(
      "blindsight", std::make_shared<Outlet>(std::vector<spdlog::sink_ptr>{std::move(sink)}));
  logger->set_level(level);
  logger->flush_on(spdlog::level::debug);
  logger->set_formatter(line_formatter());
  spdlog::set_default_logger(std::move(logger));
}

protocol::Result<spdlog::sink_ptr> sink_for(const config::PartyConfig::Log& log) {
  if (log.file.empty()) return std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  try {
    return std::make_shared<spdlog::sinks::basic_file_sink_mt>(log.file.string());
  } catch (const spdlog::spdlog_ex& error) {
    return protocol::fail(protocol::Fault::usage, "the log file of key `log.file` cannot be written: " +
                                                      protocol::printable(error.what(), longest_line));
  }
}

}  // namespace

void start_logging(const config::PartyConfig::Log& log) {
  install(value_of(sink_for(log)), spdlog::level::from_str(log.level));
}

protocol::Result<void> reopen_log(const config::PartyConfig::Log& log) {
  auto sink = sink_for(log);
  if (!sink) return tl::unexpected(sink.error());
  (*sink)->set_formatter(line_formatter());
  const auto logger = spdlog::default_logger();
  const auto outlet = std::dynamic_pointer_cast<Outlet>(logger->sinks().front());
  outlet->set_sinks({std::move(*sink)});
  logger->set_level(spdlog::level::from_str(log.level));
  return {};
}

void start_logging_for_clients() {
  install(std::make_shared<spdlog::sinks::stderr_color_sink_mt>(), spdlog::level::warn);
}

}  // namespace blindsight::apps
