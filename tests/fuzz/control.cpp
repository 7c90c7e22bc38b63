// Control messages, as parties and clients read them. The first byte chooses the type and how the message lies in
// memory, the rest is the message.
#include <vector>

#include "protocol/core/text.h"
#include "tests/fuzz/property.h"
#include "wire/control.h"

namespace blindsight::fuzz {
namespace {

using protocol::Payload;
using namespace wire;

/// What a decoder makes out of `words` words, in things that take memory of their own: a list of things without content
/// must not stand for more.
std::size_t most_things(std::size_t words) {
  return 2 * words + 64;
}

template <class T>
void check(const T&, std::size_t) {}

void check(const Failure& f, std::size_t) {
  property(protocol::is_printable(f.error.what), "another's reason is printable", f.error.what);
  property(f.error.what.size() <= 10'000, "another's reason has a length that a log bears");
  property(f.error.fault <= protocol::Fault::last, "a failure's kind is one of ours");
}

void check(const Hello& h, std::size_t) {
  property(protocol::is_printable(h.software_version), "another's version is printable", h.software_version);
  property(protocol::is_printable(h.choice), "another's choice is printable", h.choice);
}

void check(const PartyStatus& s, std::size_t) {
  for (const auto& text : {s.version, s.choice, s.session, s.deployment, s.plan_digest, s.isa}) {
    property(protocol::is_printable(text), "what a party says of itself is printable", text);
    property(text.size() <= 10'000, "what a party says of itself has a length that a terminal bears");
  }
}

void check(const DeployBegin& d, std::size_t) {
  property(protocol::is_printable(d.name), "a model's name is printable", d.name);
  property(!d.name.empty() && d.name.size() <= longest_model_name, "a model's name is no longer than is allowed");
}

void check(const Predicted& p, std::size_t words) {
  std::size_t things = p.report.layers.size();
  for (const auto& layer : p.report.layers) {
    things += layer.intervals.size();
    for (const auto& i : layer.intervals)
      property(i.kind <= Interval::Kind::send && i.begin_us <= i.end_us, "an interval is possible");
  }
  property(things <= most_things(words), "a short message does not stand for a huge one");
}

template <class T>
void read(std::span<const std::uint8_t> bytes) {
  const auto value = decode<T>(bytes);
  if (!value) {
    property(value.error().fault == protocol::Fault::violation, "what cannot be read is a violation");
    return refusal_is_readable(value.error().what);
  }
  check(*value, bytes.size() / 8);
  const Payload written = encode(*value);
  const auto again = decode<T>(written);
  property(again.has_value(), "what was read can be written and read", again ? "" : again.error().what);
  property(encode(*again) == written, "a value is written in one way");
  // What holds a NaN is equal to nothing.
  property(*again == *value || !(*value == *value), "what was read, written and read is the same");
}

using Read = void (*)(std::span<const std::uint8_t>);
constexpr Read readers[] = {read<Hello>,     read<Confirm>,     read<QueryName>, read<Failure>,    read<Predict>,
                            read<Predicted>, read<DeployBegin>, read<Number>,    read<PartyStatus>};

template <class Bytes>
Bytes random_bytes(Random& random) {
  Bytes bytes{};
  for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
  return bytes;
}

Payload random_payload(Random& random, std::size_t most) {
  Payload bytes(random() % (most + 1));
  for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
  return bytes;
}

std::string text(Random& random) {
  constexpr std::string_view texts[] = {"",         "skin",         "blink", "a\nb",   "\x1b[2J",
                                        "\xc3\xa4", "\xe2\x80\xae", "\xff",  "layer 1"};
  std::string made(pick(texts, random));
  for (std::size_t n = random() % 16 == 0 ? random() % 300 : 0; n > 0; --n) made += 'x';
  return made;
}

std::uint64_t number(Random& random) {
  return static_cast<std::uint64_t>(pick(edges, random));
}

Payload random_hello(Random& random) {
  Hello h;
  h.wire_version = static_cast<std::uint32_t>(number(random));
  h.software_version = text(random);
  h.role = static_cast<protocol::PartyId>(random() % 5);
  h.public_key = random_bytes<PublicKey>(random);
  h.choice = text(random);
  if (random() % 2 == 0)
    h.deployment = DeploymentName{random_bytes<DeploymentId>(random), random_bytes<model::Digest>(random)};
  return encode(h);
}

JobHeader random_header(Random& random) {
  return {random_bytes<QueryId>(random), random_bytes<model::Digest>(random), random_bytes<Fingerprint>(random),
          random_bytes<std::array<std::uint8_t, 32>>(random), number(random)};
}

Payload random_answer(Random& random) {
  Predicted p;
  p.query = random_bytes<QueryId>(random);
  p.attempt = random_bytes<Attempt>(random);
  p.output_share = random_payload(random, 40);
  p.report.pack = number(random);
  for (auto n = random() % 4; n > 0; --n) {
    LayerReport layer;
    layer.name = text(random);
    layer.sent_bytes = number(random);
    for (auto k = random() % 4; k > 0; --k)
      layer.intervals.push_back({static_cast<Interval::Kind>(random() % 5), static_cast<std::uint32_t>(random()),
                                 static_cast<std::uint32_t>(random() % 4), 2, number(random)});
    p.report.layers.push_back(layer);
  }
  return encode(p);
}

Payload random_status(Random& random) {
  PartyStatus s;
  s.version = text(random);
  s.role = static_cast<protocol::PartyId>(random() % 5);
  s.choice = text(random);
  s.session = text(random);
  s.deployment = text(random);
  s.serving = true;
  s.packs_ready = number(random);
  s.isa = text(random);
  return encode(s);
}

/// A message of the type with this number in `readers`.
Payload random_message(std::size_t type, Random& random) {
  switch (type) {
    case 0:
      return random_hello(random);
    case 1:
      return encode(Confirm{random_bytes<SessionId>(random)});
    case 2:
      return encode(
          QueryName{random_bytes<QueryId>(random), random() % 2 == 0 ? random_bytes<JobDigest>(random) : JobDigest{}});
    case 3:
      return encode(
          Failure{random_bytes<QueryId>(random), {static_cast<protocol::Fault>(random() % 20), text(random)}});
    case 4:
      return encode(Predict{random_header(random), static_cast<protocol::PartyId>(random() % 3),
                            random_payload(random, 100), random() % 2 == 0});
    case 5:
      return random_answer(random);
    case 6:
      return encode(DeployBegin{random_bytes<DeploymentId>(random), random_payload(random, 100), text(random)});
    case 7:
      return encode(Number{number(random)});
    default:
      return random_status(random);
  }
}

/// One word as another pointer: of another kind, to another place, to more or less.
void bend_word(std::span<std::uint8_t> message, Random& random) {
  if (message.size() < 8) return;
  auto* word = message.data() + 8 * (random() % (message.size() / 8));
  word[random() % 8] = static_cast<std::uint8_t>(random() % 2 == 0 ? random() : word[0] + 4 * (random() % 9) - 16);
}

}  // namespace
}  // namespace blindsight::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindsight;
  if (size == 0) return 0;
  constexpr std::size_t types = std::size(fuzz::readers);
  // A payload is aligned; a view into a larger buffer need not be.
  const std::size_t shift = data[0] / types % 8;
  std::vector<std::uint64_t> memory(size / 8 + 2);
  auto* const bytes = reinterpret_cast<std::uint8_t*>(memory.data()) + shift;
  std::copy_n(data + 1, size - 1, bytes);
  fuzz::readers[data[0] % types]({bytes, size - 1});
  return 0;
}

/// Now and then a message that is right takes the place of another, or one of its words is bent.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  using namespace blindsight::fuzz;
  Random random(seed);
  random.discard(1);
  if (size == 0 || random() % 50 == 0) {
    const std::size_t type = random() % std::size(readers);
    std::vector<std::uint8_t> input{static_cast<std::uint8_t>(type)};
    const auto message = random_message(type, random);
    input.insert(input.end(), message.begin(), message.end());
    return put(input, data, most);
  }
  if (random() % 3 == 0) {
    bend_word({data + 1, size - 1}, random);
    return size;
  }
  return LLVMFuzzerMutate(data, size, most);
}
