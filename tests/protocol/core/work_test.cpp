#include "protocol/core/work.h"

#include <doctest/doctest.h>

#include <initializer_list>

namespace blindsight::protocol {
namespace {

TEST_CASE("layers and values are numbered in one place: a layer reads the value before it and makes the next") {
  CHECK(layer_of(input_value) == no_layer);
  for (const LayerId layer : {LayerId{0}, LayerId{1}, LayerId{1023}}) {
    CHECK(layer_of(value_of(layer)) == layer);
    CHECK(read_by(layer) != value_of(layer));
  }
  CHECK(read_by(0) == input_value);
  CHECK(read_by(5) == value_of(4));
}

TEST_CASE("work that makes a value names the layer that makes it") {
  CHECK(making(input_value, 9).layer == no_layer);
  const Work work = making(4, 9, 2, 1);
  CHECK(work == Work{1, 9, 4, 3, 2});
  CHECK(work != making(4, 9, 2, 2));
}

}  // namespace
}  // namespace blindsight::protocol
