#include "model/passes/attributes.h"
#include "model/fault.h"

#include <algorithm>

namespace blindsight::model {

using protocol::Result;

Result<void> Attributes::only(std::initializer_list<std::string_view> known) const {
  for (const auto& [name, value] : node_.attributes) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string list;
    for (const auto& k : known) list += (list.empty() ? "" : ", ") + std::string(k);
    return fail(describe(node_) + " has the attribute " + in_quotes(name) + "; supported are " +
                (list.empty() ? "none" : list));
  }
  return {};
}

template <class T>
Result<T> Attributes::get(std::string_view name, T otherwise) const {
  const auto found = node_.attributes.find(std::string(name));
  if (found == node_.attributes.end()) return otherwise;
  if (const T* value = std::get_if<T>(&found->second)) return *value;
  return fail(describe(node_) + ": attribute " + in_quotes(name) + " is not of the type that the operator asks for");
}

Result<std::int64_t> Attributes::integer(std::string_view name, std::int64_t otherwise) const {
  return get<std::int64_t>(name, otherwise);
}
Result<float> Attributes::real(std::string_view name, float otherwise) const {
  return get<float>(name, otherwise);
}
Result<std::string> Attributes::text(std::string_view name, std::string_view otherwise) const {
  return get<std::string>(name, std::string(otherwise));
}
Result<std::vector<std::int64_t>> Attributes::integers(std::string_view name) const {
  return get<std::vector<std::int64_t>>(name, {});
}

}  // namespace blindsight::model
