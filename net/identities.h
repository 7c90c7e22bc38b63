#pragma once

#include <memory>

#include "config/config.h"
#include "protocol/core/result.h"
#include "wire/tls.h"

namespace blindsight::net {

/// Reads the key file that a configuration names, and whom it pins. Null: links are plain, by consent. The error: a key
/// file that is no good, a key that has expired, or one that is pinned for somebody else.
protocol::Result<std::shared_ptr<const wire::TlsContext>> tls_context(const config::PartyConfig& config);
protocol::Result<std::shared_ptr<const wire::TlsContext>> tls_context(const config::ClientConfig& config);

}  // namespace blindsight::net
