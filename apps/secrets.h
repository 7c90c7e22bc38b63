#pragma once

namespace blindsight::apps {

/// Every command may hold an image, weights, shares or keys: a crash must not write them to a file.
void forbid_core_dumps();

}  // namespace blindsight::apps
