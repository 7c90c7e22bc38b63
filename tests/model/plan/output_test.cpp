#include "model/plan/output.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace blindsight;
using namespace blindsight::model;

namespace {

FloatNetwork ends_with(std::size_t outputs, PostOperation post) {
  FloatNetwork network;
  network.post = post;
  network.layers.resize(1);
  network.layers[0].conv.out_channels = outputs;
  return network;
}

}  // namespace

TEST_CASE("what outputs are comes from the graph's end, and several without one are a classifier's") {
  const std::tuple<std::size_t, PostOperation, OutputKind> cases[] = {
      {3, PostOperation::softmax, OutputKind::softmax}, {3, PostOperation::log_softmax, OutputKind::softmax},
      {1, PostOperation::sigmoid, OutputKind::sigmoid}, {3, PostOperation::sigmoid, OutputKind::independent},
      {3, PostOperation::none, OutputKind::softmax},    {1, PostOperation::none, OutputKind::none}};
  for (const auto& [outputs, post, kind] : cases) {
    CHECK(output_kind(ends_with(outputs, post)) == kind);
    CHECK(says_output(ends_with(outputs, post)) == (post != PostOperation::none));
  }
  CHECK(name(OutputKind::softmax) == "softmax");
  CHECK(name(OutputKind::sigmoid) == "sigmoid");
  CHECK(name(OutputKind::independent) == "independent");
  CHECK(name(OutputKind::none) == "none");
}

TEST_CASE("a kind that contradicts the graph's end is refused, with how the graph ends") {
  using enum OutputKind;
  const std::tuple<std::size_t, PostOperation, OutputKind, const char*> cases[] = {
      {1, PostOperation::sigmoid, none, "Sigmoid"},        {1, PostOperation::sigmoid, softmax, "Sigmoid"},
      {3, PostOperation::sigmoid, softmax, "Sigmoid"},     {3, PostOperation::sigmoid, sigmoid, "told as independent"},
      {3, PostOperation::softmax, independent, "Softmax"}, {3, PostOperation::log_softmax, none, "LogSoftmax"},
      {1, PostOperation::softmax, softmax, "100 %"}};
  for (const auto& [outputs, post, kind, word] : cases) {
    const auto checked = check_output(kind, ends_with(outputs, post));
    CAPTURE(word);
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().what.find("graph ends with ") != std::string::npos);
    CHECK(checked.error().what.find(word) != std::string::npos);
  }
  CHECK(check_output(sigmoid, ends_with(1, PostOperation::sigmoid)).has_value());
  CHECK(check_output(independent, ends_with(3, PostOperation::sigmoid)).has_value());
  CHECK(check_output(softmax, ends_with(3, PostOperation::log_softmax)).has_value());
  // A graph that says nothing leaves the choice.
  for (const auto kind : {softmax, independent, none})
    CHECK(check_output(kind, ends_with(3, PostOperation::none)).has_value());
}

TEST_CASE("a kind that does not fit the number of outputs is refused with the one that does") {
  CHECK(check_output(OutputKind::sigmoid, 1).has_value());
  CHECK(check_output(OutputKind::softmax, 2).has_value());
  CHECK(check_output(OutputKind::independent, 1).has_value());
  CHECK(check_output(OutputKind::none, 7).has_value());
  CHECK(check_output(OutputKind::sigmoid, 2).error().what.find("independent") != std::string::npos);
  CHECK(check_output(OutputKind::softmax, 1).error().what.find("sigmoid") != std::string::npos);
  CHECK_FALSE(check_output(static_cast<OutputKind>(4), 2).has_value());
}

TEST_CASE("labels are one for each output, and each another that can be shown") {
  CHECK(check_labels({"melanoma", "Muttermal, gutartig ✓"}, 2).has_value());
  const std::pair<std::vector<std::string>, const char*> cases[] = {{{"a"}, "1 labels for 2 outputs"},
                                                                    {{"a", "b", "c"}, "3 labels for 2"},
                                                                    {{"a", "a"}, "'a' is there twice"},
                                                                    {{"a", ""}, "label 2 is empty"},
                                                                    {{" ", "b"}, "label 1 is empty"},
                                                                    {{"a", "\x1b[2J"}, "'?[2J' cannot be shown"},
                                                                    {{"a\nb", "b"}, "cannot be shown"},
                                                                    {{"\xff", "b"}, "cannot be shown"},
                                                                    {{std::string(300, 'x'), "b"}, "cannot be shown"}};
  for (const auto& [labels, word] : cases) {
    const auto ok = check_labels(labels, 2);
    CAPTURE(word);
    REQUIRE_FALSE(ok.has_value());
    CAPTURE(ok.error().what);
    CHECK(ok.error().what.find(word) != std::string::npos);
  }
}

TEST_CASE("probabilities are told where there are some, and each kind names its outputs") {
  const std::vector<double> logits = {-1, 2, std::log(3.0)};
  const auto softmax = probabilities(OutputKind::softmax, logits);
  CHECK(softmax[0] + softmax[1] + softmax[2] == doctest::Approx(1));
  CHECK(softmax[1] / softmax[2] == doctest::Approx(std::exp(2) / 3));
  const auto independent = probabilities(OutputKind::independent, logits);
  CHECK(independent[2] == doctest::Approx(0.75));
  CHECK(independent[0] == doctest::Approx(1 / (1 + std::exp(1.0))));
  CHECK(probabilities(OutputKind::sigmoid, std::vector{0.0})[0] == doctest::Approx(0.5));
  CHECK(probabilities(OutputKind::none, logits).empty());
  CHECK(probabilities(OutputKind::softmax, std::vector<double>{1000, 1000 + std::log(3.0)})[0] ==
        doctest::Approx(0.25));
  CHECK(probabilities(OutputKind::sigmoid, std::vector{-1e6})[0] == 0);

  CHECK(chosen(OutputKind::softmax, 0.5, logits) == std::vector<std::size_t>{1});
  CHECK(chosen(OutputKind::independent, 0.5, logits) == std::vector<std::size_t>{1, 2});
  CHECK(chosen(OutputKind::independent, 0.8, logits) == std::vector<std::size_t>{1});
  CHECK(chosen(OutputKind::sigmoid, 0.5, std::vector{0.1}) == std::vector<std::size_t>{0});
  CHECK(chosen(OutputKind::sigmoid, 0.5, std::vector{-47.8}).empty());
  CHECK(chosen(OutputKind::none, 0.5, logits).empty());
}

TEST_CASE("the graph's own outputs are those after its last operation") {
  const std::vector<double> logits = {0, std::log(3.0)};
  CHECK(after(PostOperation::none, logits) == logits);
  CHECK(after(PostOperation::softmax, logits)[1] == doctest::Approx(0.75));
  CHECK(after(PostOperation::log_softmax, logits)[1] == doctest::Approx(std::log(0.75)));
  CHECK(after(PostOperation::sigmoid, logits)[1] == doctest::Approx(0.75));
  CHECK(after(PostOperation::log_softmax, std::vector{1000.0, 0.0})[1] == doctest::Approx(-1000));
}
