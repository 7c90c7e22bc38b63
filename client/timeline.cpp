#include "client/timeline.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "protocol/core/numbers.h"
#include "protocol/core/text.h"

namespace blindsight::client {
namespace {

using protocol::fixed;
using protocol::human_bytes;
using wire::Interval;
using wire::LayerReport;

// Pixels.
constexpr double gutter = 210, chart_width = 1340, margin = 16, header_height = 104, lane_gap = 8, half_gap = 2;
constexpr double least_half = 13, most_track = 8, least_track = 1.5, half_wanted = 44, font = 11;
constexpr double total_width = gutter + chart_width + margin;
constexpr std::size_t longest_name = 30;

/// As XML text or attribute value; what no XML document may hold is not printable.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : protocol::printable(text)) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else
      out += c;
  }
  return out;
}

std::string px(double value) {
  auto text = fixed(value, 2);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string milliseconds(std::uint32_t us) {
  return fixed(us / 1e3, 3);
}

/// The step of an axis with about ten labels: 1, 2 or 5 times a power of ten.
double axis_step_ms(double longest_ms) {
  const double rough = std::max(longest_ms, 1e-3) / 10;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1., 2., 5.})
    if (factor * power >= rough) return factor * power;
  return 10 * power;
}

/// What one server did for one layer, its bands laid into tracks such that those that overlap are apart.
struct HalfLane {
  const LayerReport* layer = nullptr;
  std::map<std::uint32_t, std::size_t> track_of;  ///< by band
  std::size_t tracks = 0;

  double track_height() const {
    return std::clamp(half_wanted / static_cast<double>(std::max<std::size_t>(tracks, 1)), least_track, most_track);
  }
  double height() const { return std::max(least_half, track_height() * static_cast<double>(tracks)); }
};

HalfLane half_lane(const LayerReport& layer) {
  HalfLane half;
  half.layer = &layer;
  struct Span {
    std::uint32_t begin, end, band;
    auto operator<=>(const Span&) const = default;
  };
  std::map<std::uint32_t, Span> by_band;
  for (const auto& i : layer.intervals) {
    auto& span = by_band.try_emplace(i.band, Span{i.begin_us, i.end_us, i.band}).first->second;
    span.begin = std::min(span.begin, i.begin_us);
    span.end = std::max(span.end, i.end_us);
  }
  std::vector<Span> spans;
  spans.reserve(by_band.size());
  for (const auto& [band, span] : by_band) spans.push_back(span);
  std::ranges::sort(spans);
  std::multimap<std::uint32_t, std::size_t> free_from;  // tracks by the end of what is on them
  for (const auto& span : spans) {
    auto track = free_from.size();
    if (!free_from.empty() && free_from.begin()->first <= span.begin) {
      track = free_from.begin()->second;
      free_from.erase(free_from.begin());
    }
    half.track_of[span.band] = track;
    free_from.emplace(span.end, track);
  }
  half.tracks = free_from.size();
  return half;
}

class Picture {
 public:
  Picture(const wire::QueryReport& report, const std::string& model_name) : report_(report), model_(model_name) {
    for (const auto& server : report.servers) {
      lanes_ = std::max(lanes_, server.layers.size());
      for (const auto& layer : server.layers) {
        full_ = full_ || layer.intervals.size() >= wire::max_intervals;
        for (const auto& i : layer.intervals) longest_ms_ = std::max(longest_ms_, i.end_us / 1e3);
      }
    }
    longest_ms_ = std::max(longest_ms_, 1e-3);
    for (std::size_t s = 0; s < 2; ++s)
      for (const auto& layer : report.servers[s].layers) halves_[s].push_back(half_lane(layer));
  }

