// Links of TLS, both ends, without sockets. The first three bytes choose who is at the two ends, the rest is a script
// of what happens: what is sealed, what arrives in which pieces, and what somebody on the way does to it.
#define OPENSSL_SUPPRESS_DEPRECATED  // RAND_set_rand_method(): the same script must be the same bytes each time
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <sanitizer/allocator_interface.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "tests/fuzz/property.h"
#include "wire/tls.h"

namespace blindsight::fuzz {
namespace {

using protocol::PartyId;
using protocol::Result;
using wire::Admission;
using wire::Credentials;
using wire::Directory;
using wire::Identity;
using wire::TlsContext;
using wire::Transport;
using Bytes = std::vector<char>;

/// What one end of a link may hold in OpenSSL and in buffers, beyond twice the largest piece that it was given.
constexpr std::size_t most_held = 512 * 1024;
/// In which what is under way arrives at a time.
constexpr std::size_t most_pieces = 20'000;
/// What an end sends by itself: its flights of the handshake and an alert. More only to answer changes of keys.
constexpr std::size_t most_answered = 8 * 1024;
/// Takings of memory that a handshake may need, and that a byte may: a measure of work that is the same on each
/// machine.
constexpr std::uint64_t handshake_allocations = 20'000, byte_allocations = 4;

// --- The same bytes each time
// -----------------------------------------------------------------------------------------

std::uint64_t random_state = 1;

int random_bytes(unsigned char* to, int size) {
  for (int i = 0; i < size; ++i) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    to[i] = static_cast<unsigned char>(random_state >> 24);
  }
  return 1;
}

void take_random_bytes_from_here() {
  static const RAND_METHOD method{nullptr, random_bytes, nullptr, nullptr, random_bytes, [] { return 1; }};
  property(RAND_set_rand_method(&method) == 1, "OpenSSL takes its randomness from here");
}

std::uint64_t allocations = 0;

void count_allocations() {
  const auto none = [](const volatile void*) {};
  property(
      __sanitizer_install_malloc_and_free_hooks([](const volatile void*, std::size_t) { ++allocations; }, none) != 0,
      "the sanitizer counts takings of memory");
}

// --- Who there is
// -----------------------------------------------------------------------------------------------------

/// Long ago and for long: the certificates must not depend on the day.
const Credentials::Time key_made{std::chrono::seconds(1'600'000'000)};
constexpr std::chrono::hours a_century{24 * 365 * 100};

struct Somebody {
  explicit Somebody(PartyId who, std::chrono::hours lifetime = a_century)
      : identity{who, std::string(protocol::name(who)), {}},
        credentials(Credentials::generate("x", key_made, lifetime)),
        expired(lifetime != a_century) {
    identity.key = credentials.fingerprint();
  }

  Identity identity;
  Credentials credentials;
  bool expired;
  std::shared_ptr<const TlsContext> context;
};

/// Everybody at the two ends of links; the stranger has the name of a server, and nobody has its key.
struct World {
  Somebody server0{PartyId::server0}, server1{PartyId::server1}, clinic{PartyId::client},
      late{PartyId::server1, std::chrono::hours(24)}, stranger{PartyId::server1};
  std::array<Somebody*, 5> all{&server1, &server0, &clinic, &late, &stranger};

  World() {
    Directory known;
    for (const auto* one : {&server0, &server1, &clinic, &late}) known[one->identity.key] = one->identity;
    for (auto* one : all) one->context = TlsContext::make(one->credentials, known);
  }
  bool knows(const Somebody& one) const { return &one != &stranger; }
};

const World& world() {
  static const World one;
  return one;
}

const Admission parties_listener{{PartyId::server1, PartyId::producer}, "the parties' listener"};
const Admission clients_listener{{PartyId::client}, "the clients' listener"};
const Admission address_of_server0{{PartyId::server0}, "the address of server0"};

bool admits(const Admission& admission, const Somebody& one) {
  return world().knows(one) && !one.expired && std::ranges::count(admission.parties, one.identity.party) > 0;
}

/// A program of its own at one end: it has somebody's key, believes everybody, and does what we never do.
class OtherProgram final : public Transport {
 public:
  enum class Habit { like_ours, no_key, borrowed_key, old_tls, other_protocol };

  OtherProgram(const Somebody& who, bool dials, Habit habit) : ssl_(SSL_new(context(who, habit)), SSL_free) {
    BIO* in = BIO_new(BIO_s_mem());
    BIO* out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_.get(), in, out);
    dials ? SSL_set_connect_state(ssl_.get()) : SSL_set_accept_state(ssl_.get());
  }

  Result<void> begin(Bytes& out) override {
    shake_hands(out);
    return {};
  }
  Result<std::span<const char>> feed(std::span<const char> bytes, Bytes& out) override {
    ERR_clear_error();
    BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
    shake_hands(out);
    plain_.clear();
    std::array<char, 4096> piece;
    std::size_t got = 0;
    while (established_ && SSL_read_ex(ssl_.get(), piece.data(), piece.size(), &got) == 1)
      plain_.insert(plain_.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(got));
    drain(out);
    ERR_clear_error();
    return std::span<const char>(plain_);
  }
  Bytes& to_seal(Bytes&) override { return unsealed_; }
  Result<void> seal(Bytes& out) override {
    std::size_t written = 0;
    const bool ok = SSL_write_ex(ssl_.get(), unsealed_.data(), unsealed_.size(), &written) == 1;
    unsealed_.clear();
    drain(out);
    ERR_clear_error();
    return ok ? Result<void>{} : protocol::fail("it cannot write");
  }
  bool established() const override { return established_; }
  const std::optional<Identity>& identity() const override { return nobody_; }
  Wanted wanted(std::size_t) const override { return {1, false}; }

  void change_keys(bool both, Bytes& out) {
    if (SSL_key_update(ssl_.get(), both ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1)
      shake_hands(out);
  }
  void say_goodbye(Bytes& out) {
    SSL_shutdown(ssl_.get());
    drain(out);
  }
  /// What a server may do in the midst of a link.
  void ask_for_the_key_again(Bytes& out) {
    if (SSL_verify_client_post_handshake(ssl_.get()) == 1) shake_hands(out);
  }

 private:
  using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

  /// Somebody's public key with the stranger's secret one: what goes with a certificate that everybody may have.
  static Key key_without_secret(const Somebody& who) {
    std::array<unsigned char, 32> open, secret;
    std::size_t size = open.size();
    EVP_PKEY_get_raw_public_key(who.credentials.key(), open.data(), &size);
    EVP_PKEY_get_raw_private_key(world().stranger.credentials.key(), secret.data(), &size);
    OSSL_PARAM parts[] = {OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, open.data(), open.size()),
                          OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, secret.data(), secret.size()),
                          OSSL_PARAM_construct_end()};
    EVP_PKEY* key = nullptr;
    auto* const maker = EVP_PKEY_CTX_new_from_name(nullptr, "ED25519", nullptr);
    EVP_PKEY_fromdata_init(maker);
    EVP_PKEY_fromdata(maker, &key, EVP_PKEY_KEYPAIR, parts);
    EVP_PKEY_CTX_free(maker);
    return {key, EVP_PKEY_free};
  }

  static SSL_CTX* context(const Somebody& who, Habit habit) {
    static std::map<std::pair<const Somebody*, Habit>, std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>> all;
    const auto [place, fresh] = all.try_emplace({&who, habit}, nullptr, SSL_CTX_free);
    auto& made = place->second;
    if (!fresh) return made.get();
    made.reset(SSL_CTX_new(TLS_method()));
    SSL_CTX_set_verify(made.get(), SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
    SSL_CTX_set_post_handshake_auth(made.get(), 1);
    if (habit != Habit::no_key) {
      const auto key = habit == Habit::borrowed_key ? key_without_secret(who) : Key{nullptr, EVP_PKEY_free};
      SSL_CTX_use_certificate(made.get(), who.credentials.certificate());
      property(SSL_CTX_use_PrivateKey(made.get(), key ? key.get() : who.credentials.key()) == 1, "a program has a key");
    }
    if (habit == Habit::old_tls) SSL_CTX_set_max_proto_version(made.get(), TLS1_2_VERSION);
    static const std::string ours =
                                 "\x0c"
                                 "blindsight/2",
                             other = "\x02h2";
    const auto& speaks = habit == Habit::other_protocol ? other : ours;
    SSL_CTX_set_alpn_protos(made.get(), reinterpret_cast<const unsigned char*>(speaks.data()),
                            static_cast<unsigned>(speaks.size()));
    SSL_CTX_set_alpn_select_cb(
        made.get(),
        [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char*, unsigned, void* chosen) {
          const auto& name = *static_cast<const std::string*>(chosen);
          *out = reinterpret_cast<const unsigned char*>(name.data()) + 1;
          *size = static_cast<unsigned char>(name.size() - 1);
          return SSL_TLSEXT_ERR_OK;
        },
        const_cast<std::string*>(&speaks));
    return made.get();
  }

  void shake_hands(Bytes& out) {
    ERR_clear_error();
    if (SSL_do_handshake(ssl_.get()) == 1) established_ = true;
    drain(out);
    ERR_clear_error();
  }
  void drain(Bytes& out) {
    std::array<char, 4096> piece;
    for (int got = 0; (got = BIO_read(SSL_get_wbio(ssl_.get()), piece.data(), static_cast<int>(piece.size()))) > 0;)
      out.insert(out.end(), piece.begin(), piece.begin() + got);
  }

  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  bool established_ = false;
  Bytes plain_, unsealed_;
  std::optional<Identity> nobody_;
};

// --- Records
// ----------------------------------------------------------------------------------------------------------

constexpr std::size_t record_header_bytes = 5;
/// What a record of application data adds to it: the header, the type of its content, the tag.
constexpr std::size_t record_overhead_bytes = record_header_bytes + 1 + 16;

/// The lengths of the records that stand one after another, headers included; of the last as much as there is.
std::vector<std::size_t> records_of(std::span<const char> bytes) {
  std::vector<std::size_t> lengths;
  while (!bytes.empty()) {
    std::size_t length = bytes.size();
    if (bytes.size() >= record_header_bytes)
      length = record_header_bytes +
               (std::size_t{static_cast<unsigned char>(bytes[3])} << 8 | static_cast<unsigned char>(bytes[4]));
    lengths.push_back(std::min(length, bytes.size()));
    bytes = bytes.subspan(lengths.back());
  }
  return lengths;
}

/// What is sealed behind so many bytes: no two pieces of one length are alike.
std::span<const char> some_text(std::size_t at, std::size_t size) {
  static const Bytes text = [] {
    Bytes bytes(1 << 18);
    Random random(1);
    for (auto& b : bytes) b = static_cast<char>(random());
    return bytes;
  }();
  return std::span(text).subspan(at % (text.size() / 2), size);
}

// --- A link
// -----------------------------------------------------------------------------------------------------------

/// One direction: what its sender has given, what is under way, what has arrived, and what the receiver made of it.
struct Way {
  Bytes sent;       ///< off the sender's hand
  Bytes under_way;  ///< of it, as somebody on the way left it
  Bytes sealed;     ///< plain, what `sent` carries
  std::size_t delivered = 0;
  /// How much of `sent` arrived as it was, one byte after another.
  std::size_t arrived = 0;
  bool touched = false;                 ///< something else arrived
  bool touched_before_receipt = false;  ///< ... before the receiver's handshake had ended
  struct Mark {
    std::size_t sent, sealed;
  };
  std::vector<Mark> records;  ///< with application data: where each ends in `sent` and in `sealed`

  /// Plain bytes that `arrived` carries in whole records.
  std::size_t carried() const {
    const auto next = std::ranges::upper_bound(records, arrived, {}, &Mark::sent);
    return next == records.begin() ? 0 : std::prev(next)->sealed;
  }
};

struct End {
  const Somebody* who = nullptr;
  const Somebody* peer = nullptr;
  const Admission* admission = nullptr;  ///< none at another program's end
  std::unique_ptr<Transport> transport;
  OtherProgram* other = nullptr;
  bool peer_has_a_right = true;  ///< as far as it is another program's manners that decide
  std::optional<protocol::Error> ended;
  std::uint64_t fed_bytes = 0, allocations = 0;
  std::size_t answered_bytes = 0, largest_piece = 0;
  std::ptrdiff_t held = 0;  ///< on the heap, in the transport

  bool may_know_its_peer() const { return peer_has_a_right && admits(*admission, *peer); }
};

struct Scene {
  const Somebody* dials = nullptr;
  const Somebody* answers = nullptr;
  const Admission* listener = nullptr;
  std::uint64_t rekey_bytes = TlsContext::default_rekey_bytes;
  unsigned other_end = 2;  ///< 0 or 1: another program is there
  OtherProgram::Habit habit = OtherProgram::Habit::like_ours;
};

class Link {
 public:
  explicit Link(const Scene& scene) {
    auto& [client, server] = ends_;
    client.who = server.peer = scene.dials;
    server.who = client.peer = scene.answers;
    client.admission = &address_of_server0;
    server.admission = scene.listener;
    for (unsigned e = 0; e < 2; ++e) {
      auto& end = ends_[e];
      const auto before = heap_bytes();
      if (scene.other_end == e) {
        auto program = std::make_unique<OtherProgram>(*end.who, e == 0, scene.habit);
        end.other = program.get();
        end.transport = std::move(program);
        end.admission = nullptr;
        ends_[1 - e].peer_has_a_right = scene.habit == OtherProgram::Habit::like_ours;
      } else {
        const auto& context = *end.who->context;
        end.transport = e == 0 ? context.connect(*end.admission, scene.rekey_bytes)
                               : context.accept(*end.admission, scene.rekey_bytes);
      }
      end.held += static_cast<std::ptrdiff_t>(heap_bytes()) - static_cast<std::ptrdiff_t>(before);
    }
    Bytes first;
    property(client.transport->begin(first).has_value(), "a link begins");
    put_under_way(0, first);
  }

  Way& way(unsigned from) { return ways_[from]; }
  End& end(unsigned e) { return ends_[e]; }

  /// The first `size` bytes that are under way from one end arrive at the other.
  void arrive(unsigned from, std::size_t size) {
    auto& under_way = ways_[from].under_way;
    const auto end = under_way.begin() + static_cast<std::ptrdiff_t>(std::min(size, under_way.size()));
    const Bytes piece(under_way.begin(), end);
    under_way.erase(under_way.begin(), end);
    if (!piece.empty()) take(from, piece);
  }

  /// All that is under way, and what comes in answer.
  void carry(std::size_t piece) {
    // A handshake is over after three flights, and nothing but a change of keys is answered later.
    for (int rounds = 0; !ways_[0].under_way.empty() || !ways_[1].under_way.empty(); ++rounds) {
      property(rounds < 8, "two ends come to rest");
      for (unsigned from = 0; from < 2; ++from) {
        const Bytes moving = std::exchange(ways_[from].under_way, {});
        // Hundreds of thousands of single bytes take seconds and show nothing that thousands do not.
        const std::size_t size = std::max(piece, moving.size() / most_pieces);
        for (std::size_t at = 0; at < moving.size(); at += size)
          take(from, std::span(moving).subspan(at, std::min(size, moving.size() - at)));
      }
    }
    if (!all_arrived() || !are_ours_and_welcome()) return;
    for (const auto& end : ends_)
      property(end.transport->established() && !end.ended, "two that know each other find each other");
  }

  void seal(unsigned e, std::size_t size) {
    auto& end = ends_[e];
    if (!end.transport->established() || end.ended) return;
    auto& way = ways_[e];
    const std::size_t was = way.sealed.size();
    const auto what = some_text(was, size);
    way.sealed.insert(way.sealed.end(), what.begin(), what.end());
    Bytes out;
    const std::size_t before = heap_bytes();
    auto& unsealed = end.transport->to_seal(out);
    unsealed.insert(unsealed.end(), what.begin(), what.end());
    const auto sealed = end.transport->seal(out);
    end.held += static_cast<std::ptrdiff_t>(heap_bytes()) - static_cast<std::ptrdiff_t>(before + out.capacity());
    if (end.other != nullptr && !sealed) {
      way.sealed.resize(was);
    } else {
      property(sealed.has_value(), "what is established can be sent to");
      mark_records(way, was, out);
    }
    end.largest_piece = std::max(end.largest_piece, size);
    put_under_way(e, out);
  }

  /// Another program's own doing.
  template <class Do>
  void let_other(unsigned e, Do what) {
    auto& end = ends_[e];
    if (end.other == nullptr) return;
    Bytes out;
    what(*end.other, out);
    put_under_way(e, out);
  }

 private:
  bool touched() const { return ways_[0].touched || ways_[1].touched; }
  bool all_arrived() const {
    return !touched() && std::ranges::all_of(ways_, [](const Way& w) { return w.arrived == w.sent.size(); });
  }
  bool are_ours_and_welcome() const {
    return std::ranges::all_of(ends_, [](const End& e) { return e.other == nullptr && e.may_know_its_peer(); });
  }

  static Bytes with_room() {
    Bytes bytes;
    bytes.reserve(64 * 1024);
    return bytes;
  }

  void put_under_way(unsigned from, const Bytes& bytes) {
    auto& way = ways_[from];
    way.sent.insert(way.sent.end(), bytes.begin(), bytes.end());
    way.under_way.insert(way.under_way.end(), bytes.begin(), bytes.end());
  }

  /// The records of a message that was sealed. A change of keys before it is a record of its own, as long as no
  /// message.
  static void mark_records(Way& way, std::size_t sealed, std::span<const char> out) {
    const auto lengths = records_of(out);
    std::size_t plain = 0, at = way.sent.size();
    for (const auto length : lengths) plain += length - record_overhead_bytes;
    const bool keys_change = plain != way.sealed.size() - sealed;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      at += lengths[i];
      if (i > 0 || !keys_change) sealed += lengths[i] - record_overhead_bytes;
      way.records.push_back({at, sealed});
    }
    property(sealed == way.sealed.size(), "what is sealed is in records of application data");
  }

  /// Follows what arrives, byte by byte, for as long as it is what was sent.
  static void note_arrival(Way& way, std::span<const char> piece, bool receiver_established) {
    if (way.touched) return;
    const auto left = std::span(way.sent).subspan(way.arrived);
    const auto same = static_cast<std::size_t>(std::ranges::mismatch(piece, left).in1 - piece.begin());
    way.arrived += same;
    way.touched = same < piece.size();
    way.touched_before_receipt = way.touched && !receiver_established;
  }

  /// What is ours of a refusal that a call gave back, to the byte: there may be as many as there are bytes.
  static std::ptrdiff_t heap_bytes_of(const std::string& text) {
    return text.capacity() > std::string().capacity() ? static_cast<std::ptrdiff_t>(text.capacity() + 1) : 0;
  }

  void take(unsigned from, std::span<const char> piece) {
    auto& way = ways_[from];
    auto& end = ends_[1 - from];
    note_arrival(way, piece, end.transport->established());
    Bytes& answer = answer_;
    answer.clear();
    const auto before = heap_bytes();
    const auto allocations_before = allocations;
    const auto fed = end.transport->feed(piece, answer);
    end.allocations += allocations - allocations_before;
    end.held += static_cast<std::ptrdiff_t>(heap_bytes()) - static_cast<std::ptrdiff_t>(before);
    if (!fed) end.held -= heap_bytes_of(fed.error().what);
    end.fed_bytes += piece.size();
    end.largest_piece = std::max(end.largest_piece, piece.size());
    end.answered_bytes += answer.size();
    if (end.other == nullptr) {
      check_bounds(end);
      fed ? check_delivery(way, end, *fed) : check_refusal(way, end, fed.error(), answer);
    }
    check_identity(end);
    put_under_way(1 - from, answer);
  }

  static void check_bounds(const End& end) {
    property(end.held <= static_cast<std::ptrdiff_t>(most_held + 2 * end.largest_piece), "memory is bounded",
             std::to_string(end.held));
    property(end.allocations <= handshake_allocations + byte_allocations * end.fed_bytes, "work is bounded",
             std::to_string(end.allocations) + " for " + std::to_string(end.fed_bytes) + " bytes");
    property(end.answered_bytes <= most_answered + 2 * end.fed_bytes, "answers are bounded",
             std::to_string(end.answered_bytes) + " for " + std::to_string(end.fed_bytes) + " bytes");
  }

  void check_delivery(Way& way, const End& end, std::span<const char> plain) const {
    property(!end.ended, "an error ends a link for good");
    property(plain.empty() || end.transport->established(), "nothing is delivered before the other end is known");
    property(way.delivered + plain.size() <= way.sealed.size() &&
                 std::ranges::equal(plain, std::span(way.sealed).subspan(way.delivered, plain.size())),
             "what is delivered is what was sealed");
    way.delivered += plain.size();
    if (way.touched_before_receipt) return;
    property(way.delivered <= way.carried(), "nothing behind a damaged byte is delivered");
    if (!touched() && end.transport->established())
      property(way.delivered == way.carried(), "what has come is delivered",
               std::to_string(way.delivered) + " of " + std::to_string(way.carried()));
  }

  void check_refusal(const Way& way, End& end, const protocol::Error& error, const Bytes& answer) const {
    refusal_is_readable(error.what);
    if (end.ended) property(answer.empty() && error == *end.ended, "an end that has ended says nothing more");
    const auto& sender = ends_[static_cast<std::size_t>(&way - ways_.data())];
    property(touched() || sender.ended || end.ended || !are_ours_and_welcome(),
             "two that know each other understand each other", error.what);
    end.ended = error;
  }

  static void check_identity(const End& end) {
    if (end.other != nullptr) return;
    property(end.transport->established() == end.transport->identity().has_value(),
             "a link is established when it is known with whom");
    if (!end.transport->established()) return;
    property(end.may_know_its_peer(), "nobody is let in who should not be");
    property(*end.transport->identity() == end.peer->identity, "an identity is of whoever holds its key");
  }

  std::array<End, 2> ends_;
  std::array<Way, 2> ways_;     ///< [0]: from who dials
  Bytes answer_ = with_room();  ///< so that its growing is not taken for a transport's
};

// --- What happens
// -----------------------------------------------------------------------------------------------------

/// The bytes of the input, one after another; zeros behind its end.
class Script {
 public:
  explicit Script(std::span<const std::uint8_t> bytes) : left_(bytes) {}
  bool empty() const { return left_.empty(); }
  std::uint8_t next() {
    if (left_.empty()) return 0;
    const auto byte = left_.front();
    left_ = left_.subspan(1);
    return byte;
  }
  std::size_t number() {
    const std::size_t low = next();
    return low | std::size_t{next()} << 8;
  }
  Bytes bytes(std::size_t size) {
    size = std::min(size, left_.size());
    const Bytes taken(left_.begin(), left_.begin() + static_cast<std::ptrdiff_t>(size));
    left_ = left_.subspan(size);
    return taken;
  }

