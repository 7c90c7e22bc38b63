#include <doctest/doctest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "tests/apps/support/small_models.h"
#include "tests/apps/support/three_processes.h"

using namespace blindsight::tests;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

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

unsigned rights_of(const fs::path& file) {
  struct stat info {};
  REQUIRE(::stat(file.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

}  // namespace

TEST_CASE("compile says what outputs are told as, and what it took for granted") {
  const Owner owner;
  const auto one = owner.compile("one.onnx", {"-o", owner / "a.plan"});
  CHECK(one.status == 0);
  CHECK(contains(one.err, "told as a number; compile with --output sigmoid"));
  CHECK(contains(one.out, "told as none"));
  const auto three = owner.compile("three.onnx", {"-o", owner / "a.plan"});
  CHECK(three.status == 0);
  CHECK(contains(three.err, "--output independent"));
  CHECK(contains(three.out, "told as softmax"));
  const auto said = owner.compile(
      "three.onnx", {"-o", owner / "a.plan", "--output", "independent", "--threshold", "0.25", "--labels", "a,b,c"});
  CHECK(said.status == 0);
  CHECK(said.err.empty());
  const auto inspected = run({"model", "inspect", owner / "a.plan"});
  CHECK(contains(inspected.out, "3 outputs, told as independent, a yes above 25 %"));
  const auto output = json::parse(run({"model", "inspect", owner / "a.plan", "--json"}).out).at("output");
  CHECK(output.at("kind") == "independent");
  CHECK(output.at("threshold") == 0.25);
  CHECK(output.at("labels") == json({"a", "b", "c"}));
}

TEST_CASE("outputs, thresholds and labels that do not fit are refused before any image is read") {
  const Owner owner;
  const std::tuple<std::string, std::vector<std::string>, std::string> cases[] = {
      {"three.onnx", {"--output", "sigmoid"}, "independent"},
      {"one.onnx", {"--output", "softmax"}, "sigmoid"},
      {"three.onnx", {"--output", "maybe"}, "independent"},
      {"three.onnx", {"--threshold", "0.3"}, "threshold"},
      {"three.onnx", {"--output", "independent", "--threshold", "1.5"}, "from 0 to 1"},
      {"three.onnx", {"--labels", "a,b"}, "2 labels for 3 outputs"},
      {"three.onnx", {"--labels", "a,b,b"}, "'b' is there twice"},
      {"three.onnx", {"--labels", "a,\x1b[2J,b"}, "cannot be shown"},
      {"three.onnx", {"--labels", "a, ,b"}, "is empty"},
      {"three.onnx", {"--labels", "a,,b"}, "label 2 is empty"},
      {"three.onnx", {"--labels", "a,b,"}, "label 3 is empty"},
  };
  for (const auto& [model, more, word] : cases) {
    auto arguments = more;
    arguments.insert(arguments.end(), {"-o", owner / "a.plan"});
    const auto outcome = owner.compile(model, arguments, "not there");
    CAPTURE(word);
    CAPTURE(outcome.err);
    CHECK(outcome.status == 2);
    CHECK(contains(outcome.err, word));
    CHECK_FALSE(fs::exists(owner / "a.plan"));
  }
}

TEST_CASE("compile tells what its ranges rest on and keeps the record for the model's owner") {
  const Owner owner;
  const auto outcome = owner.compile("three.onnx", {"-o", owner / "a.plan", "--output", "softmax"});
  CHECK(outcome.status == 0);
  CHECK(outcome.err.empty());
  CHECK(contains(outcome.out, "growth per doubling"));
  CHECK(contains(outcome.out, "statistically, from 40 images"));
  CHECK(rights_of(owner / "a.calibration.json") == 0600);
  CHECK(rights_of(owner / "a.weights") == 0600);
  const auto record = json::parse(read_text(owner / "a.calibration.json"));
  CHECK(record.at("images") == 40);
  const auto& layer = record.at("layers").at(0);
  CHECK(layer.at("largest_of_a_quarter") <= layer.at("largest_of_half"));
  CHECK(layer.at("largest_of_half") <= layer.at("largest"));
  CHECK(layer.at("scale").get<double>() > 0);
  CHECK(record.at("weights_commitment").get<std::string>().size() == 64);
  CHECK(contains(run({"model", "inspect", owner / "a.plan"}).out, "statistically, from 40 images"));

  CHECK(owner.compile("three.onnx", {"-o", owner / "b.plan", "--weights", owner / "secret.weights"}).status == 0);
  CHECK(fs::exists(owner / "secret.calibration.json"));
  CHECK_FALSE(fs::exists(owner / "b.weights"));
}

TEST_CASE("a model compiled again is another plan, each with its own weights, and a check under encryption names one") {
  const Owner owner;
  for (const char* name : {"a", "b"})
    REQUIRE(owner.compile("three.onnx", {"-o", owner / (std::string(name) + ".plan")}).status == 0);
  CHECK(read_text(owner / "a.plan") != read_text(owner / "b.plan"));
  const std::vector<std::string> check = {"model",          "check",    owner / "three.onnx",       "--plan",
                                          owner / "a.plan", "--images", owner / "images.idx3-ubyte"};
  CHECK(run(check).status == 0);
  auto others = check;
  others.insert(others.end(), {"--weights", owner / "b.weights"});
  const auto refused = run(others);
  CHECK(refused.status == 2);
  CHECK(contains(refused.err, "b.weights"));
  CHECK(contains(refused.err, "are not those that the plan"));

  const auto unnamed = run({"model", "check", owner / "three.onnx", "--calibration", owner / "images.idx3-ubyte",
                            "--images", owner / "images.idx3-ubyte", "--config", owner / "client.toml"});
  CHECK(unnamed.status == 2);
  CHECK(contains(unnamed.err, "name the plan that was deployed with --plan"));
}

TEST_CASE(
    "a plan of the format before is inspected, and its weights are refused with the command that makes both again") {
  const Owner owner;
  const fs::path plan = "tests/model/plan/version_2/tiny.plan";
  const auto inspected = run({"model", "inspect", plan.string()});
  CHECK(inspected.status == 0);
  CHECK(contains(inspected.out, "tiny.onnx, reads 28×28×1"));
  const auto refused =
      run({"model", "check", owner / "three.onnx", "--plan", plan.string(), "--images", owner / "images.idx3-ubyte"});
  CHECK(refused.status == 2);
  CHECK(contains(refused.err, "tiny.weights"));
  CHECK(contains(refused.err, "blindsight model compile MODEL.onnx --calibration IMAGES -o NAME.plan"));
}

TEST_CASE("few images, copies and black frames are refused unless they are accepted by name; few are warned of") {
  const Owner owner;
  write_images(owner / "seven.idx3-ubyte", small_images(7));
  write_images(owner / "ten.idx3-ubyte", small_images(10));
  write_images(owner / "copies.idx3-ubyte", std::vector<SmallImage>(40, small_images(1)[0]));
  write_images(owner / "black.idx3-ubyte", std::vector<SmallImage>(40, SmallImage(small_side * small_side, 0)));
  for (const char* images : {"seven", "copies", "black"}) {
    const auto refused = owner.compile("three.onnx", {"-o", owner / "a.plan"}, images);
    CAPTURE(images);
    CHECK(refused.status == 2);
    CHECK(contains(refused.err, "--accept-few-images"));
    CHECK_FALSE(fs::exists(owner / "a.plan"));
    const auto accepted = owner.compile("three.onnx", {"-o", owner / "a.plan", "--accept-few-images"}, images);
    CHECK(accepted.status == 0);
    CHECK(contains(accepted.err, "warning"));
    fs::remove(owner / "a.plan");
  }
  const auto warned = owner.compile("three.onnx", {"-o", owner / "a.plan", "--output", "softmax"}, "ten");
  CHECK(warned.status == 0);
  CHECK(contains(warned.err, "10 different images"));
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"model", "inspect", owner / "three.onnx"},
        {"model", "check", owner / "three.onnx", "--images", owner / "ten.idx3-ubyte"}}) {
    auto all = command;
    all.insert(all.end(), {"--calibration", owner / "seven.idx3-ubyte"});
    CHECK(run(all).status == 2);
    all.emplace_back("--accept-few-images");
    CHECK(run(all).status != 2);
  }
}