  std::string draw() {
    double bottom = header_height;
    std::vector<double> tops;
    for (std::size_t layer = 0; layer < lanes_; ++layer) {
      tops.push_back(bottom);
      bottom += height(0, layer) + half_gap + height(1, layer) + lane_gap;
    }
    const double total_height = bottom + 24;
    out_ =
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + px(total_width) + "\" height=\"" + px(total_height) +
        "\" viewBox=\"0 0 " + px(total_width) + " " + px(total_height) + "\" font-family=\"sans-serif\" font-size=\"" +
        px(font) + "\">\n<title>" + escaped(model_) +
        ": timeline of one query</title>\n<style>.c0{fill:#1f6fb4}.w0{fill:#c9dff2}.c1{fill:#d0660d}.w1{fill:#fbdcc0}"
        ".q{fill:#d4d4d4}.s{fill:#111}.g{stroke:#ddd}.l{fill:#f6f6f6}.t{fill:#222}.n{fill:#666}</style>\n"
        "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
    header();
    for (std::size_t layer = 0; layer < lanes_; ++layer) background(layer, tops[layer]);
    axis(bottom);
    for (std::size_t layer = 0; layer < lanes_; ++layer) lane(layer, tops[layer]);
    out_ += "</svg>\n";
    return std::move(out_);
  }

 private:
  double height(std::size_t server, std::size_t layer) const {
    return layer < halves_[server].size() ? halves_[server][layer].height() : least_half;
  }
  double x(std::uint32_t us) const { return gutter + us / 1e3 / longest_ms_ * chart_width; }

  void text(double left, double baseline, const std::string& what, const char* more = "class=\"t\"") {
    out_ += "<text x=\"" + px(left) + "\" y=\"" + px(baseline) + "\" " + more + ">" + escaped(what) + "</text>\n";
  }
  void rect(double left, double top, double width, double height, const std::string& style,
            const std::string& title = {}) {
    out_ += "<rect class=\"" + style + "\" x=\"" + px(left) + "\" y=\"" + px(top) + "\" width=\"" + px(width) +
            "\" height=\"" + px(height) + "\"";
    out_ += title.empty() ? "/>\n" : "><title>" + escaped(title) + "</title></rect>\n";
  }

  std::uint64_t to_producer() const { return report_.to_producer(0) + report_.to_producer(1); }
  std::uint64_t from_producer() const { return report_.producer_online_to(0) + report_.producer_online_to(1); }

  /// Whose message a server waits for: with a producer that helps it may be either's.
  std::string awaited(std::size_t server) const {
    return to_producer() + from_producer() > 0 ? "a message" : "server " + std::to_string(1 - server);
  }

  /// What a producer that helped sent and was sent; empty for one that did not.
  std::string producer() const {
    const auto from = from_producer(), to = to_producer();
    if (from + to == 0) return {};
    return "; " + human_bytes(to) + " to the crypto producer, " + human_bytes(from) + " back";
  }

  void header() {
    const auto& r = report_;
    text(margin, 24, model_, "class=\"t\" font-size=\"16\" font-weight=\"bold\"");
    text(margin, 43,
         "online " + fixed(1e3 * r.servers[0].online_s, 1) + " ms at server 0, " +
             fixed(1e3 * r.servers[1].online_s, 1) + " ms at server 1; " + std::to_string(r.rounds()) + " rounds; " +
             human_bytes(r.server0_to_server1()) + " from server 0 to server 1, " +
             human_bytes(r.server1_to_server0()) + " back" + producer());
    text(margin, 59,
         std::string("Each server's times count from its own start of the query: the two clocks differ, so compare "
                     "lengths between servers, not moments.") +
             (full_ ? " Not all is drawn: a layer did more than " + std::to_string(wire::max_intervals) + " things."
                    : ""),
         "class=\"n\"");
    double left = margin;
    const auto entry = [&](const char* style, double width, const std::string& what, double room) {
      rect(left, 68, width, 10, style);
      text(left + width + 5, 77, what);
      left += width + 5 + room;
    };
    entry("c0", 16, "server 0 computes", 125);
    entry("w0", 16, "server 0 waits for " + awaited(0), 180);
    entry("c1", 16, "server 1 computes", 125);
    entry("w1", 16, "server 1 waits for " + awaited(1), 180);
    entry("q", 16, "ready, but the cores are busy", 190);
    entry("s", 1.5, "a message leaves for the other server", 240);
    text(left, 77, "Each line inside a lane is a band.", "class=\"n\"");
  }

