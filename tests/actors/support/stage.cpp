#include "tests/actors/support/stage.h"

#include <doctest/doctest.h>

#include "tests/actors/support/fake_protocol.h"

namespace blindsight::test {

Stage::~Stage() {
  for (const auto& actor : actors_) caf::anon_send_exit(actor, caf::exit_reason::kill);
  settle();
}

Role::Role(Stage& stage) : stage_(stage) {
  // What it keeps is an argument and not captured: of a function without any, CAF 0.17 reads arguments that are not
  // there.
  const auto body = [](caf::event_based_actor* self, const std::shared_ptr<std::deque<Kept>>& kept) -> caf::behavior {
    self->set_default_handler(
        [self, kept](caf::scheduled_actor*, caf::message_view& view) -> caf::result<caf::message> {
          kept->push_back({view.move_content_to_message(), self->make_response_promise()});
          return caf::delegated<caf::message>{};
        });
    return {[self](const Do& m) { m.what(self); }};
  };
  actor_ = stage.keep(stage.system().spawn(body, kept_));
}

std::optional<wire::Failure> Role::sent_failure(wire::Kind kind) {
  const auto message = sent();
  if (!message || message->header.kind != kind) return std::nullopt;
  const auto failure = wire::decode<wire::Failure>(message->payload);
  REQUIRE(failure);
  return *failure;
}

actors::Arrived arrived(protocol::PartyId from, wire::Kind kind, protocol::PackId pack, protocol::Payload payload,
                        const caf::actor& link) {
  return {from, link, actors::Parcel(wire::Message{wire::control_header(kind, 0, pack), std::move(payload)})};
}

namespace {

std::unique_ptr<protocol::KeyRing> fake_ring(protocol::PartyId self) {
  using protocol::Key;
  return std::make_unique<protocol::KeyRing>(self, protocol::KeySet{Key({1}), Key({2}), Key({3})});
}

}  // namespace

std::shared_ptr<actors::SessionCore> fake_core(protocol::PartyId self) {
  auto core = std::make_shared<actors::SessionCore>();
  core->self = self;
  core->session = 77;
  core->network = fake_plan(1, 4).network;
  core->weight_shares.assign(core->network.layers.size(), protocol::Payload(4));
  const auto bound = fake_protocol.bind(core->network);
  REQUIRE(bound);
  auto program = bound->parties->make_program({self, core->weight_shares});
  REQUIRE(program);
  core->program = std::move(*program);
  core->keys = fake_ring(self);
  core->input_share_bytes = bound->clients->input_share_bytes()[0];
  return core;
}

protocol::PackKeysPtr fake_keys(protocol::PartyId self, protocol::PackId pack) {
  return fake_ring(self)->open(pack).value();
}

}  // namespace blindsight::test
