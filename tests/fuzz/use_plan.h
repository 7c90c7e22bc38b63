#pragma once

#include "model/plan/plan.h"

namespace blindsight::fuzz {

/// All that the commands ask of a plan that was accepted: written and read again it is the same, and every protocol's
/// checks, costs, memory and sizes come to an end.
void use_plan(const model::Plan& plan);

}  // namespace blindsight::fuzz
