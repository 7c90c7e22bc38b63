#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

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

/// "1.23 MB": powers of ten, three digits.
std::string human_bytes(std::uint64_t bytes);
/// "1.23 G", without unit.
std::string human_count(std::uint64_t count);
/// "1.23 s", "45.6 ms".
std::string human_seconds(double seconds);
/// "1 image", "2 images". `several`: where that is not `thing` with an s.
std::string counted(std::size_t count, const std::string& thing, const std::string& several = {});
/// A name that fits a table's cell.
std::string in_cell(const std::string& name);
/// "12.5 %" of a share, with as many digits as it has; or with `digits` after the point.
std::string percent(double share);
std::string percent(double share, int digits);
/// `digits` after the point.
std::string fixed(double value, int digits);

}  // namespace blindsight::apps
