// Writes VGG16 as ONNX where no trained model exists: speed does not depend on what the weights are, only on shapes and
// on values of a realistic size.
#include <onnx/onnx_pb.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Dims = std::vector<std::int64_t>;

constexpr std::int64_t outputs = 2;

void set_ints(onnx::NodeProto& node, const char* name, const Dims& values) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INTS);
  for (const auto v : values) attribute.add_ints(v);
}

void set_shape(onnx::ValueInfoProto& value, const char* name, const Dims& dims) {
  value.set_name(name);
  auto& type = *value.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  for (const auto d : dims) type.mutable_shape()->add_dim()->set_dim_value(d);
}

/// VGG16 as the skin model has it: thirteen 3×3 convolutions with ReLU, five 2×2 pools, one fully connected layer.
class Vgg16 {
 public:
  Vgg16(std::int64_t size, bool max) : max_(max) {
    model_.set_ir_version(7);
    model_.add_opset_import()->set_version(13);
    graph_.set_name("vgg16");
    set_shape(*graph_.add_input(), "image", {1, 3, size, size});
    set_shape(*graph_.add_output(), "logits", {1, outputs});
    std::int64_t channels = 3, index = 0;
    const Dims blocks[] = {{64, 64}, {128, 128}, {256, 256, 256}, {512, 512, 512}, {512, 512, 512}};
    for (const auto& block : blocks) {
      for (const auto out : block) convolution(++index, channels, out);
      pool(index);
      size /= 2;
    }
    node("Flatten", "flat", {last_}, "flat");
    const auto flat = size * size * channels;
    weights("fc.weight", {outputs, flat}, std::sqrt(1.0 / static_cast<double>(flat)));
    weights("fc.bias", {outputs}, 0.1);
    auto& gemm = node("Gemm", "fc", {"flat", "fc.weight", "fc.bias"}, "logits");
    auto& transposed = *gemm.add_attribute();
    transposed.set_name("transB");
    transposed.set_type(onnx::AttributeProto::INT);
    transposed.set_i(1);
  }

  onnx::ModelProto take() { return std::move(model_); }

 private:
  onnx::NodeProto& node(const char* op, const std::string& name, const std::vector<std::string>& inputs,
                        const std::string& output) {
    auto& n = *graph_.add_node();
    n.set_op_type(op);
    n.set_name(name);
    for (const auto& input : inputs) n.add_input(input);
    n.add_output(output);
    last_ = output;
    return n;
  }

  void weights(const std::string& name, const Dims& dims, double deviation) {
    auto& tensor = *graph_.add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    std::size_t elements = 1;
    for (const auto d : dims) {
      tensor.add_dims(d);
      elements *= static_cast<std::size_t>(d);
    }
    std::normal_distribution<float> normal(0, static_cast<float>(deviation));
    std::vector<float> values(elements);
    for (auto& v : values) v = normal(random_);
    tensor.set_raw_data(values.data(), values.size() * sizeof(float));
  }

  void convolution(std::int64_t index, std::int64_t& channels, std::int64_t out) {
    const std::string name = "conv" + std::to_string(index);
    // He et al. 2015: behind ReLU the values keep their size from layer to layer.
    weights(name + ".weight", {out, channels, 3, 3}, std::sqrt(2.0 / static_cast<double>(9 * channels)));
    weights(name + ".bias", {out}, 0.01);
    auto& conv = node("Conv", name, {last_, name + ".weight", name + ".bias"}, name + ".linear");
    set_ints(conv, "kernel_shape", {3, 3});
    set_ints(conv, "pads", {1, 1, 1, 1});
    node("Relu", name + ".relu", {last_}, name + ".out");
    channels = out;
  }

  void pool(std::int64_t index) {
    const std::string name = "pool" + std::to_string(index);
    auto& pool = node(max_ ? "MaxPool" : "AveragePool", name, {last_}, name + ".out");
    set_ints(pool, "kernel_shape", {2, 2});
    set_ints(pool, "strides", {2, 2});
  }

  bool max_;
  onnx::ModelProto model_;
  onnx::GraphProto& graph_ = *model_.mutable_graph();
  std::string last_ = "image";
  std::mt19937 random_{20170501};
};

/// The network of a file with its pools replaced: trained weights, but for pools that they were not trained with.
onnx::ModelProto repooled(const std::string& file, bool max) {
  onnx::ModelProto model;
  std::ifstream in(file, std::ios::binary);
  if (!in || !model.ParseFromIstream(&in)) throw std::runtime_error("'" + file + "' is not a readable ONNX model");
  int pools = 0;
  for (auto& node : *model.mutable_graph()->mutable_node()) {
    if (node.op_type() != "AveragePool" && node.op_type() != "MaxPool") continue;
    ++pools;
    node.set_op_type(max ? "MaxPool" : "AveragePool");
    auto& attributes = *node.mutable_attribute();
    for (int i = attributes.size(); i-- > 0;)
      if (attributes[i].name() == "count_include_pad") attributes.DeleteSubrange(i, 1);
  }
  if (pools == 0) throw std::runtime_error("'" + file + "' has no pools to replace");
  return model;
}

int usage(std::FILE* to, int status) {
  std::fputs(
      "usage: untrained_vgg16 OUT.onnx [--size N] [--pooling max|average] [--like FILE.onnx]\n\n"
      "Writes VGG16 for N×N color images (default 224; at least 32) with pseudo-random weights of fixed seed, scaled\n"
      "after He, and two outputs: its answers mean nothing, its speed is a trained model's. With --like, the network\n"
      "of that file with its pools replaced by --pooling (default max).\n",
      to);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  std::string out, like, pooling = "max";
  long size = 224;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--help" || argument == "-h") return usage(stdout, 0);
    if (argument == "--size" && i + 1 < argc)
      size = std::atol(argv[++i]);
    else if (argument == "--pooling" && i + 1 < argc)
      pooling = argv[++i];
    else if (argument == "--like" && i + 1 < argc)
      like = argv[++i];
    else if (argument[0] != '-' && out.empty())
      out = argument;
    else
      return usage(stderr, 2);
  }
  if (out.empty() || size < 32 || size > 1024 || (pooling != "max" && pooling != "average")) return usage(stderr, 2);
  try {
    const bool max = pooling == "max";
    const auto model = like.empty() ? Vgg16(size, max).take() : repooled(like, max);
    std::ofstream file(out, std::ios::binary);
    if (!model.SerializeToOstream(&file) || !file.flush()) throw std::runtime_error("cannot write '" + out + "'");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "untrained_vgg16: %s\n", error.what());
    return 2;
  }
  return 0;
}
