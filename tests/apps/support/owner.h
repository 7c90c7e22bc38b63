#pragma once

#include <string>
#include <vector>

#include "tests/apps/support/program.h"
#include "tests/apps/support/small_models.h"

namespace blindsight::tests {

/// A folder with models of one and three outputs and forty images.
class Owner {
 public:
  Owner() {
    write_small_model(folder / "one.onnx", 1);
    write_small_model(folder / "three.onnx", 3);
    write_images(folder / "images.idx3-ubyte", small_images(40));
  }

  Outcome compile(const std::string& model, std::vector<std::string> more, const std::string& images = "images") const {
    std::vector<std::string> all = {"model", "compile", (folder / model).string(), "--calibration",
                                    (folder / (images + ".idx3-ubyte")).string()};
    all.insert(all.end(), more.begin(), more.end());
    return run(all);
  }

  std::string operator/(const std::string& name) const { return (folder / name).string(); }

  TemporaryFolder folder;
};

}  // namespace blindsight::tests
