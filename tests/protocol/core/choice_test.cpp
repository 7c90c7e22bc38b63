#include "protocol/core/choice.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/protocol/support/networks.h"
#include "tests/support/text.h"

namespace blindsight::protocol {
namespace {

using blindsight::tests::contains;
using Triples = Dealing::Triples;
using Randomness = Dealing::Randomness;

TEST_CASE("every choice has a spelling of its own, and that says it again") {
  std::vector<std::string> all;
  for (const auto name : protocol_names())
    for (const Dealing dealing : testing::dealings(*find_protocol(name))) {
      const Choice choice{find_protocol(name), dealing};
      all.push_back(spelling(choice));
      CAPTURE(all.back());
      const auto back = choice_of(all.back());
      REQUIRE(back);
      CHECK(*back == choice);
      CHECK(*choice_of(*choice.protocol, protocol::name(dealing.triples), protocol::name(dealing.randomness)) ==
            choice);
    }
  std::ranges::sort(all);
  CHECK(std::ranges::adjacent_find(all) == all.end());
  CHECK(std::ranges::find(all, "blink") != all.end());
  CHECK(std::ranges::find(all, "pond/sent") != all.end());
  CHECK(std::ranges::find(all, "securenn/fresh/sent") != all.end());
}

TEST_CASE("defaults may be said, and parts are told from what was left out") {
  CHECK(*choice_of("blink/reused/seeded") == Choice{find_protocol("blink"), {}});
  CHECK(*choice_of("securenn/reused/sent") == Choice{find_protocol("securenn"), {Triples::reused, Randomness::sent}});
  CHECK(*choice_of("securenn/sent/fresh") == Choice{find_protocol("securenn"), {Triples::fresh, Randomness::sent}});
  CHECK(*choice_of(*find_protocol("pond"), "", "") == Choice{find_protocol("pond"), {}});
  const auto parts = parts_of("pond/seeded");
  REQUIRE(parts);
  CHECK(parts->protocol == find_protocol("pond"));
  CHECK(parts->triples.empty());
  CHECK(parts->randomness == "seeded");
}

TEST_CASE("what cannot be chosen is refused, and the refusal says what there is") {
  const auto refusal = [](std::string_view text) {
    const auto choice = choice_of(text);
    CAPTURE(text);
    REQUIRE_FALSE(choice);
    return choice.error().what;
  };
  for (const auto text : {"", "rot13", "rot13/fresh", "/fresh"})
    CHECK(contains(refusal(text), "there are: blink, securenn, pond, plaintext"));
  for (const auto text : {"pond/", "pond/stale", "pond//sent", "pond/fresh/sent/"})
    CHECK(contains(refusal(text), "there are: reused, fresh (of triples), seeded, sent (of randomness)"));
  CHECK(contains(refusal("pond/fresh/reused"), "of fresh and reused one can be chosen"));
  CHECK(contains(refusal("pond/sent/sent"), "of sent and sent one can be chosen"));
  const std::string none = refusal("blink/fresh/sent");
  CHECK(contains(none, "protocol blink has no such choice: `triples` = \"fresh\" and `randomness` = \"sent\""));
  CHECK(contains(none, "that has the choice: securenn, pond"));
  const auto word = choice_of(*find_protocol("pond"), "sent", "");
  REQUIRE_FALSE(word);
  CHECK(contains(word.error().what, "key `triples` is 'sent'; there are: reused, fresh"));
}

TEST_CASE("a choice binds to a network that its protocol takes, and to no other") {
  std::mt19937_64 rng(3);
  testing::Net net;
  net.spec.input = {8, 8, 2};
  LayerSpec l = testing::layer("pooled", net.spec.input, 4, testing::same3);
  l.max_pools = {testing::pool2};
  testing::add(net, l, 500, rng);
  testing::read_out(net);
  const auto bound = choice_of("securenn/sent")->bind(net.spec);
  REQUIRE(bound);
  CHECK(bound->protocol == find_protocol("securenn"));
  CHECK(bound->costs->online(input_value).producer_to_server0 > 0);
  CHECK(choice_of("securenn")->bind(net.spec)->costs->online(input_value).producer_to_server0 == 0);
  const auto refused = choice_of("pond")->bind(net.spec);
  REQUIRE_FALSE(refused);
  CHECK(contains(refused.error().what, "layer 'pooled'"));
}

}  // namespace
}  // namespace blindsight::protocol