TEST_CASE("no command writes over what it was given, whatever the name") {
  const Owner owner;
  fs::create_hard_link(owner / "three.onnx", owner / "hard.plan");
  fs::create_symlink(owner / "three.onnx", owner / "soft.plan");
  write_text(owner / "three.onnx.data", "weights kept beside");
  const auto model = read_text(owner / "three.onnx"), images = read_text(owner / "images.idx3-ubyte");
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"-o", owner / "three.onnx"}, "is the trained model itself: name another file with -o"},
      {{"-o", (owner.folder / "." / "three.onnx").string()}, "is the trained model itself"},
      {{"-o", owner / "hard.plan"}, "is the trained model itself"},
      {{"-o", owner / "soft.plan"}, "is the trained model itself"},
      {{"-o", owner / "a.plan", "--weights", owner / "three.onnx"}, "is the trained model itself"},
      {{"-o", owner / "a.plan", "--weights", owner / "images.idx3-ubyte"}, "is one of the images itself"},
      {{"-o", owner / "a.plan", "--weights", owner / "a.plan"}, "is the place of the plan and of the weights"},
      {{"-o", owner / "a.plan", "--weights", owner / "three.onnx.data"}, "the trained model's data itself"},
      {{"-o", owner / "a"}, "ends with .plan"},
      {{"-o", owner.folder.path().string()}, "folder"},
      {{"-o", owner / "none/a.plan"}, "no folder"},
  };
  for (const auto& [more, word] : cases) {
    const auto outcome = owner.compile("three.onnx", more);
    CAPTURE(outcome.err);
    CHECK(outcome.status == 2);
    CHECK(contains(outcome.err, word));
  }
  REQUIRE(owner.compile("three.onnx", {"-o", owner / "m.plan"}).status == 0);
  const auto plan = read_text(owner / "m.plan"), weights = read_text(owner / "m.weights");
  for (const char* name : {"three.onnx", "m.plan", "m.weights", "images.idx3-ubyte"}) {
    const auto outcome = run({"model", "check", owner / "three.onnx", "--plan", owner / "m.plan", "--images",
                              owner / "images.idx3-ubyte", "--json-file", owner / name});
    CAPTURE(outcome.err);
    CHECK(outcome.status == 2);
    CHECK(contains(outcome.err, " itself: name another file with --json-file"));
  }
  CHECK(read_text(owner / "three.onnx") == model);
  CHECK(read_text(owner / "images.idx3-ubyte") == images);
  CHECK(read_text(owner / "m.plan") == plan);
  CHECK(read_text(owner / "m.weights") == weights);
}

