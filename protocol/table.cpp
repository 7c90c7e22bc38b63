#include "protocol/blink/protocol.h"
#include "protocol/plaintext/protocol.h"
#include "protocol/pond/protocol.h"
#include "protocol/securenn/protocol.h"

namespace blindsight::protocol {
namespace {

constexpr const Protocol& (*table[])() = {
    blink::protocol,
    securenn::protocol,
    pond::protocol,
    plaintext::protocol,
};

}  // namespace

const Protocol* find_protocol(std::string_view name) {
  for (const auto& entry : table)
    if (entry().name == name) return &entry();
  return nullptr;
}

const Protocol& default_protocol() {
  return table[0]();
}

std::vector<std::string_view> protocol_names() {
  std::vector<std::string_view> names;
  for (const auto& entry : table) names.push_back(entry().name);
  return names;
}

}  // namespace blindsight::protocol
