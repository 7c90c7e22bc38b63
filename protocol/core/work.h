#pragma once

#include <compare>
#include <cstdint>

namespace blindsight::protocol {

/// Number under which a session serves a model; it rises and never comes again. 0: about no model.
using ModelNumber = std::uint32_t;

/// Number of a pack of correlations inside a session: dealt by the producer in rising order, used by at most one query.
/// 0: about no pack.
using PackId = std::uint64_t;

/// Index into NetworkSpec::layers.
using LayerId = std::uint16_t;
inline constexpr LayerId no_layer = 0xffff;

/// A map of activations: value 0 is the client's image, value i + 1 is what layer i makes, and the last one is the
/// output. A mask belongs to the value that it hides, whoever reads it.
using ValueId = std::uint16_t;
inline constexpr ValueId input_value = 0;

/// The one place that knows how layers and values are numbered.
constexpr ValueId value_of(LayerId layer) {
  return static_cast<ValueId>(layer + 1);
}
constexpr LayerId layer_of(ValueId value) {
  return value == input_value ? no_layer : static_cast<LayerId>(value - 1);
}
/// What a layer of a chain reads.
constexpr ValueId read_by(LayerId layer) {
  return layer;
}

/// The one address of a piece of work, in frames, streams of masks, messages between actors, reports and metrics: one
/// band of a value that a layer makes with one pack's correlations, for one served model. Fields that a use has no need
/// of are as here.
struct Work {
  ModelNumber model = 0;
  PackId pack = 0;
  ValueId value = input_value;  ///< that is made
  LayerId layer = no_layer;     ///< that makes it; none makes the client's image
  std::uint32_t band = 0;       ///< of the value's rows

  auto operator<=>(const Work&) const = default;
};

constexpr Work making(ValueId value, PackId pack = 0, std::uint32_t band = 0, ModelNumber model = 0) {
  return {model, pack, value, layer_of(value), band};
}

}  // namespace blindsight::protocol
