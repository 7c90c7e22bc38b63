#pragma once

#include <memory>
#include <utility>

namespace blindsight::actors {

/// Something that is moved from actor to actor although CAF may copy the message around it: whoever takes first has it.
template <class T>
class Parcel {
 public:
  Parcel() = default;
  explicit Parcel(T content) : box_(std::make_shared<T>(std::move(content))) {}
  T take() const { return std::move(*box_); }
  const T& look() const { return *box_; }

 private:
  std::shared_ptr<T> box_;
};

}  // namespace blindsight::actors
