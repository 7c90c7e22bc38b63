#pragma once

#include <random>

#include "protocol/pond/relu.h"
#include "tests/protocol/support/three_parties.h"
#include "tests/protocol/support/two_servers.h"

namespace blindsight::protocol::pond::testing {

using protocol::testing::TwoServers;
using tensor::Signed128;

inline Word128 uniform_word(std::mt19937_64& g) {
  const Word128 high = g();
  return high << 64 | g();
}

/// Uniform shares of the values.
inline std::array<Buffer<Word128>, 2> share(std::span<const Signed128> values, std::mt19937_64& g) {
  std::array<Buffer<Word128>, 2> shares{Buffer<Word128>(values.size()), Buffer<Word128>(values.size())};
  for (std::size_t i = 0; i < values.size(); ++i) {
    shares[0][i] = uniform_word(g);
    shares[1][i] = static_cast<Word128>(values[i]) - shares[0][i];
  }
  return shares;
}

inline std::vector<Signed128> reveal(const std::array<Buffer<Word128>, 2>& shares) {
  std::vector<Signed128> values(shares[0].size());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<Signed128>(shares[0][i] + shares[1][i]);
  return values;
}

/// One ReLU of both servers and the producer.
struct ReluRun {
  std::vector<Signed128> result;
  std::array<Payload, 2> dealt;  ///< from the producer, by server
  TwoServers servers;

  ReluRun(const LayerSpec& layer, std::span<const Signed128> z, Dealing::Randomness randomness, PackId pack,
          std::uint64_t seed, MaskLedger* ledger = nullptr, std::uint64_t sharing = 0) {
    const auto keys = protocol::testing::keys_from_seed(seed, pack, ledger);
    const Stream band{.pack = pack, .value = 1};
    const beaver::ShareKeys dealt_from(keys[2], randomness);
    beaver::Dealer dealer(dealt_from, band);
    deal_relu(dealer, layer, z.size());
    dealt = {dealer.take(PartyId::server0), dealer.take(PartyId::server1)};
    std::mt19937_64 g(seed * 1000 + pack * 10 + sharing);
    auto shares = share(z, g);
    const auto server = [&](PartyId self) {
      return [&, self](Channel& channel) -> Routine<> {
        const auto i = static_cast<std::size_t>(self);
        beaver::ShareSource source(keys[i]->with(PartyId::producer), self, randomness, band, dealt[i]);
        shares[i] = co_await relu(channel, source, layer, std::move(shares[i]));
      };
    };
    const auto server0 = server(PartyId::server0), server1 = server(PartyId::server1);
    servers.run(server0, server1);
    result = reveal(shares);
  }
};

/// Least squares for ReLU over [-1, 1] (uniform_fit of tests/spec/pond_spec.py).
inline ReluFit uniform_fit(unsigned degree) {
  const std::vector<std::vector<double>> even{
      {0.09375, 0.46875},
      {0.05859375, 0.8203125, -0.41015625},
      {0.042724609375, 1.153564453125, -1.409912109375, 0.733154296875},
      {0.0336456298828125, 1.48040771484375, -3.207550048828125, 3.84906005859375, -1.6692352294921875}};
  return {.even = even[degree / 2 - 1], .worst = 0, .rms = 0};
}

inline LayerSpec relu_layer(ReluFit fit, unsigned f = 12, unsigned A = 10, unsigned M = 1) {
  LayerSpec layer;
  layer.name = "conv1";
  layer.relu = true;
  layer.relu_fit = std::move(fit);
  layer.fraction_bits = f;
  layer.activation_bits = A;
  layer.headroom_bits = M;
  return layer;
}

}  // namespace blindsight::protocol::pond::testing
