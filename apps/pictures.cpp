#include "apps/pictures.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <numeric>

#include "model/graph/graph.h"

namespace blindsight::apps {
namespace {

const std::map<std::string, model::ArrayLayout> layouts = {{"chw", model::ArrayLayout::chw},
                                                           {"hwc", model::ArrayLayout::hwc}};

/// "left out 2 files that are no JPEG, PNG, NumPy array or IDX: 1 DICOM, 1 TIFF; and 1 hidden file"; empty when
/// nothing was.
std::string what_was_left_out(const model::FoundImages& found) {
  std::string text, kinds;
  std::size_t others = 0;
  for (const auto& [kind, count] : found.left_out) {
    others += count;
    kinds += (kinds.empty() ? "" : ", ") + std::to_string(count) + ' ' + kind;
  }
  const std::string hidden =
      found.hidden == 0 ? "" : counted(found.hidden, "hidden or file manager's file", "hidden or file managers' files");
  if (others != 0)
    text =
        "left out " + counted(others, "file that is", "files that are") + " no JPEG, PNG, NumPy array or IDX: " + kinds;
  if (hidden.empty()) return text;
  return text.empty() ? "left out " + hidden : text + "; and " + hidden;
}

std::string what_was_done(model::Note note, bool one) {
  const std::string verb = one ? " has " : " have ", says = one ? " says" : " say";
  switch (note) {
    case model::Note::resized:
      return verb + "another size than the model reads, resized here";
    case model::Note::transparency_dropped:
      return verb + "transparent parts: transparency is dropped, the colours below it are read";
    case model::Note::cut_to_8_bits:
      return verb + "16 bits a sample: cut to the high 8";
    case model::Note::low_bits_only:
      return verb +
             "16 bits a sample, cut to the high 8, but use only the low ones, as 10 to 14 bit data does: nearly "
             "black as read; scale the samples to all 16 bits, or to 8, first";
    case model::Note::orientation_ignored:
      return says + " by EXIF that" + (one ? " it is" : " they are") +
             " turned or mirrored; this is ignored: compile with --orientation exif when the model was trained on "
             "upright pictures";
  }
  return {};
}

}  // namespace

CLI::Option* add_array_layout_flag(CLI::App& command, model::ArrayLayout& layout) {
  return command
      .add_option_function<std::string>(
          "--array-layout", [&layout](const std::string& name) { layout = layouts.at(name); },
          "How .npy arrays lie: chw (channel, row, column) or hwc; needed only where their shape fits both")
      ->check(CLI::IsMember(layouts))
      ->default_str("as their shape says");
}

Pictures::Pictures(const std::vector<std::filesystem::path>& paths, model::ArrayLayout layout, std::size_t most,
                   std::string purpose)
    : layout_(layout), purpose_(std::move(purpose)) {
  model::FoundImages all;
  for (const auto& path : paths) find(path, all);
  if (const auto text = what_was_left_out(all); !text.empty()) say(text);
  files_ = std::move(all.files);
  if (files_.empty()) throw Failure(Exit::usage, "there is no image that can be read (JPEG, PNG, .npy or IDX)");
  if (most != 0 && files_.size() > most) {
    for (std::size_t i = 0; i < most; ++i) files_[i] = files_[i * files_.size() / most];
    files_.resize(most);
  }
}

void Pictures::find(const std::filesystem::path& path, model::FoundImages& all) {
  auto found = model::find_images(path);
  if (!found) return say_problem(found.error().what);
  for (const auto& problem : found->problems) say_problem(problem);
  if (found->files.empty() && found->problems.empty())
    say_problem(model::in_quotes(path.string()) + " holds no image (JPEG, PNG, .npy or IDX)");
  std::ranges::move(found->files, std::back_inserter(all.files));
  for (const auto& [kind, count] : found->left_out) all.left_out[kind] += count;
  all.hidden += found->hidden;
}

Exit Pictures::each(const model::Preprocessing& preprocessing, ProgressBar& bar,
                    const std::function<void(Loaded)>& use) {
  bool any = false;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    if (files_.size() > 1) bar.show(i, files_.size());
    auto images = model::load_images(files_[i], preprocessing, layout_);
    if (!images) {
      bar.clear();
      say_problem(images.error().what);
      continue;
    }
    any = true;
    take_notes(files_[i], *images);
    use({files_[i], i, std::move(*images)});
  }
  bar.clear();
  say_notes();
  if (!any)
    throw Failure(Exit::usage,
                  files_.size() == 1 ? "" : "none of the " + std::to_string(files_.size()) + " images could be read");
  return status();
}

void Pictures::say(const std::string& text) const {
  std::cerr << "blindsight: " << (purpose_.empty() ? "" : purpose_ + ": ") << text << '\n';
}

void Pictures::say_problem(const std::string& what) {
  ++problems_;
  say(what);
}

void Pictures::take_notes(const std::filesystem::path& file, const std::vector<model::Image>& images) {
  for (const auto& image : images)
    for (const auto note : image.notes) {
      auto& noted = notes_[note];
      if (noted.count++ != 0) continue;
      noted.first = file;
      if (note == model::Note::resized)
        first_size_ = ", " + std::to_string(image.file_height) + "×" + std::to_string(image.file_width);
    }
}

void Pictures::say_notes() const {
  for (const auto& [note, noted] : notes_)
    say(counted(noted.count, "picture") + what_was_done(note, noted.count == 1) +
        (noted.count == 1 ? " (" : " (the first: ") + model::in_quotes(noted.first.string()) +
        (note == model::Note::resized ? first_size_ : "") + ")");
}

}  // namespace blindsight::apps
