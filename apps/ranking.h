#pragma once

#include <span>

namespace blindsight::apps {

/// Area under the receiver operating characteristic: the share of pairs (positive, negative) that the scores rank
/// rightly, ties counted half (Mann and Whitney). Both sets must have elements.
double area_under_roc(std::span<const double> positive, std::span<const double> negative);

}  // namespace blindsight::apps
