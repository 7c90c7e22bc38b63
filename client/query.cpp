#include "client/query_state.h"

#include <utility>

namespace blindsight::client {

using protocol::Error;
using protocol::Result;

Model::Model(protocol::Bound bound, model::Plan plan)
    : bound_(std::move(bound)), plan_(std::move(plan)), digest_(model::digest(plan_)) {}

Result<ModelPtr> Model::make(const protocol::Choice& choice, model::Plan plan) {
  auto bound = choice.bind(plan.network);
  if (!bound) return tl::unexpected(bound.error());
  return ModelPtr(new Model(std::move(*bound), std::move(plan)));
}

bool Query::State::finish(Result<Answer> outcome) {
  {
    const std::scoped_lock lock(mutex);
    if (result) return false;
    result.emplace(std::move(outcome));
  }
  // First the callbacks: what they refer to may go as soon as somebody has seen the result. They go, too: one may hold
  // the query that holds it.
  {
    const auto progress = std::exchange(options.progress, {});
    const auto answered = std::exchange(on_answer, {});
    if (progress) progress(QueryState::done);
    if (answered) answered(*result);
  }
  {
    const std::scoped_lock lock(mutex);
    shown = true;
  }
  finished.notify_all();
  return true;
}

void Query::cancel() const {
  if (state_->give_up) state_->give_up({protocol::Fault::refused, "the query was given up"});
}

const Result<Answer>& Query::get() const {
  std::unique_lock lock(state_->mutex);
  state_->finished.wait(lock, [&] { return state_->shown; });
  return *state_->result;
}

bool Query::wait_for(std::chrono::milliseconds patience) const {
  std::unique_lock lock(state_->mutex);
  return state_->finished.wait_for(lock, patience, [&] { return state_->shown; });
}

}  // namespace blindsight::client