 private:
  std::span<const std::uint8_t> left_;
};

/// Half of the scenes are of two that know each other.
Scene scene_of(Script& script) {
  const auto people = script.next(), manner = script.next(), program = script.next();
  const auto& all = world().all;
  Scene scene;
  scene.dials = people % 2 == 0 ? all[0] : all[people / 2 % 5];
  scene.answers = people % 2 == 0 ? all[1] : all[people / 10 % 5];
  scene.listener = manner % 8 == 7 ? &clients_listener : &parties_listener;
  constexpr std::uint64_t rekeys[] = {TlsContext::default_rekey_bytes, 1, 100, 5000};
  scene.rekey_bytes = rekeys[manner / 8 % 4];
  if (program % 4 == 3) {
    scene.other_end = program / 4 % 2;
    using enum OtherProgram::Habit;
    constexpr OtherProgram::Habit habits[] = {like_ours, like_ours,    like_ours, like_ours,
                                              no_key,    borrowed_key, old_tls,   other_protocol};
    scene.habit = habits[program / 8 % 8];
  }
  return scene;
}

/// What others send, by chance or on purpose, and what is right in another place.
Bytes foreign_bytes(std::uint8_t which) {
  static const std::array<std::string, 14> all{
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      std::string("\x14\x03\x03\0\1\1", 6),               // a change of ciphers, which TLS 1.3 overlooks in a handshake
      std::string("\x15\x03\x03\0\2\1\0", 7),             // alert: goodbye
      std::string("\x15\x03\x03\0\2\2\x28", 7),           // alert: handshake failure
      std::string("\x15\x03\x03\0\2\1\x5a", 7),           // alert: user canceled
      std::string("\x16\x03\x03\0\0", 5),                 // a record without content
      std::string("\x17\x03\x03\0\0", 5),                 // the same as application data
      std::string("\x17\x03\x03\x41\x01", 5),             // as long as none may be
      std::string("\x16\x03\x01\0\4\1\0\xff\xff", 9),     // the beginning of a long first message
      std::string("\x16\x03\x03\0\4\0\0\0\0", 9),         // a request for a renegotiation
      std::string("\x16\x03\x03\0\5\x18\0\0\1\1", 10),    // a change of keys
      std::string("\x80\x2e\1\3\1\0\x15\0\0\0\x10", 11),  // the first message of SSL 2
      std::string("\x16\x03\x01\0\1\1", 6),               // one byte of a message, again and again
      std::string("\x10\0\0\0hello...hello...", 20)};     // a frame on a plain link
  const auto& text = all[which % all.size()];
  return {text.begin(), text.end()};
}

Bytes repeated(const Bytes& what, std::size_t times) {
  Bytes all;
  for (; times > 0; --times) all.insert(all.end(), what.begin(), what.end());
  return all;
}

/// What a link of the same two once sent, recorded by somebody on the way.
const Bytes& earlier(unsigned from) {
  static const std::array<Bytes, 2> recorded = [] {
    Link link({world().all[0], world().all[1], &parties_listener});
    link.carry(1 << 20);
    for (unsigned e = 0; e < 2; ++e) link.seal(e, 100);
    return std::array<Bytes, 2>{link.way(0).sent, link.way(1).sent};
  }();
  return recorded[from];
}

void insert(Bytes& to, std::size_t at, const Bytes& what) {
  to.insert(to.begin() + static_cast<std::ptrdiff_t>(at % (to.size() + 1)), what.begin(), what.end());
}

/// Where the record with this number stands: its beginning and its length. Not where nothing is under way.
std::pair<std::size_t, std::size_t> record(const Bytes& bytes, std::size_t number) {
  const auto lengths = records_of(bytes);
  const std::size_t which = number % lengths.size();
  return {std::accumulate(lengths.begin(), lengths.begin() + static_cast<std::ptrdiff_t>(which), std::size_t{0}),
          lengths[which]};
}

/// What somebody on the way does to whole records.
void meddle_with_records(Bytes& bytes, std::uint8_t what, std::size_t number) {
  if (bytes.empty()) return;
  const auto [at, length] = record(bytes, number);
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at), end = begin + static_cast<std::ptrdiff_t>(length);
  switch (what % 4) {
    case 0:
      return insert(bytes, at + length, Bytes(begin, end));
    case 1:
      return insert(bytes, bytes.size(), Bytes(begin, end));
    case 2:  // behind all that follow
      std::rotate(begin, end, bytes.end());
      return;
    default:
      bytes.erase(begin, end);
  }
}

