#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "net/allowance.h"
#include "protocol/core/result.h"
#include "wire/identity.h"

namespace blindsight::actors {

/// What each client may do here, and how often. A value: whoever asks says who wants it and what time it is. Nobody
/// (null) is whoever stands at a plain link, where nobody proves anything and all is allowed. The errors say which
/// client lacks which right, and who can give it.
class Rights {
 public:
  using Time = net::Allowance::Time;

  explicit Rights(const std::vector<config::ClientRights>& clients) { replace(clients); }
  /// What was asked for so far counts on.
  void replace(const std::vector<config::ClientRights>& clients);

  protocol::Result<void> predict(const wire::Identity* who) const;
  /// One more query of a client that may; counts it.
  protocol::Result<void> count_query(const wire::Identity* who, Time now);
  protocol::Result<void> deploy(const wire::Identity* who, std::string_view model) const;
  protocol::Result<void> status(const wire::Identity* who) const;
  /// Bytes of the largest message that its link need take: as many as `limit` from whoever may bring a model. What
  /// comes is held until it is whole, and only then can it be told whether anybody may send it.
  std::size_t largest_message(const wire::Identity* who, std::size_t limit) const;

 private:
  const config::ClientRights* of(const wire::Identity& who) const;

  std::map<std::string, config::ClientRights, std::less<>> clients_;
  std::map<std::string, net::Allowance, std::less<>> allowances_;
};

}  // namespace blindsight::actors
