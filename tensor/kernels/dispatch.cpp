#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "tensor/kernels/isa.h"
#include "tensor/kernels/kernel_table.h"

namespace blindsight::tensor {
namespace {

const KernelTable& table_of(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return avx512_kernels;
  if (isa == Isa::avx2) return avx2_kernels;
#endif
  static_cast<void>(isa);
  return portable_kernels;
}

bool runs_here(Isa isa) {
  for (Isa each : available_isas())
    if (each == isa) return true;
  return false;
}

Isa choose() {
  const char* wish = std::getenv("BLINDSIGHT_ISA");
  if (wish == nullptr || *wish == '\0') return available_isas().back();
  for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512})
    if (wish == name(isa) && runs_here(isa)) return isa;
  std::string known;
  for (Isa isa : available_isas()) known += (known.empty() ? "" : ", ") + std::string(name(isa));
  throw std::invalid_argument("BLINDSIGHT_ISA=" + std::string(wish) + ": this CPU runs " + known);
}

std::atomic<Isa>& bound() {
  static std::atomic<Isa> isa{choose()};
  return isa;
}

}  // namespace

std::string_view name(Isa isa) {
  switch (isa) {
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::portable:
      break;
  }
  return "portable";
}

std::vector<Isa> available_isas() {
  std::vector<Isa> isas{Isa::portable};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")) {
    isas.push_back(Isa::avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
      isas.push_back(Isa::avx512);
  }
#endif
  return isas;
}

Isa active_isa() {
  return bound().load(std::memory_order_relaxed);
}

void use_isa(Isa isa) {
  if (!runs_here(isa)) throw std::invalid_argument("this CPU does not run " + std::string(name(isa)) + " kernels");
  bound().store(isa, std::memory_order_relaxed);
}

const KernelTable& kernels() {
  return table_of(active_isa());
}

}  // namespace blindsight::tensor