TEST_CASE("check names the images that leave a layer's range, or the input's, and ends with 1") {
  const Owner owner;
  // Calibrated on dim images: bright ones leave the range.
  auto dim = small_images(40);
  for (auto& image : dim)
    for (auto& pixel : image) pixel = static_cast<std::uint8_t>(120 + pixel / 16);
  write_images(owner / "dim.idx3-ubyte", dim);
  auto bright = small_images(2);
  for (auto& pixel : bright[1]) pixel = 255;
  for (auto& pixel : bright[0]) pixel = 128;
  write_images(owner / "bright.idx3-ubyte", bright);
  write_small_model(owner.folder / "mean.onnx", 1, -60);
  const auto calibrated = owner.compile("mean.onnx", {"-o", owner / "m.plan"}, "dim");
  REQUIRE_MESSAGE(calibrated.status == 0, calibrated.err);
  const std::vector<std::string> check = {"model",          "check",    owner / "mean.onnx",         "--plan",
                                          owner / "m.plan", "--images", owner / "bright.idx3-ubyte", "--json"};
  const auto outcome = run(check);
  CAPTURE(outcome.err);
  CHECK(outcome.status == 1);
  CHECK(contains(outcome.err, "bright.idx3-ubyte#1' leaves the range of layer"));
  CHECK_FALSE(contains(outcome.err, "bright.idx3-ubyte#0"));
  const auto report = json::parse(last_line(outcome.out));
  REQUIRE(report.at("overflows").size() == 1);
  CHECK(report.at("overflows")[0].at("image") == owner / "bright.idx3-ubyte#1");
  CHECK(report.at("overflows")[0].at("reaches").get<double>() > 1);
  CHECK_FALSE(report.at("ways").at("float").contains("same_label"));  // a number has none
  const auto first = json::parse(outcome.out.substr(0, outcome.out.find('\n')));
  CHECK(first.at("float")[0].get<double>() == doctest::Approx(small_outputs(bright[0], 1, -60)[0]).epsilon(1e-4));

  // An array is taken as it is: this one is beyond what pixels can be.
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 4, 4), }";
  header.resize(117, ' ');
  std::string array = std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + '\n';
  for (int i = 0; i < 16; ++i) array += std::string("\x00\x00\x7a\x47", 4);  // 64000
  write_text(owner / "far.npy", array);
  auto with_far = check;
  with_far.insert(with_far.end() - 1, owner / "far.npy");
  const auto far = run(with_far);
  CAPTURE(far.err);
  CHECK(far.status == 1);
  CHECK(contains(far.err, "far.npy': the image has a value outside the range"));
  CHECK(contains(far.err, "64000, and at most 255.875"));
  CHECK(json::parse(last_line(far.out)).at("left_out") == 1);
  CHECK(json::parse(last_line(far.out)).at("left_out_images")[0].at("image") == owner / "far.npy");
  CHECK(json::parse(last_line(far.out)).at("images") == 2);

  // With no image that fits, there is a result all the same.
  const auto none = run({"model", "check", owner / "mean.onnx", "--plan", owner / "m.plan", "--images",
                         owner / "far.npy", "--json", "--json-file", owner / "none.json"});
  CHECK(none.status == 1);
  CHECK(contains(none.err, "no image could be run"));
  CHECK(json::parse(last_line(none.out)).at("images") == 0);
  CHECK(json::parse(read_text(owner / "none.json")).at("left_out") == 1);
  CHECK(
      run({"model", "check", owner / "mean.onnx", "--plan", owner / "m.plan", "--images", owner / "far.npy"}).status ==
      1);
}

