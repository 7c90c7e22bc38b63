#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/apps/support/three_processes.h"
#include "tests/support/png_writer.h"
#include "tests/support/text.h"

using namespace blindsight::tests;
namespace fs = std::filesystem;

namespace {

const auto digit_model = (zoo / "mnist-8.onnx").string();
const auto digit_images = (zoo / "mnist-calibration.idx3-ubyte").string();

void write_bytes(const fs::path& file, const Bytes& bytes) {
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

/// A grey picture of the size that the digit model reads, not like the others with another `seed`.
Png digit(unsigned seed) {
  Png png{.height = 28, .width = 28, .color_type = 0, .rows = {}};
  for (unsigned i = 0; i < 28 * 28; ++i) png.rows.push_back(static_cast<std::uint8_t>((i * (seed + 3)) % 251));
  return png;
}

/// A folder with two pictures that can be read and two that cannot, and a file of another kind.
struct MixedFolder {
  TemporaryFolder folder;
  MixedFolder() {
    write_bytes(folder / "a.png", digit(1).bytes());
    write_bytes(folder / "b.png", digit(2).bytes());
    write_text(folder / "broken.png", "GIF89a....");
    write_text(folder / "empty.jpg", "");
    write_text(folder / "notes.txt", "a table");
    write_text(folder / ".hidden", "x");
  }
};

std::vector<std::string> compile_on(const std::vector<std::string>& images, const fs::path& plan) {
  std::vector<std::string> all = {"model", "compile", digit_model, "-o", plan.string(), "--calibration"};
  all.push_back(digit_images);
  all.insert(all.end(), images.begin(), images.end());
  return all;
}

}  // namespace

TEST_CASE("a picture that cannot be read is named and the others are used, the exit status tells") {
  const MixedFolder mixed;
  const TemporaryFolder out;
  const auto folder = mixed.folder.path().string();
  const std::vector<std::vector<std::string>> commands = {
      compile_on({folder}, out / "x.plan"),
      {"model", "inspect", digit_model, "--calibration", digit_images, folder},
      {"model", "check", digit_model, "--calibration", digit_images, "--images", folder},
      {"model", "prune", digit_model, "--fraction", "0.25", "--out", (out / "y.onnx").string(), "--images", folder}};
  for (const auto& command : commands) {
    CAPTURE(command[1]);
    const auto outcome = run(command);
    CHECK(outcome.status == 1);
    CHECK(count(outcome.err, "broken.png") == 1);
    CHECK(contains(outcome.err, "GIF"));
    CHECK(count(outcome.err, "empty.jpg") == 1);
    CHECK(count(outcome.err, "left out 1 file that is no JPEG, PNG, NumPy array or IDX: 1 text") == 1);
    CHECK(contains(outcome.err, "1 hidden"));
    CHECK_FALSE(outcome.out.empty());
  }
  CHECK(fs::exists(out / "x.plan"));
  CHECK(fs::exists(out / "y.onnx"));
}

TEST_CASE("when no picture can be read the exit status is 2 and nothing is written") {
  const TemporaryFolder folder;
  write_text(folder / "broken.png", "GIF89a....");
  write_text(folder / "notes.txt", "a table");
  for (const auto& images : {folder.path(), folder / "broken.png", folder / "gone.png", folder / "notes.txt"}) {
    CAPTURE(images);
    const auto outcome =
        run({"model", "compile", digit_model, "-o", (folder / "x.plan").string(), "--calibration", images.string()});
    CHECK(outcome.status == 2);
    CHECK(outcome.out.empty());
    if (images != folder.path()) CHECK(contains(outcome.err, images.filename().string()));
    CHECK_FALSE(fs::exists(folder / "x.plan"));
  }
  fs::create_directory(folder / "bare");
  const auto bare = run({"model", "compile", digit_model, "-o", (folder / "x.plan").string(), "--calibration",
                         (folder / "bare").string()});
  CHECK(bare.status == 2);
  CHECK(contains(bare.err, "holds no image"));
}

TEST_CASE("each kind of note is told once, with how many pictures it is about") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "photos");
  for (unsigned i = 0; i < 3; ++i) {
    auto turned = digit(i);
    turned.before_pixels = png_chunk("eXIf", exif_with(6, true));
    write_bytes(folder / ("photos/turned" + std::to_string(i) + ".png"), turned.bytes());
  }
  Png transparent{.height = 28, .width = 28, .color_type = 4, .rows = {}}, deep = transparent;
  for (unsigned i = 0; i < 28 * 28; ++i) append(transparent.rows, Bytes{static_cast<std::uint8_t>(i % 200), 9});
  deep.color_type = 0;
  deep.bit_depth = 16;
  deep.rows = transparent.rows;
  write_bytes(folder / "photos/transparent.png", transparent.bytes());
  write_bytes(folder / "photos/deep.png", deep.bytes());
  write_bytes(folder / "photos/small.png", Png{.color_type = 0, .rows = {9}}.bytes());
  const auto plan = folder / "x.plan";
  const auto ignored = run(compile_on({(folder / "photos").string()}, plan));
  CHECK(ignored.status == 0);
  CHECK(count(ignored.err, "3 pictures say by EXIF that they are turned") == 1);
  CHECK(contains(ignored.err, "--orientation exif"));
  CHECK(contains(ignored.err, "turned0.png"));
  CHECK_FALSE(contains(ignored.err, "turned1.png"));
  CHECK(count(ignored.err, "1 picture has transparent parts") == 1);
  CHECK(count(ignored.err, "1 picture has 16 bits a sample") == 1);
  CHECK(count(ignored.err, "1 picture has another size") == 1);
  CHECK_FALSE(contains(run({"model", "inspect", plan.string()}).out, "EXIF"));

  auto command = compile_on({(folder / "photos").string()}, plan);
  command.insert(command.end(), {"--orientation", "exif"});
  const auto applied = run(command);
  CHECK(applied.status == 0);
  CHECK_FALSE(contains(applied.err, "EXIF"));
  CHECK(contains(run({"model", "inspect", plan.string()}).out, "EXIF"));
  const auto json = run({"model", "inspect", plan.string(), "--json"});
  CHECK(nlohmann::json::parse(json.out).at("orientation") == "exif");
  command.back() = "sideways";
  CHECK(run(command).status == 2);
}

