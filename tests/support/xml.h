#pragma once

#include <string>
#include <vector>

#include "tests/support/text.h"

namespace blindsight::tests {

/// What keeps the text from being one XML element with balanced tags and escaped text, or empty.
inline std::string malformed(const std::string& text) {
  std::vector<std::string> open;
  std::size_t roots = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '<') {
      if (text[at] == '&') {
        const auto end = text.find(';', at);
        if (end == std::string::npos || end > at + 6) return "a lone & at byte " + std::to_string(at);
      }
      if (static_cast<unsigned char>(text[at]) < 0x20 && text[at] != '\n')
        return "a control character at byte " + std::to_string(at);
      ++at;
      continue;
    }
    const auto end = text.find('>', at);
    if (end == std::string::npos) return "a tag without end at byte " + std::to_string(at);
    const auto tag = text.substr(at + 1, end - at - 1);
    at = end + 1;
    if (contains(tag, "<")) return "a < inside the tag " + tag;
    if (count(tag, "\"") % 2 != 0) return "an odd number of quotes in the tag " + tag;
    const auto name =
        tag.substr(tag.starts_with('/') ? 1 : 0, tag.find_first_of(" /", 1) - (tag.starts_with('/') ? 1 : 0));
    if (tag.starts_with('/')) {
      if (open.empty() || open.back() != tag.substr(1)) return "</" + tag.substr(1) + "> closes nothing";
      open.pop_back();
    } else if (!tag.ends_with('/')) {
      if (open.empty() && ++roots > 1) return "a second root <" + tag + ">";
      open.push_back(name);
    }
  }
  return open.empty() ? "" : "<" + open.back() + "> is not closed";
}

}  // namespace blindsight::tests
