#include "model/passes/window.h"

#include "model/fault.h"
#include "model/passes/attributes.h"
#include "model/passes/limits.h"

namespace blindsight::model {

using protocol::Result;
using tensor::Window;

namespace {

/// A list of `count` numbers from `least` on; empty when the attribute is not there.
Result<std::vector<std::size_t>> numbers(const Node& node, const char* name, std::int64_t least, std::size_t count) {
  auto values = Attributes(node).integers(name);
  if (!values) return fail(values.error().what);
  if (values->empty()) return std::vector<std::size_t>{};
  if (values->size() != count)
    return fail(describe(node) + ": " + name + " has " + std::to_string(values->size()) +
                " numbers; supported are two-dimensional windows");
  for (const auto v : *values)
    if (v < least || v > largest_side)
      return fail(describe(node) + ": " + name + " " + describe(*values) + " is out of range");
  return std::vector<std::size_t>(values->begin(), values->end());
}

}  // namespace

Result<WindowAttributes> read_window(const Walk& walk, const Node& node,
                                     std::optional<std::array<std::size_t, 2>> kernel) {
  auto shape = numbers(node, "kernel_shape", 1, 2), strides = numbers(node, "strides", 1, 2),
       pads = numbers(node, "pads", 0, 4), dilations = numbers(node, "dilations", 1, 2);
  auto auto_pad = Attributes(node).text("auto_pad", "NOTSET");
  for (const auto* r : {&shape, &strides, &pads, &dilations})
    if (!*r) return fail(r->error().what);
  if (!auto_pad) return fail(auto_pad.error().what);
  WindowAttributes out;
  Window& w = out.window;
  if (!shape->empty()) {
    w.height = (*shape)[0];
    w.width = (*shape)[1];
  } else if (kernel) {
    w.height = (*kernel)[0];
    w.width = (*kernel)[1];
  } else {
    return fail(describe(node) + " has no kernel_shape");
  }
  if (kernel && (w.height != (*kernel)[0] || w.width != (*kernel)[1]))
    return fail(describe(node) + ": kernel_shape differs from its weights' shape");
  if (!strides->empty()) {
    w.stride_y = (*strides)[0];
    w.stride_x = (*strides)[1];
  }
  // Between the elements of a window of one there is nothing to leave out.
  if (!dilations->empty() && w.height > 1) out.dilation_y = (*dilations)[0];
  if (!dilations->empty() && w.width > 1) out.dilation_x = (*dilations)[1];
  if (*auto_pad == "SAME_UPPER" || *auto_pad == "SAME_LOWER") {
    const bool upper = *auto_pad == "SAME_UPPER";
    const Padding& p = walk.padding();
    auto same = [&](std::size_t in, std::size_t size, std::size_t stride, std::size_t& before, std::size_t& after) {
      const std::size_t covered = ((in + stride - 1) / stride - 1) * stride + size;
      const std::size_t total = covered > in ? covered - in : 0;
      before = upper ? total / 2 : total - total / 2;
      after = total - before;
    };
    same(walk.map().height + p.top + p.bottom, (w.height - 1) * out.dilation_y + 1, w.stride_y, w.pad_top,
         w.pad_bottom);
    same(walk.map().width + p.left + p.right, (w.width - 1) * out.dilation_x + 1, w.stride_x, w.pad_left, w.pad_right);
  } else if (*auto_pad == "NOTSET") {
    if (!pads->empty()) {
      w.pad_top = (*pads)[0];
      w.pad_left = (*pads)[1];
      w.pad_bottom = (*pads)[2];
      w.pad_right = (*pads)[3];
    }
  } else if (*auto_pad != "VALID") {
    return fail(describe(node) + " has auto_pad " + in_quotes(*auto_pad) +
                "; supported are NOTSET, SAME_UPPER, SAME_LOWER and VALID");
  }
  return out;
}

}  // namespace blindsight::model
