#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "tensor/ring.h"

namespace blindsight::tensor {

/// Working memory that calls of kernels lend each other: a fresh allocation of megabytes costs a page fault per 4 KiB,
/// more than the arithmetic of a small layer. Not per thread, because a thread that waits for its tasks may start
/// another call's.
template <class Word>
class Scratch {
 public:
  explicit Scratch(std::size_t words) : buffer_(take()) {
    if (buffer_.size() < words) buffer_ = Buffer<Word>(words);
  }
  ~Scratch() {
    const std::lock_guard lock(mutex());
    shelf().push_back(std::move(buffer_));
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  Word* data() { return buffer_.data(); }

 private:
  static Buffer<Word> take() {
    const std::lock_guard lock(mutex());
    if (shelf().empty()) return {};
    Buffer<Word> last = std::move(shelf().back());
    shelf().pop_back();
    return last;
  }
  static std::mutex& mutex() {
    static std::mutex instance;
    return instance;
  }
  static std::vector<Buffer<Word>>& shelf() {
    static std::vector<Buffer<Word>> instance;
    return instance;
  }

  Buffer<Word> buffer_;
};

}  // namespace blindsight::tensor
