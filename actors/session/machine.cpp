#include "actors/session/machine.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace blindsight::actors::session {
namespace {

using protocol::Error;
using protocol::Fault;
using protocol::party_name;
using std::chrono::milliseconds;

constexpr std::array parties = {PartyId::server0, PartyId::server1, PartyId::producer};

std::size_t index(PartyId p) {
  return static_cast<std::size_t>(p);
}

std::string seconds_text(Time::duration d) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(d).count());
  return text;
}

}  // namespace

milliseconds Heartbeat::tick() const {
  return std::max(milliseconds(1), ping_interval / 4);
}

SessionMachine::SessionMachine(PartyId self, Heartbeat heartbeat, Time now)
    : self_(self), heartbeat_(heartbeat), last_tick_(now) {}

std::vector<Action> SessionMachine::on(const Event& event, Time now) {
  if (!in<Ended>()) std::visit([&](const auto& e) { take(e, now); }, event);
  return std::exchange(actions_, {});
}

bool SessionMachine::is_here(PartyId peer) const {
  return peers_[index(peer)].has_value();
}

bool SessionMachine::both_here() const {
  return std::ranges::all_of(parties, [&](PartyId p) { return p == self_ || is_here(p); });
}

bool SessionMachine::established() const {
  return in<SettingUp>() || in<Serving>() || in<Idle>();
}

void SessionMachine::take(const event::PeerHere& e, Time now) {
  if (auto& slot = peers_[index(e.peer)]) {
    if (now - slot->alive < heartbeat_.patience_with_a_second() || e.dialed) {
      actions_.emplace_back(
          action::TurnAway{e.peer,
                           {Fault::refused, "another " + party_name(e.peer) + " is connected to " + party_name(self_) +
                                                " already; are two parties configured with the same role?"}});
      return;
    }
    end({Fault::peer_lost, silence_of(e.peer, now) + ", and another process of its role took its place"});
  }
  peers_[index(e.peer)] = Peer{.alive = now, .pinged = now};
  actions_.emplace_back(action::Welcome{e.peer});
  if (!both_here()) return;
  state_ = Confirming{};
  actions_.emplace_back(action::Agree{});
}

void SessionMachine::take(const event::PeerLost& e, Time /*now*/) {
  if (is_here(e.peer)) end(e.why);
}

void SessionMachine::take(const event::PeerEnded& e, Time /*now*/) {
  end(e.why);
}

void SessionMachine::take(const event::Confirmed& e, Time /*now*/) {
  auto& peer = peers_[index(e.peer)];
  if (!peer) return;
  if (peer->confirm) return end({Fault::violation, party_name(e.peer) + " sent a second confirm"});
  peer->confirm = e.confirm;
  establish_if_confirmed();
}

void SessionMachine::take(const event::Prepared& e, Time /*now*/) {
  auto* confirming = std::get_if<Confirming>(&state_);
  if (confirming == nullptr) return;
  confirming->own = e;
  establish_if_confirmed();
}

void SessionMachine::establish_if_confirmed() {
  const auto* confirming = std::get_if<Confirming>(&state_);
  if (confirming == nullptr || !confirming->own) return;
  const auto own = *confirming->own;
  for (const auto p : parties) {
    if (p == self_) continue;
    const auto& confirm = peers_[index(p)]->confirm;
    if (!confirm) return;
    if (*confirm != own.own)
      return end({Fault::violation, party_name(p) + " and " + party_name(self_) +
                                        " do not agree on the session and what is served in it"});
  }
  if (own.layers > 0) {
    state_ = SettingUp{own.layers};
  } else {
    failures_ = 0;
    state_ = Idle{};
  }
  actions_.emplace_back(action::Establish{});
}

void SessionMachine::take(const event::LayerSetUp& /*e*/, Time /*now*/) {
  auto* setting_up = std::get_if<SettingUp>(&state_);
  if (setting_up == nullptr || --setting_up->layers_left > 0) return;
  failures_ = 0;
  state_ = Serving{};
  actions_.emplace_back(action::Serve{});
}

void SessionMachine::take(const event::Pinged& e, Time now) {
  auto& peer = peers_[index(e.peer)];
  if (!peer) return;
  peer->alive = now;
  actions_.emplace_back(action::SendPong{e.peer, e.number});
}

void SessionMachine::take(const event::Ponged& e, Time now) {
  auto& peer = peers_[index(e.peer)];
  if (!peer) return;
  if (e.number <= peer->pongs || e.number > peer->pings)
    return end({Fault::violation, party_name(e.peer) + " answered a ping that " + party_name(self_) + " has not sent"});
  peer->pongs = e.number;
  peer->alive = now;
}

void SessionMachine::take(const event::Heard& e, Time now) {
  if (auto& peer = peers_[index(e.peer)]) peer->alive = now;
}

void SessionMachine::take(const event::End& e, Time /*now*/) {
  end(e.why, e.failure);
}

void SessionMachine::take(const event::Stop& e, Time /*now*/) {
  end(e.why, false);
  state_ = Ended{};
}

void SessionMachine::take(const event::Tick& /*e*/, Time now) {
  const auto since_last = now - std::exchange(last_tick_, now);
  const auto stood_still = since_last > heartbeat_.ping_interval ? since_last : Time::duration(0);
  for (const auto p : parties) {
    auto& peer = peers_[index(p)];
    if (!peer) continue;
    peer->alive = std::min(now, peer->alive + stood_still);
    if (now - peer->alive >= heartbeat_.silence)
      return end({Fault::peer_lost, silence_of(p, now) + ": it is stopped or hung, or its line is cut"});
    if (now - peer->pinged < heartbeat_.ping_interval) continue;
    peer->pinged = now;
    actions_.emplace_back(action::SendPing{p, ++peer->pings});
  }
}

std::string SessionMachine::silence_of(PartyId peer, Time now) const {
  return party_name(peer) + " has not answered " + party_name(self_) + " for " +
         seconds_text(now - peers_[index(peer)]->alive);
}

void SessionMachine::end(Error why, bool failure) {
  const bool established = this->established();
  const bool anybody = std::ranges::any_of(peers_, [](const auto& p) { return p.has_value(); });
  if (failure && anybody) ++failures_;
  peers_ = {};
  state_ = Gathering{};
  actions_.clear();
  actions_.emplace_back(action::EndSession{std::move(why), failure, established, failures_});
}

}  // namespace blindsight::actors::session
