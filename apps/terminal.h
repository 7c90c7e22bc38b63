#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/core/numbers.h"

namespace blindsight::apps {

/// A bar on standard error while it lives, on a terminal only; elsewhere it prints nothing.
class ProgressBar {
 public:
  explicit ProgressBar(std::string what);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void show(std::size_t done, std::size_t total);
  /// Takes the bar away so that something else can be printed; the next show() draws it again.
  void clear();
  /// show(), as the callbacks of the floors below want it.
  std::function<void(std::size_t, std::size_t)> callback();

 private:
  std::string what_;
  bool terminal_, drawn_ = false;
  int last_permille_ = -1;
};

/// Columns as wide as their widest cell, two spaces apart. Widths count characters of UTF-8, not bytes. The heads are
/// left out when all are empty.
class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string head;
    Align align = Align::right;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// As many cells as columns.
  void row(std::vector<std::string> cells);
  /// A line across before the next row.
  void rule();
  void print(std::ostream& out, std::string_view indent = "") const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;  ///< an empty row is a rule
};

using protocol::counted;
using protocol::fixed;
using protocol::human_bytes;
using protocol::human_count;
using protocol::human_seconds;
using protocol::percent;

/// A name that fits a table's cell.
std::string in_cell(const std::string& name);
}  // namespace blindsight::apps
