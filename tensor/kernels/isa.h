#pragma once

#include <string_view>
#include <vector>

namespace blindsight::tensor {

/// Instruction sets that the kernels are bound for. Each kernel is written once (`generic/`) and compiled once per set
/// (`target/`).
enum class Isa { portable, avx2, avx512 };

std::string_view name(Isa isa);
/// What this CPU can run, slowest first; `portable` is always there.
std::vector<Isa> available_isas();
/// The set in use: the best one of this CPU unless the environment's BLINDSIGHT_ISA (a name above, for comparing runs)
/// or use_isa() said otherwise. The first call, of this or of any kernel, throws std::invalid_argument when
/// BLINDSIGHT_ISA is not a set of this CPU.
Isa active_isa();
/// Binds another set, for tests and for comparison. Not while kernels run. Throws std::invalid_argument when this CPU
/// lacks it.
void use_isa(Isa isa);

}  // namespace blindsight::tensor