  void axis(double bottom) {
    text(margin, header_height - 6, "computed at 0 + 1, sent by both", "class=\"n\"");
    const double step = axis_step_ms(longest_ms_);
    const int digits = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
    for (int i = 0; i * step <= longest_ms_; ++i) {
      const double at = gutter + i * step / longest_ms_ * chart_width;
      out_ += "<line class=\"g\" x1=\"" + px(at) + "\" x2=\"" + px(at) + "\" y1=\"" + px(header_height - 4) +
              "\" y2=\"" + px(bottom) + "\"/>\n";
      const auto label = fixed(i * step, digits) + (i == 0 ? " ms" : "");
      text(at + 2, header_height - 6, label, "class=\"n\"");
      text(at + 2, bottom + font, label, "class=\"n\"");
    }
  }

  void background(std::size_t layer, double top) {
    for (const std::size_t server : {0u, 1u}) {
      rect(gutter, top, chart_width, height(server, layer), "l");
      top += height(server, layer) + half_gap;
    }
  }

  void lane(std::size_t layer, double top) {
    const LayerReport none;
    const auto at = [&](std::size_t server) {
      return layer < halves_[server].size() ? halves_[server][layer].layer : &none;
    };
    const auto& first = *at(0);
    const auto& second = *at(1);
    out_ += "<g>\n";
    text(margin, top + font, protocol::printable(first.name.empty() ? second.name : first.name, longest_name),
         "class=\"t\" font-weight=\"bold\"");
    text(margin, top + 2 * font + 2,
         fixed(1e3 * first.compute_s, 1) + " + " + fixed(1e3 * second.compute_s, 1) + " ms, " +
             human_bytes(first.sent_bytes + second.sent_bytes),
         "class=\"n\"");
    for (const std::size_t server : {0u, 1u}) {
      const auto h = height(server, layer);
      text(gutter - 12, top + h / 2 + font / 2 - 2, std::to_string(server), "class=\"n\"");
      if (layer < halves_[server].size()) half(halves_[server][layer], server, top);
      top += h + half_gap;
    }
    out_ += "</g>\n";
  }

  void half(const HalfLane& half, std::size_t server, double top) {
    const auto number = std::to_string(server);
    const double h = half.track_height();
    // Sends last, or what follows them would hide them.
    for (const bool sends : {false, true})
      for (const auto& i : half.layer->intervals) {
        if ((i.kind == Interval::Kind::send) != sends) continue;
        const double y = top + h * static_cast<double>(half.track_of.at(i.band));
        const auto what = half.layer->name + ", band " + std::to_string(i.band) + ", server " + number + ": ";
        const auto begin = milliseconds(i.begin_us) + " ms";
        const auto lasting = [&](const std::string& style, const std::string& does) {
          rect(x(i.begin_us), y, std::max(0.25, x(i.end_us) - x(i.begin_us)), h, style,
               what + does + milliseconds(i.end_us - i.begin_us) + " ms from " + begin);
        };
        switch (i.kind) {
          case Interval::Kind::compute:
            lasting("c" + number, "computes ");
            break;
          case Interval::Kind::wait:
            lasting("w" + number, "waits for " + awaited(server) + " for ");
            break;
          case Interval::Kind::queue:
            lasting("q", "is ready, the cores are busy for ");
            break;
          case Interval::Kind::send:
            rect(x(i.begin_us) - 0.5, y, 1, h, "s", what + "sends " + std::to_string(i.bytes) + " bytes at " + begin);
            break;
        }
      }
  }

  const wire::QueryReport& report_;
  const std::string& model_;
  std::array<std::vector<HalfLane>, 2> halves_;
  std::size_t lanes_ = 0;
  double longest_ms_ = 0;
  bool full_ = false;
  std::string out_;
};

}  // namespace

std::string timeline_svg(const wire::QueryReport& report, const std::string& model_name) {
  return Picture(report, model_name).draw();
}

}  // namespace blindsight::client
