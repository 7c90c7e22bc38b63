#include "model/passes/operators.h"

#include <doctest/doctest.h>

#include <string>

using namespace blindsight;
using namespace blindsight::model;

TEST_CASE("an operator is found by its whole name, and no other is") {
  const Operator* conv = find_operator("Conv");
  REQUIRE(conv != nullptr);
  CHECK((conv->on_data == operators::conv));
  CHECK((conv->on_constants == nullptr));
  for (const char* other : {"", "Con", "Conv ", "conv", "ConvTranspose", "com.example.Conv"}) {
    CAPTURE(other);
    CHECK(find_operator(other) == nullptr);
  }
}

TEST_CASE("what moves values alone also moves constants, and asks for what it moves") {
  for (const char* name : {"Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Identity", "Cast"}) {
    CAPTURE(name);
    const Operator* op = find_operator(name);
    REQUIRE(op != nullptr);
    CHECK(op->moves_alone);
    CHECK((op->on_data != nullptr));
    CHECK((op->on_constants != nullptr));
    CHECK(op->operands == 1);
  }
  for (const char* name : {"Relu", "Add", "Conv", "MaxPool", "Softmax"}) {
    CAPTURE(name);
    CHECK_FALSE(find_operator(name)->moves_alone);
  }
}

TEST_CASE("operators that are written alike do not stand for each other") {
  struct Row {
    const char* name;
    decltype(Operator::on_data) on_data;
  };
  for (const auto& row : {Row{"MaxPool", operators::max_pool},
                          {"AveragePool", operators::average_pool},
                          {"GlobalMaxPool", operators::global_pool},
                          {"ReduceMax", operators::reduce},
                          {"Gemm", operators::gemm},
                          {"MatMul", operators::mat_mul},
                          {"Squeeze", operators::squeeze},
                          {"Unsqueeze", operators::unsqueeze}}) {
    CAPTURE(row.name);
    CHECK((find_operator(row.name)->on_data == row.on_data));
  }
  CHECK((find_operator("Concat")->on_constants == constants::concat));
  CHECK((find_operator("Gather")->on_constants == constants::gather));
  CHECK((find_operator("Slice")->on_constants == constants::slice));
}

TEST_CASE("a refusal lists each operator once, where it is supported") {
  const std::string text = supported_operators();
  const auto at = text.find("and on weights and shapes ");
  REQUIRE(at != std::string::npos);
  const std::string on_data = text.substr(0, at), on_constants = text.substr(at);
  CHECK(on_data.starts_with("supported are Conv, BatchNormalization, "));
  CHECK(on_data.find("GlobalAveragePool, ") != std::string::npos);
  CHECK(on_data.find("Gather") == std::string::npos);
  CHECK(on_constants == "and on weights and shapes Shape, Constant, DequantizeLinear, Concat, Gather, Slice");
}