TEST_CASE("an image that leaves a range counts as wrong, and is named by its path") {
  const Owner owner;
  auto dim = small_images(40);
  for (auto& image : dim)
    for (auto& pixel : image) pixel = static_cast<std::uint8_t>(120 + pixel / 16);
  write_images(owner / "dim.idx3-ubyte", dim);
  write_small_model(owner.folder / "mean.onnx", 1, -60);
  const auto compiled = owner.compile("mean.onnx", {"-o", owner / "m.plan", "--output", "sigmoid"}, "dim");
  REQUIRE_MESSAGE(compiled.status == 0, compiled.err);
  for (const char* kind : {"malignant", "benign"}) {
    fs::create_directory(owner / kind);
    write_images(owner / (std::string(kind) + "/a.idx3-ubyte"), {SmallImage(small_side * small_side, 128)});
  }
  write_images(owner / "malignant/b.idx3-ubyte", {SmallImage(small_side * small_side, 255)});
  const std::vector<std::string> check = {"model",          "check",    owner / "mean.onnx", "--plan",
                                          owner / "m.plan", "--images", owner / "malignant", owner / "benign"};
  const auto text = run(check);
  CHECK(text.status == 1);
  CHECK(contains(text.err, "malignant/b.idx3-ubyte' leaves the range"));
  CHECK(contains(text.out, "1 IMAGE OVERFLOWS"));
  CHECK(contains(text.out, "the AUC is of the other images"));
  auto as_json = check;
  as_json.emplace_back("--json");
  const auto report = json::parse(last_line(run(as_json).out));
  CHECK(report.at("overflows")[0].at("image") == owner / "malignant/b.idx3-ubyte");
  const auto &real = report.at("ways").at("float"), &integers = report.at("ways").at("fixed point");
  CHECK(real.at("same_label") == 3);
  CHECK(integers.at("same_label") == 2);
  CHECK(real.at("accuracy").get<double>() == doctest::Approx(2.0 / 3));
  CHECK(integers.at("accuracy").get<double>() == doctest::Approx(1.0 / 3));
  CHECK(real.at("auc_images") == json({2, 1}));
  CHECK(integers.at("auc_images") == json({1, 1}));
}

