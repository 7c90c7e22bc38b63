#pragma once

#include <random>

#include "protocol/core/protocol.h"

/// Small networks with random weights for tests of protocols.
namespace blindsight::protocol::testing {

constexpr tensor::Window pool2{2, 2, 2, 2};
constexpr tensor::Window same3{3, 3, 1, 1, 1, 1, 1, 1};

struct Net {
  NetworkSpec spec;
  std::vector<LayerWeights> weights;
};

/// Throws std::runtime_error with the protocol's refusal.
Bound bind(const Protocol& protocol, const NetworkSpec& network, const Dealing& dealing = {});

/// A layer with ReLU, and the least-squares polynomial of degree 4 for protocols that need one.
LayerSpec layer(std::string name, tensor::Shape in, std::size_t out_channels, tensor::Window window,
                tensor::ConvAlgorithm algorithm = tensor::ConvAlgorithm::direct);

/// Adds a layer that hands its input on as the output: Z = 2^8·x, and truncation never rounds a multiple of 2^f up.
void read_out(Net& net);

/// Adds random weights as large as the range allows for inputs of at most `largest`.
void add(Net& net, LayerSpec layer, std::int64_t largest, std::mt19937_64& rng);

/// Every way of dealing that a protocol has.
std::vector<Dealing> dealings(const Protocol& protocol);

std::vector<std::int64_t> random_input(std::size_t n, std::int64_t largest, std::mt19937_64& rng);

}  // namespace blindsight::protocol::testing
