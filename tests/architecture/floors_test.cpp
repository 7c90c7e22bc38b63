#include "tests/architecture/floors.h"
#include "tests/support/temporary_folder.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <fstream>
#include <initializer_list>

using blindsight::tests::survey_floors;

namespace {

struct File {
  std::string path, text;
};

/// Surveys a small tree of these files.
std::vector<std::string> violations_in(std::initializer_list<File> files) {
  const blindsight::tests::TemporaryFolder folder;
  const std::filesystem::path& root = folder.path();
  for (const auto& [path, text] : files) {
    std::filesystem::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  }
  return survey_floors(root).violations;
}

using Found = std::vector<std::string>;

}  // namespace

TEST_CASE("no floor includes or links upward, and each library stays on its floor") {
  const auto survey = survey_floors(".");
  CHECK(survey.files > 50);
  CHECK(survey.includes > 200);
  CHECK(survey.links >= 4);
  for (const auto& violation : survey.violations) FAIL_CHECK(violation);
}

TEST_CASE("canary: a planted upward include is found") {
  CHECK(violations_in({{"protocol/blink/relu.cpp", "#pragma once\n#include \"actors/link.h\"\n"}}) ==
        Found{"protocol/blink/relu.cpp:2: protocol must not include actors/link.h"});
  CHECK(violations_in({{"tensor/a.h", "  #  include <model/plan.h>\n"}}) ==
        Found{"tensor/a.h:1: tensor must not include model/plan.h"});
  CHECK(violations_in({{"config/a.h", "#include \"tensor/shape.h\""}}) ==
        Found{"config/a.h:1: config must not include tensor/shape.h"});
  CHECK(violations_in({{"model/a.cpp", "#include \"monitoring/probes.h\""}}) ==
        Found{"model/a.cpp:1: model must not include monitoring/probes.h"});
  CHECK(violations_in({{"wire/a.inc", "#include \"apps/main.h\""}}) ==
        Found{"wire/a.inc:1: wire must not include apps/main.h"});
  CHECK(violations_in({{"client/a.cpp", "#include \"actors/party.h\""}}) ==
        Found{"client/a.cpp:1: client must not include actors/party.h"});
}

TEST_CASE("canary: a planted arrow against the order of the sub-floors is found") {
  CHECK(violations_in({{"actors/link/a.cpp", "#include \"actors/engine/layer.h\""}}) ==
        Found{"actors/link/a.cpp:1: actors/link must not include actors/engine/layer.h"});
  CHECK(
      violations_in({{"actors/engine/a.cpp", "#include \"actors/serve/scheduler.h\"\n#include \"actors/party.h\""}}) ==
      Found{"actors/engine/a.cpp:1: actors/engine must not include actors/serve/scheduler.h",
            "actors/engine/a.cpp:2: actors/engine must not include actors/party.h"});
  CHECK(violations_in({{"actors/new/a.cpp", ""}}) == Found{"actors/new/a.cpp:1: actors/new is no sub-floor of actors"});
}

TEST_CASE("canary: a planted upward include by a path of dots is found") {
  CHECK(violations_in({{"tensor/kernels/a.cpp", "#include \"../../actors/link.h\""}, {"actors/link.h", ""}}) ==
        Found{"tensor/kernels/a.cpp:1: tensor must not include ../../actors/link.h"});
}

TEST_CASE("canary: a planted upward link is found") {
  CHECK(
      violations_in(
          {{"tensor/CMakeLists.txt",
            "blindsight_library(tensor)\ntarget_link_libraries(blindsight_tensor\n  PUBLIC blindsight_protocol)\n"}}) ==
      Found{"tensor/CMakeLists.txt:2: tensor must not link blindsight_protocol"});
  CHECK(violations_in({{"protocol/CMakeLists.txt",
                        "target_link_libraries(blindsight_protocol PRIVATE blindsight_actors_wire)"}}) ==
        Found{"protocol/CMakeLists.txt:1: protocol must not link blindsight_actors_wire"});
}

TEST_CASE("canary: a library off its floor is found") {
  CHECK(violations_in({{"protocol/a.h", "#include <caf/all.hpp>"}}) ==
        Found{"protocol/a.h:1: caf/all.hpp does not belong here"});
  CHECK(violations_in({{"protocol/a.h", "#include <thread>"}}) == Found{"protocol/a.h:1: thread does not belong here"});
  CHECK(violations_in({{"actors/a.cpp", "#include <openssl/evp.h>"}}) ==
        Found{"actors/a.cpp:1: openssl/evp.h does not belong here"});
}

TEST_CASE("what is allowed is not reported") {
  CHECK(violations_in(
            {{"protocol/a.cpp",
              "#include \"tensor/ring.h\"\n#include \"protocol/b.h\"\n#include \"b.h\"\n#include <vector>\n// "
              "#include \"actors/x.h\"\n"},
             {"protocol/b.h", ""},
             {"protocol/prg/c.cpp", "#include <openssl/evp.h>"},
             {"apps/a.cpp",
              "#include \"actors/x.h\"\n#include \"config/config.h\"\n#include \"monitoring/probes.h\"\n#include "
              "<thread>\n"},
             {"actors/CMakeLists.txt",
              "target_link_libraries(blindsight_actors PUBLIC blindsight_model blindsight_config) # not "
              "blindsight_apps\n"},
             {"tests/tensor/a.cpp", "#include \"actors/x.h\"\n"},
             // A folder inside a floor may have a floor's name.
             {"actors/serve/model/a.cpp", "#include \"model/plan.h\"\n#include \"actors/link/link.h\"\n"},
             {"actors/a.cpp", "#include \"actors/serve/scheduler.h\"\n"},
             {"protocol/model/a.cpp", "#include \"model/here.h\"\n"},
             {"protocol/model/model/here.h", ""}})
            .empty());
}
