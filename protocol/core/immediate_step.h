#pragma once

#include <functional>
#include <utility>

#include "protocol/core/step.h"

namespace blindsight::protocol {

/// What a step that awaits nothing returns: done, nothing to send.
inline Progress finished() {
  Progress p;
  p.done = true;
  return p;
}

/// A step that awaits no message: begin() runs `work` and is done.
class ImmediateStep final : public Step {
 public:
  explicit ImmediateStep(std::function<Progress()> work) : work_(std::move(work)) {}
  Result<Progress> begin() override { return work_(); }
  Result<Progress> advance(Inbound message) override {
    return fail("a message from " + std::string(name(message.from)) + " although none is awaited");
  }

 private:
  std::function<Progress()> work_;
};

}  // namespace blindsight::protocol
