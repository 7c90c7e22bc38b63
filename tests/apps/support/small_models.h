#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace blindsight::tests {

/// Pixels of an image of `small_side` squared, 0 to 255.
constexpr std::size_t small_side = 4;
using SmallImage = std::vector<std::uint8_t>;

/// `count` images that all differ.
std::vector<SmallImage> small_images(std::size_t count, unsigned seed = 1);
/// Writes them as one file of name `*.idx3-ubyte`.
void write_images(const std::filesystem::path& file, const std::vector<SmallImage>& images);

/// Writes a model of one fully connected layer over such an image: output o is the mean of the image plus first_bias +
/// 20 o.
void write_small_model(const std::filesystem::path& file, std::size_t outputs, double first_bias = -127.5);
/// Writes a model of three outputs over such an image that keeps its weights beside it, in a file of that name.
void write_model_with_data(const std::filesystem::path& file, const std::string& data_name);
/// Outputs of write_small_model's.
std::vector<double> small_outputs(const SmallImage& image, std::size_t outputs, double first_bias = -127.5);

}  // namespace blindsight::tests
