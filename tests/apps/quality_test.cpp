#include "apps/quality.h"

#include <doctest/doctest.h>

#include "apps/failure.h"

using namespace blindsight::apps;
using blindsight::model::OutputKind;
using Truth = std::vector<std::size_t>;
using Logits = std::vector<std::vector<double>>;

namespace {

const std::vector<std::filesystem::path> files = {"x/malignant/1.png", "x/benign/2.png", "benign/3.png"};

Exit status_of(const std::vector<std::string>& folders, std::size_t outputs) {
  try {
    (void)true_outputs(files, folders, {}, outputs);
  } catch (const Failure& failure) {
    return failure.status();
  }
  return Exit::ok;
}

}  // namespace

TEST_CASE("the truth is the name of an image's folder: as it is said, or a label, or malignant and benign") {
  CHECK(true_outputs(files, {}, {}, 2) == Truth{0, 1, 1});
  CHECK(true_outputs(files, {}, {}, 1) == Truth{0, 1, 1});
  CHECK(true_outputs(files, {"benign", "malignant"}, {}, 2) == Truth{1, 0, 0});
  CHECK(true_outputs(files, {}, {"other", "benign", "malignant"}, 3) == Truth{2, 1, 1});
  // The labels first, the usual names where they are of something else.
  CHECK(true_outputs(files, {}, {"benign", "malignant"}, 2) == Truth{1, 0, 0});
  CHECK(true_outputs(files, {}, {"nevus", "melanoma"}, 2) == Truth{0, 1, 1});
}

TEST_CASE("folders of other names say nothing, unless it was said that they do") {
  CHECK(true_outputs(files, {}, {}, 3) == std::nullopt);
  CHECK(true_outputs({"x/nevus/1.png"}, {}, {}, 2) == std::nullopt);
  CHECK(status_of({"benign", "malignant"}, 2) == Exit::ok);
  CHECK(status_of({"benign", "melanoma"}, 2) == Exit::usage);
  CHECK(status_of({"benign"}, 1) == Exit::usage);
  CHECK(status_of({"benign", "malignant"}, 3) == Exit::usage);
}

TEST_CASE("of classes an answer is right when it names the true one, and no images say nothing") {
  const Decision decision;
  const auto q = quality(decision, {{2, 1, 0}, {0, 1, 2}, {0, 2, 1}, {3, 0, 0}}, {0, 2, 2, 1});
  CHECK(q.accuracy == 0.5);
  CHECK_FALSE(q.auc);
  const auto none = quality(decision, {}, {});
  CHECK_FALSE(none.accuracy);
  CHECK_FALSE(none.auc);
  CHECK(accuracy_text(none).empty());
  CHECK(auc_text(none).empty());
}

TEST_CASE("the AUC of two classes is of their difference, and needs images of both") {
  const Decision decision;
  const Logits logits = {{3, 0}, {1, 2}, {0, 5}, {9, 8}};
  const auto q = quality(decision, logits, {0, 0, 1, 1});
  CHECK(q.auc == 0.75);  // 3 and -1 against -5 and 1
  CHECK(q.positive == 2);
  CHECK(q.negative == 2);
  CHECK(auc_text(q) == "0.7500");
  CHECK_FALSE(quality(decision, logits, {0, 0, 0, 0}).auc);
}

TEST_CASE("one output has a yes and a no: the second folder's images are right when it is not named") {
  const Decision decision{OutputKind::sigmoid, 0.5};
  const auto q = quality(decision, {{2}, {-1}, {-3}, {1}}, {0, 0, 1, 1});
  CHECK(q.accuracy == 0.5);
  CHECK(q.auc == 0.75);
}

TEST_CASE("numbers are neither right nor wrong") {
  CHECK_FALSE(quality({OutputKind::none, 0.5}, {{2, 1}, {0, 1}}, {0, 1}).accuracy);
}

TEST_CASE("answers that mean nothing are wrong, and no part of the AUC") {
  const auto q = quality({}, {{3, 0}, {1, 0}, {0, 5}}, {0, 0, 1}, {false, true, false});
  CHECK(*q.accuracy == doctest::Approx(2.0 / 3));
  CHECK(q.positive == 1);
  CHECK(q.negative == 1);
  CHECK(q.auc == 1);
}
