#include "actors/serve/rights.h"

#include <algorithm>
#include <cmath>

#include "protocol/core/text.h"

namespace blindsight::actors {
namespace {

using protocol::fail;
using protocol::Fault;
using protocol::Result;

tl::unexpected<protocol::Error> lacks(const wire::Identity& who, const std::string& right) {
  return fail(Fault::refused, "the client " + protocol::in_quotes(who.name) + " may not " + right +
                                  "; this party's operator can allow it in its table [clients." + who.name + "]");
}

}  // namespace

void Rights::replace(const std::vector<config::ClientRights>& clients) {
  clients_.clear();
  for (const auto& client : clients) clients_.emplace(client.name, client);
  std::erase_if(allowances_, [this](const auto& a) { return !clients_.contains(a.first); });
}

const config::ClientRights* Rights::of(const wire::Identity& who) const {
  const auto found = clients_.find(who.name);
  return found == clients_.end() ? nullptr : &found->second;
}

Result<void> Rights::query(const wire::Identity* who, Time now) {
  if (who == nullptr) return {};
  const auto* rights = of(*who);
  if (rights == nullptr || !rights->predict) return lacks(*who, "ask for predictions (predict)");
  const double per_minute = rights->queries_per_minute;
  if (per_minute == 0) return {};
  // As many as a minute's may come at once; from then on one for each part of a minute.
  auto [allowance, is_new] = allowances_.try_emplace(who->name, Allowance{per_minute, now});
  auto& a = allowance->second;
  if (!is_new) {
    a.queries =
        std::min(per_minute, a.queries + per_minute * std::chrono::duration<double>(now - a.as_of).count() / 60);
    a.as_of = now;
  }
  if (a.queries < 1) {
    const double wait_s = (1 - a.queries) * 60 / per_minute;
    return fail(Fault::busy,
                "the client " + protocol::in_quotes(who->name) + " may ask for " +
                    std::to_string(rights->queries_per_minute) + " predictions a minute here",
                static_cast<std::uint32_t>(std::ceil(wait_s * 1000)));
  }
  --a.queries;
  return {};
}

Result<void> Rights::deploy(const wire::Identity* who, std::string_view model) const {
  if (who == nullptr) return {};
  const auto* rights = of(*who);
  if (rights == nullptr || !rights->may_deploy(model))
    return lacks(*who, "bring a model named " + protocol::in_quotes(model) + " (deploy)");
  return {};
}

Result<void> Rights::status(const wire::Identity* who) const {
  if (who == nullptr || who->name == config::operator_name) return {};
  const auto* rights = of(*who);
  if (rights == nullptr || !(rights->status || rights->predict || !rights->deploy.empty()))
    return lacks(*who, "ask how the party is (status)");
  return {};
}

}  // namespace blindsight::actors
