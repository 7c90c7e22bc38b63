#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "protocol/core/result.h"

namespace blindsight::model {

/// The files beside a model in which an ONNX file may keep its tensors (`location`, `offset`, `length` of each), as
/// PyTorch writes them by default. They are named by an untrusted file: only a regular file of a plain name in the
/// model's own folder is read, within its size, and all tensors together no more
/// than four times its size, since honest tensors may share bytes.
class ExternalData {
 public:
  /// `folder`: the model's; empty for a model that comes from memory, which can have none.
  explicit ExternalData(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// The bytes of one tensor. `entries`: the tensor's keys and values; `bytes`: what its shape and type ask for.
  protocol::Result<std::vector<std::uint8_t>> read(const std::map<std::string, std::string>& entries,
                                                   std::uint64_t bytes);
  /// The files that were read.
  std::vector<std::string> paths() const;

 private:
  struct File {
    std::filesystem::path path;
    std::uint64_t size = 0, read = 0;
  };
  protocol::Result<File*> find(const std::string& location);

  std::filesystem::path folder_;
  std::map<std::string, File> files_;  ///< by location
};

}  // namespace blindsight::model
