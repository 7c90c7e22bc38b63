#include "model/onnx/external_data.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "model/onnx/import.h"
#include "model/plaintext/float_oracle.h"
#include "tests/model/support/onnx_builder.h"
#include "tests/support/temporary_folder.h"

using namespace blindsight;
using namespace blindsight::model;
using namespace blindsight::model::test;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

/// A matrix of four numbers times two, kept beside the model as `entries` say.
std::string doubled(const std::vector<std::pair<std::string, std::string>>& entries) {
  OnnxBuilder b({1, 2}, 18);
  b.reals("w", {2, 2}, {});
  auto* w = b.model().mutable_graph()->mutable_initializer(0);
  w->set_data_location(onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] : entries) {
    auto* entry = w->add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }
  b.node("MatMul", "m", {"w"});
  const auto bytes = b.file();
  return {bytes.begin(), bytes.end()};
}

const std::vector<float> weights{1, 2, 3, 4};
const std::string data(reinterpret_cast<const char*>(weights.data()), 16);

struct Folder {
  tests::TemporaryFolder folder;
  fs::path inner = folder.path() / "inner";
  Folder() { fs::create_directory(inner); }

  protocol::Result<FloatNetwork> import(const std::vector<std::pair<std::string, std::string>>& entries) const {
    write(inner / "m.onnx", doubled(entries));
    return import_onnx(inner / "m.onnx");
  }
  void refused(const std::vector<std::pair<std::string, std::string>>& entries, const std::string& why) const {
    const auto network = import(entries);
    REQUIRE_FALSE(network.has_value());
    CAPTURE(network.error().what);
    CHECK(network.error().what.find("'w'") != std::string::npos);
    CHECK(network.error().what.find(why) != std::string::npos);
  }
};

}  // namespace

TEST_CASE("weights are read from the file beside the model, at their offset") {
  const Folder f;
  write(f.inner / "m.onnx.data", "head" + data + "tail");
  const auto network = f.import({{"location", "m.onnx.data"}, {"offset", "4"}, {"length", "16"}, {"checksum", "x"}});
  REQUIRE(network.has_value());
  CHECK(run_float(*network, std::vector<float>{1, 10}) == std::vector<float>{31, 42});
  // Without an offset and a length the tensor starts at the front and takes what it needs.
  write(f.inner / "plain", data);
  CHECK(f.import({{"location", "plain"}}).has_value());
}

TEST_CASE("what would leave the model's folder is refused") {
  const Folder f;
  write(f.folder.path() / "secret.bin", data);
  f.refused({{"location", "../secret.bin"}}, "leaves the model's folder");
  f.refused({{"location", (f.folder.path() / "secret.bin").string()}}, "leaves the model's folder");
  f.refused({{"location", ".."}}, "leaves the model's folder");
  f.refused({{"location", "."}}, "leaves the model's folder");
  f.refused({{"location", ""}}, "leaves the model's folder");
  f.refused({{"location", std::string("a\0b", 3)}}, "leaves the model's folder");
  f.refused({{"location", "a\\b"}}, "leaves the model's folder");
  f.refused({{"location", "none.bin"}}, "cannot be read");
  fs::create_symlink(f.folder.path() / "secret.bin", f.inner / "link");
  f.refused({{"location", "link"}}, "a link out of the model's folder");
  fs::create_directory(f.inner / "sub");
  f.refused({{"location", "sub"}}, "no regular file");
  // A link that stays inside is a file as good as any.
  write(f.inner / "real", data);
  fs::create_symlink("real", f.inner / "alias");
  CHECK(f.import({{"location", "alias"}}).has_value());
}

TEST_CASE("offsets and lengths are checked against the file and the shape") {
  const Folder f;
  write(f.inner / "d", data);
  f.refused({{"location", "d"}, {"offset", "1"}}, "which has 16");
  f.refused({{"location", "d"}, {"offset", "18446744073709551615"}}, "which has 16");
  f.refused({{"location", "d"}, {"offset", "-4"}}, "no number");
  f.refused({{"location", "d"}, {"offset", "0x0"}}, "no number");
  f.refused({{"location", "d"}, {"length", "12"}}, "asks for 16 bytes");
  f.refused({{"location", "d"}, {"length", ""}}, "no number");
}

TEST_CASE("one file read again and again by many tensors is refused before memory is full") {
  const Folder f;
  write(f.inner / "d", data);
  ExternalData beside(f.inner);
  int read = 0;
  while (read < 100 && beside.read({{"location", "d"}}, 16)) ++read;
  CHECK(read == 4);
}

TEST_CASE("a model from memory has no file beside it") {
  const auto bytes = doubled({{"location", "d"}});
  const auto network = import_onnx(std::vector<std::uint8_t>(bytes.begin(), bytes.end()), "memory");
  REQUIRE_FALSE(network.has_value());
  CHECK(network.error().what.find("without a folder") != std::string::npos);
}
