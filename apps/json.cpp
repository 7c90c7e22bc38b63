#include "apps/json.h"

#include <nlohmann/json.hpp>

namespace blindsight::apps {

std::string dump(const nlohmann::ordered_json& json, int indent) {
  return json.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace blindsight::apps
