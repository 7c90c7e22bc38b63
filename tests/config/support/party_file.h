#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace blindsight::tests {

/// Pins of keys that nobody has.
inline const std::string a_pin = config::pin_text({1}), another_pin = config::pin_text({2}),
                         third_pin = config::pin_text({3});

/// The shortest file of a party: server 1 on this machine. Its last table, [peers], is open, and ends with line 8.
inline const std::string good = R"(role = "server1"
listen = { parties = "127.0.0.1:7100", clients = "127.0.0.1:7110" }
data_dir = "run/server1"
key = "run/server1.key"
pins = { server0 = ")" + a_pin + R"(", crypto_producer = ")" +
                                another_pin + R"(" }
[peers]
server0 = "127.0.0.1:7101"
# Nobody dials the crypto producer.
)";

/// `text` with the first `from`, which it must hold, become `to`.
std::string replaced(std::string text, std::string_view from, std::string_view to);

/// What is wrong with the file of a party; empty when it is read.
std::vector<config::Problem> problems_of(const std::string& text);

/// Checks that `text` has one problem, which mentions all of `words` and stands in `line`.
void check_one(const std::string& text, std::size_t line, std::initializer_list<std::string_view> words);

}  // namespace blindsight::tests
