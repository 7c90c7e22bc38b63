#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace blindsight::tests {

/// The shortest file of a party: server 0 on this machine. Its last table, [peers], is open, and ends with line 6.
inline const std::string good = R"(role = "server0"
listen = "127.0.0.1:7100"
data_dir = "run/server0"
[peers]
server1 = "127.0.0.1:7101"
crypto_producer = "127.0.0.1:7102"
)";

/// `text` with the first `from`, which it must hold, become `to`.
std::string replaced(std::string text, std::string_view from, std::string_view to);

/// What is wrong with the file of a party; empty when it is read.
std::vector<config::Problem> problems_of(const std::string& text);

/// Checks that `text` has one problem, which mentions all of `words` and stands in `line`.
void check_one(const std::string& text, std::size_t line, std::initializer_list<std::string_view> words);

}  // namespace blindsight::tests
