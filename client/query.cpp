#include "client/query_state.h"

namespace blindsight::client {

using protocol::Error;
using protocol::Result;

Model::Model(const protocol::Protocol& protocol, model::Plan plan)
    : protocol_(&protocol), plan_(std::move(plan)), digest_(model::digest(plan_)) {}

Result<ModelPtr> Model::make(const protocol::Protocol& protocol, model::Plan plan) {
  if (auto ok = protocol.check(plan.network); !ok) return tl::unexpected(ok.error());
  return ModelPtr(new Model(protocol, std::move(plan)));
}

bool Query::State::finish(Result<Answer> outcome) {
  {
    const std::scoped_lock lock(mutex);
    if (result) return false;
    result.emplace(std::move(outcome));
  }
  finished.notify_all();
  if (options.progress) options.progress(QueryState::done);
  if (on_answer) on_answer(*result);
  return true;
}

void Query::cancel() const {
  if (state_->give_up) state_->give_up({protocol::Fault::refused, "the query was given up"});
}

const Result<Answer>& Query::get() const {
  std::unique_lock lock(state_->mutex);
  state_->finished.wait(lock, [&] { return state_->result.has_value(); });
  return *state_->result;
}

bool Query::wait_for(std::chrono::milliseconds patience) const {
  std::unique_lock lock(state_->mutex);
  return state_->finished.wait_for(lock, patience, [&] { return state_->result.has_value(); });
}

}  // namespace blindsight::client