TEST_CASE("data that a model names, whatever its name, is never written over") {
  const Owner owner;
  const auto images = owner / "images.idx3-ubyte", config = owner / "client.toml";
  write_text(config,
             "insecure_plaintext_links = true\nserver0 = \"127.0.0.1:1\"\nserver1 = \"127.0.0.1:2\"\ncrypto_producer = "
             "\"127.0.0.1:3\"\n");
  const std::pair<std::string, std::vector<std::string>> cases[] = {
      {"ext.json", {"model", "check", owner / "m.onnx", "--calibration", images, "--images", images, "--json-file"}},
      {"ext.svg", {"predict", images, "--config", config, "--compare", owner / "m.onnx", "--timeline"}},
      {"ext.onnx", {"model", "prune", owner / "m.onnx", "--fraction", "0.5", "--out"}},
      {"ext.plan", {"model", "compile", owner / "m.onnx", "--calibration", images, "-o"}},
      {"ext.weights",
       {"model", "compile", owner / "m.onnx", "--calibration", images, "-o", owner / "x.plan", "--weights"}}};
  for (const auto& [name, command] : cases) {
    write_model_with_data(owner.folder / "m.onnx", name);
    const auto data = read_text(owner / name);
    auto all = command;
    all.push_back(owner / name);
    const auto outcome = run(all);
    CAPTURE(outcome.err);
    CHECK(outcome.status == 2);
    CHECK(contains(outcome.err, "is the trained model's data itself"));
    CHECK(read_text(owner / name) == data);
  }
  CHECK(run({"model", "inspect", owner / "m.onnx"}).status == 0);
}

TEST_CASE("nothing in a folder of images is written over, nor a file of another kind") {
  const Owner owner;
  fs::create_directories(owner / "photos/.hidden");
  fs::copy_file(owner / "images.idx3-ubyte", owner / "photos/images.idx3-ubyte");
  for (const char* name : {"photos/notes.json", "photos/.hidden/notes.json"}) write_text(owner / name, "{}");
  REQUIRE(owner.compile("three.onnx", {"-o", owner / "m.plan"}).status == 0);
  const auto check = [&](const std::string& images, const std::string& result) {
    return run({"model", "check", owner / "three.onnx", "--plan", owner / "m.plan", "--images", owner / images,
                "--json-file", owner / result});
  };
  for (const char* name : {"photos/notes.json", "photos/.hidden/notes.json"}) {
    const auto outcome = check("photos", name);
    CHECK(outcome.status == 2);
    CHECK(contains(outcome.err, "is one of the files in the folder"));
    CHECK(read_text(owner / name) == "{}");
  }
  CHECK(check("photos", "photos/new.json").status == 0);
  CHECK(contains(check("images.idx3-ubyte", "m.calibration.json").err, "is the calibration's record itself"));
  const auto text = check("images.idx3-ubyte", "result.txt");
  CHECK(text.status == 2);
  CHECK(contains(text.err, "ends with .json: name such a file with --json-file"));
  CHECK(run({"model", "check", owner / "three.onnx", "--plan", owner / "m.plan", "--images",
             owner / "images.idx3-ubyte", "--json-file", "/dev/null"})
            .status == 0);
  for (const auto& [weights, word] :
       {std::pair{owner / "secret", "ends with .weights"}, {"/dev/null", "is a device"}}) {
    const auto outcome = owner.compile("three.onnx", {"-o", owner / "n.plan", "--weights", weights});
    CAPTURE(outcome.err);
    CHECK(outcome.status == 2);
    CHECK(contains(outcome.err, word));
    CHECK_FALSE(fs::exists(owner / "n.plan"));
  }
}

