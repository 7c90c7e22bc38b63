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

Result<void> Rights::predict(const wire::Identity* who) const {
  if (who == nullptr) return {};
  const auto* rights = of(*who);
  if (rights == nullptr || !rights->predict) return lacks(*who, "ask for predictions (predict)");
  return {};
}

Result<void> Rights::count_query(const wire::Identity* who, Time now) {
  const auto* rights = who == nullptr ? nullptr : of(*who);
  if (rights == nullptr) return {};
  const double per_minute = rights->queries_per_minute;
  if (per_minute == 0) return {};
  // As many as a minute's may come at once; from then on one for each part of a minute.
  constexpr std::chrono::minutes minute{1};
  auto& allowance = allowances_[who->name];
  if (!allowance.take(now, per_minute, minute))
    return fail(Fault::busy,
                "the client " + protocol::in_quotes(who->name) + " may ask for " +
                    std::to_string(rights->queries_per_minute) + " predictions a minute here",
                static_cast<std::uint32_t>(std::ceil(allowance.wait(per_minute, minute).count() * 1000)));
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

std::size_t Rights::largest_message(const wire::Identity* who, std::size_t limit) const {
  // Half a picture: 8 bytes a value hold 2,800 x 2,800 of one channel.
  constexpr std::size_t of_a_query = 64 << 20, of_a_question = 1 << 20;
  if (who == nullptr) return limit;
  const auto* rights = of(*who);
  if (rights != nullptr && !rights->deploy.empty()) return limit;
  return std::min(limit, rights != nullptr && rights->predict ? of_a_query : of_a_question);
}

}  // namespace blindsight::actors
