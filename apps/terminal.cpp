#include "apps/terminal.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "protocol/core/text.h"

namespace blindsight::apps {
namespace {

constexpr std::size_t bar_width = 30;

bool error_is_terminal() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

ProgressBar::ProgressBar(std::string what) : what_(std::move(what)), terminal_(error_is_terminal()) {}

ProgressBar::~ProgressBar() {
  clear();
}

void ProgressBar::show(std::size_t done, std::size_t total) {
  if (!terminal_ || total == 0) return;
  const int permille = static_cast<int>(1000 * done / total);
  if (drawn_ && permille == last_permille_) return;
  last_permille_ = permille;
  drawn_ = true;
  const std::size_t filled = std::min(bar_width, bar_width * done / total);
  std::cerr << "\r\033[K[" << std::string(filled, '#') << std::string(bar_width - filled, ' ') << "] " << done << '/'
            << total << ' ' << what_ << std::flush;
}

void ProgressBar::clear() {
  if (drawn_) std::cerr << "\r\033[K" << std::flush;
  drawn_ = false;
}

std::function<void(std::size_t, std::size_t)> ProgressBar::callback() {
  return [this](std::size_t done, std::size_t total) { show(done, total); };
}

void Table::row(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

void Table::rule() {
  rows_.emplace_back();
}

void Table::print(std::ostream& out, std::string_view indent) const {
  std::vector<std::size_t> widths;
  for (const auto& column : columns_) widths.push_back(characters(column.head));
  for (const auto& cells : rows_)
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], characters(cells[i]));
  std::size_t across = widths.empty() ? 0 : 2 * (widths.size() - 1);
  for (const std::size_t width : widths) across += width;

  auto print_row = [&](auto&& cell) {
    std::string line(indent);
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string& text = cell(i);
      const std::string space(widths[i] - characters(text), ' ');
      if (i > 0) line += "  ";
      line += columns_[i].align == Align::right ? space + text : text + space;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  };
  if (std::ranges::any_of(columns_, [](const Column& column) { return !column.head.empty(); }))
    print_row([&](std::size_t i) -> const std::string& { return columns_[i].head; });
  for (const auto& cells : rows_) {
    if (cells.empty())
      out << indent << std::string(across, '-') << '\n';
    else
      print_row([&](std::size_t i) -> const std::string& { return cells[i]; });
  }
}

std::string in_cell(const std::string& name) {
  constexpr std::size_t widest = 40;
  return protocol::printable(name, widest);
}

}  // namespace blindsight::apps