TEST_CASE("what is a matter of compiling is refused where nothing is compiled") {
  const Owner owner;
  const auto plan = owner / "m.plan", images = owner / "images.idx3-ubyte", config = owner / "client.toml";
  REQUIRE(owner.compile("three.onnx", {"-o", plan}).status == 0);
  write_text(config,
             "insecure_plaintext_links = true\nserver0 = \"127.0.0.1:1\"\nserver1 = \"127.0.0.1:2\"\ncrypto_producer = "
             "\"127.0.0.1:3\"\n");
  const std::vector<std::string> commands[] = {
      {"model", "inspect", plan},
      {"model", "check", owner / "three.onnx", "--plan", plan, "--images", images},
      {"model", "deploy", plan, "--config", config},
      {"local", "--model", plan, "--dir", owner / "local"},
      {"local", "--dir", owner / "local"}};
  const std::vector<std::string> flags[] = {
      {"--threshold", "0.1"}, {"--labels", "z"},         {"--calibration", "nowhere"}, {"--no-winograd"},
      {"--output", "none"},   {"--orientation", "exif"}, {"--accept-few-images"},      {"--relu-fit", "uniform"}};
  for (const auto& command : commands)
    for (const auto& flag : flags) {
      auto all = command;
      all.insert(all.end(), flag.begin(), flag.end());
      const auto outcome = run(all);
      CAPTURE(outcome.err);
      CHECK(outcome.status == 2);
      CHECK(contains(outcome.err, flag[0] + " is a matter of compiling"));
    }
  CHECK_FALSE(fs::exists(owner / "local"));
  // How arrays lie matters where images are read.
  CHECK(run({"model", "check", owner / "three.onnx", "--plan", plan, "--images", images, "--array-layout", "chw"})
            .status == 0);
  CHECK(run({"model", "inspect", plan, "--array-layout", "chw"}).status == 2);
  CHECK(run({"model", "check", owner / "three.onnx", "--calibration", images, "--images", images, "--weights",
             owner / "m.weights"})
            .status == 2);
}

TEST_CASE("a threshold is told with all its digits") {
  const Owner owner;
  const auto outcome =
      owner.compile("one.onnx", {"-o", owner / "a.plan", "--output", "sigmoid", "--threshold", "0.999999"});
  CHECK(contains(outcome.out, "a yes above 99.9999 %"));
}

TEST_CASE("one logit has accuracy and AUC by the folder of its yes and that of its no") {
  const Owner owner;
  fs::create_directory(owner / "malignant");
  fs::create_directory(owner / "benign");
  auto images = small_images(2);
  for (auto& pixel : images[0]) pixel = 250;
  for (auto& pixel : images[1]) pixel = 10;
  write_images(owner / "malignant/a.idx3-ubyte", {images[0]});
  write_images(owner / "benign/b.idx3-ubyte", {images[1]});
  REQUIRE(owner.compile("one.onnx", {"-o", owner / "m.plan", "--output", "sigmoid", "--labels", "melanoma"}).status ==
          0);
  const auto check = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = {"model",          "check",    owner / "one.onnx",  "--plan",
                                    owner / "m.plan", "--images", owner / "malignant", owner / "benign",
                                    "--json"};
    all.insert(all.end(), more.begin(), more.end());
    return run(all);
  };
  const auto ways = json::parse(last_line(check({}).out)).at("ways");
  for (const char* way : {"float", "fixed point"}) {
    CHECK(ways.at(way).at("accuracy") == 1);
    CHECK(ways.at(way).at("auc") == 1);
  }
  const auto turned = json::parse(last_line(check({"--folders", "benign,malignant"}).out)).at("ways");
  CHECK(turned.at("float").at("accuracy") == 0);
  CHECK(turned.at("float").at("auc") == 0);
  const auto one_folder = check({"--folders", "malignant"});
  CHECK(one_folder.status == 2);
  CHECK(contains(one_folder.err, "that of its yes, then that of its no"));
}

TEST_CASE("a bias beyond the ring is told when the model is compiled, not when it is deployed") {
  const Owner owner;
  auto dim = small_images(40);
  for (auto& image : dim)
    for (auto& pixel : image) pixel = static_cast<std::uint8_t>(120 + pixel / 16);
  write_images(owner / "dim.idx3-ubyte", dim);
  // Outputs of 3 at most, made of a mean near 127 and a bias of -127.5.
  const auto outcome = owner.compile("one.onnx", {"-o", owner / "m.plan"}, "dim");
  CHECK(outcome.status == 2);
  CHECK(contains(outcome.err, "mean' has a bias of -127.5"));
  CHECK(contains(outcome.err, "does not fit its ring"));
  CHECK_FALSE(fs::exists(owner / "m.plan"));
}
