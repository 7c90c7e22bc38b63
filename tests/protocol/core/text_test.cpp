#include "protocol/core/text.h"

#include <doctest/doctest.h>

using namespace blindsight::protocol;

TEST_CASE("text that a terminal can show stays as it is, in any script") {
  for (const char* text : {"", "conv1/weights:0", "läsion.jpg", "Кожа", "皮膚", "🔬", "a b"}) {
    CHECK(printable(text) == text);
    CHECK(is_printable(text));
  }
  CHECK(in_quotes("läsion.jpg") == "'läsion.jpg'");
}

TEST_CASE("what would write more than characters of one line becomes a question mark") {
  CHECK(printable("a\x1b[2Jb\r\nc\td\x7f") == "a?[2Jb??c?d?");
  CHECK(printable("a\xc2\x85z") == "a?z");        // C1: next line
  CHECK(printable("a\xe2\x80\xa8z") == "a?z");    // line separator
  CHECK(printable("a\xe2\x80\xaez") == "a?z");    // right-to-left override
  CHECK(printable("a\xe2\x81\xa6z") == "a?z");    // isolate
  CHECK(printable("a\xff\xc3z") == "a??z");       // no UTF-8
  CHECK(printable("a\xc0\xafz") == "a??z");       // a slash, too long
  CHECK(printable("a\xed\xa0\x80z") == "a???z");  // half of a surrogate pair
  CHECK(printable("caf\xc3") == "caf?");          // cut short
  CHECK(printable(std::string("a\0b", 3)) == "a?b");
  for (const char* text : {"a\nb", "\x1b", "\xff", "\xe2\x80\xae"}) CHECK_FALSE(is_printable(text));
}

TEST_CASE("long text is cut between characters, and says so") {
  std::string long_name;
  for (int i = 0; i < 100; ++i) long_name += "ä";
  const auto shown = in_quotes(long_name);
  CHECK(shown.size() == 1 + 80 * 2 + std::string("…").size() + 1);
  CHECK(shown.ends_with("ä…'"));
  CHECK(printable("abc", 3) == "abc");
  CHECK(printable("abcd", 3) == "abc…");
  CHECK(printable_in_bytes(long_name, 5) == "ää");
  CHECK(printable_in_bytes("abc", 5) == "abc");
  CHECK(printable_in_bytes("a\nb", 5) == "a?b");
}

TEST_CASE("lines of a longer text stay lines") {
  CHECK(printable_lines("two problems:\n  a\x1b\n  b\n") == "two problems:\n  a?\n  b\n");
}
