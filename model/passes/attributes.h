#pragma once

#include <initializer_list>
#include <string_view>

#include "model/graph/graph.h"
#include "protocol/core/result.h"

namespace blindsight::model {

/// Typed access to a node's attributes; an attribute of another type is an error that names it.
class Attributes {
 public:
  explicit Attributes(const Node& node) : node_(node) {}

  /// Refuses attributes that are not in the list: what is not understood must not be skipped.
  protocol::Result<void> only(std::initializer_list<std::string_view> known) const;
  protocol::Result<std::int64_t> integer(std::string_view name, std::int64_t otherwise) const;
  protocol::Result<float> real(std::string_view name, float otherwise) const;
  protocol::Result<std::string> text(std::string_view name, std::string_view otherwise) const;
  /// Empty when it is not there.
  protocol::Result<std::vector<std::int64_t>> integers(std::string_view name) const;

 private:
  template <class T>
  protocol::Result<T> get(std::string_view name, T otherwise) const;
  const Node& node_;
};

}  // namespace blindsight::model