void meddle_with_bytes(Bytes& bytes, std::uint8_t what, Script& script) {
  const std::size_t at = script.number();
  switch (what % 4) {
    case 0:
    case 1:
      if (!bytes.empty()) {
        auto& byte = bytes[at % bytes.size()];
        byte = static_cast<char>(what % 4 == 0 ? byte ^ (1 << script.next() % 8) : script.next());
      }
      return;
    case 2:
      bytes.resize(at % (bytes.size() + 1));
      return;
    default:
      return insert(bytes, at, script.bytes(script.next()));
  }
}

void happen(Link& link, Script& script) {
  const auto what = script.next();
  const unsigned from = what >> 7;
  auto& under_way = link.way(from).under_way;
  switch (what % 16) {
    case 0:
    case 1:
      return link.carry(what % 16 == 0 ? 1 << 16 : 1 + script.next());
    case 2:
      return link.arrive(from, script.number());
    case 3:
      return under_way.empty() ? void() : link.arrive(from, record(under_way, 0).second);
    case 4:
    case 5:
      return link.seal(from, 1 + (what % 16 == 4 ? script.next() : script.number() % 40'000));
    case 6:
    case 7:
    case 8:
      return meddle_with_bytes(under_way, what / 16, script);
    case 9:
    case 10:
      return meddle_with_records(under_way, what / 16, script.next());
    case 11:
      return insert(under_way, script.number(),
                    repeated(foreign_bytes(script.next()), what / 16 % 4 == 3 ? 1 + script.number() % 8192 : 1));
    case 12:
      return insert(under_way, script.number(), earlier(what / 16 % 2));
    case 13: {  // straight into the other end
      const auto bytes = script.bytes(1 + script.next());
      insert(under_way, 0, bytes);
      return link.arrive(from, bytes.size());
    }
    case 14:
      return link.let_other(from, [&](auto& program, Bytes& out) { program.change_keys(what / 16 % 2 == 0, out); });
    default:
      return link.let_other(from, [&](auto& program, Bytes& out) {
        what / 16 % 2 == 0 ? program.ask_for_the_key_again(out) : program.say_goodbye(out);
      });
  }
}

/// The handshake to its end, or a flight of it, and then a few things.
Bytes random_script(Random& random) {
  Bytes script;
  for (int i = 0; i < 3; ++i) script.push_back(static_cast<char>(random() % 3 == 0 ? random() : random() % 32 / 8 * 8));
  for (auto flights = random() % 5; flights > 0; --flights)
    script.push_back(static_cast<char>(flights % 2 == 0 ? 0x83 : 0x03));
  if (random() % 4 > 0) script.push_back(0);
  for (auto n = random() % 40; n > 0; --n) script.push_back(static_cast<char>(random()));
  return script;
}

void run(Script script) {
  random_state = 0x9e3779b97f4a7c15;
  Link link(scene_of(script));
  while (!script.empty()) happen(link, script);
  link.carry(1 << 16);
}

}  // namespace
}  // namespace blindsight::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  using namespace blindsight::fuzz;
  take_random_bytes_from_here();
  count_allocations();
  world();
  earlier(0);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindsight::fuzz;
  run(Script({data, size}));
  return 0;
}

/// Now and then a script that begins as links do takes the place of another.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  using namespace blindsight::fuzz;
  Random random(seed);
  random.discard(1);
  if (size == 0 || random() % 50 == 0) return put(random_script(random), data, most);
  return LLVMFuzzerMutate(data, size, most);
}