TEST_CASE("every command that reads images takes --array-layout") {
  for (const std::vector<std::string>& command : {std::vector<std::string>{"predict"},
                                                  {"local"},
                                                  {"model", "compile"},
                                                  {"model", "check"},
                                                  {"model", "inspect"},
                                                  {"model", "deploy"},
                                                  {"model", "prune"}}) {
    auto help = command;
    help.push_back("--help");
    CAPTURE(command.back());
    CHECK(contains(run(help).out, "--array-layout"));
  }
  // One channel lies the same both ways.
  const TemporaryFolder folder;
  std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (28, 28), }";
  header.resize(117, ' ');
  header += '\n';
  Bytes array = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 118, 0};
  append(array, header);
  append(array, digit(7).rows);
  write_bytes(folder / "digit.npy", array);
  auto command = compile_on({(folder / "digit.npy").string()}, folder / "x.plan");
  CHECK(run(command).status == 0);
  command.insert(command.end(), {"--array-layout", "hwc"});
  CHECK(run(command).status == 0);
  command.back() = "whc";
  CHECK(run(command).status == 2);
}

TEST_CASE("predict names what it cannot read, predicts on the rest and exits with 1") {
  ThreeProcesses parties;
  parties.start_all();
  parties.deploy_digits();
  const MixedFolder mixed;
  const auto outcome = parties.predict({mixed.folder.path().string(), "--json"});
  CHECK(outcome.status == 1);
  CHECK(count(outcome.out, "\n") == 2);
  CHECK(count(outcome.err, "broken.png") == 1);
  CHECK(count(outcome.err, "empty.jpg") == 1);
  const auto missing = parties.predict({(mixed.folder / "a.png").string(), (mixed.folder / "gone.png").string()});
  CHECK(missing.status == 1);
  CHECK(contains(missing.err, "gone.png"));
  CHECK(contains(missing.out, "a.png"));
}
