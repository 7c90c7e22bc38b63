#include "protocol/core/protocol.h"

namespace blindsight::protocol {

Result<Bound> Protocol::bind(const NetworkSpec& network, const Dealing& dealing) const {
  if (auto ok = check(network, dealing); !ok) return tl::unexpected(ok.error());
  return bound_to(network, dealing);
}

}  // namespace blindsight::protocol
