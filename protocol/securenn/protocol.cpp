#include "protocol/securenn/protocol.h"

#include "protocol/beaver/program.h"
#include "protocol/securenn/maxpool.h"
#include "protocol/securenn/relu.h"
#include "protocol/securenn/truncate.h"
#include "tensor/kernels/pool_windows.h"

namespace blindsight::protocol::securenn {
namespace {

using beaver::BandContext;

/// A pool of a band: what its windows read and how many outputs there are.
struct Pool {
  tensor::Shape in;
  const tensor::Window& window;
  tensor::RowRange in_rows, out_rows;

  std::size_t candidates() const { return window.height * window.width; }
  std::size_t outputs() const { return out_rows.size() * window.out_width(in.width) * in.channels; }
};

std::vector<Pool> pools(const LayerSpec& layer, const BandLayout& band) {
  std::vector<Pool> all;
  tensor::Shape map = layer.conv_out();
  tensor::RowRange rows = band.conv;
  for (std::size_t p = 0; p < layer.max_pools.size(); ++p) {
    all.push_back({map, layer.max_pools[p], rows, band.max_pooled[p]});
    map = LayerSpec::after(map, {layer.max_pools[p]});
    rows = band.max_pooled[p];
  }
  return all;
}

std::size_t relu_elements(const LayerSpec& layer, const BandLayout& band) {
  return band.relu.size() * layer.relu_shape().row_elements();
}

std::vector<Buffer<Word64>> gather(const Pool& pool, const Buffer<Word64>& rows) {
  std::vector<Buffer<Word64>> candidates;
  for (std::size_t y = 0; y < pool.window.height; ++y)
    for (std::size_t x = 0; x < pool.window.width; ++x) {
      candidates.emplace_back(pool.outputs());
      tensor::gather_window<Word64>(pool.in, pool.window, y, x, rows, pool.in_rows, pool.out_rows, candidates.back());
    }
  return candidates;
}

/// A server's band behind the linear layer: truncation, max pools (max commutes with ReLU, and a quarter of the ReLUs
/// is left), ReLU.
Routine<Buffer<Word64>> evaluate(Channel& channel, beaver::ShareSource& source, const BandContext& t,
                                 const Prg& with_other_server, Buffer<Word64> rows) {
  truncate(source.self(), t.layer.fraction_bits, rows);
  const Server server{source.self(), t.randomness, source.prg(), with_other_server, t.stream};
  std::uint8_t level = 0;
  for (const Pool& pool : pools(t.layer, t.layout)) {
    std::vector<Buffer<Word64>> candidates = gather(pool, rows);
    rows = co_await max_pool(channel, server, std::move(candidates), level);
  }
  if (t.layer.relu) rows = co_await relu(channel, server, std::move(rows), level);
  co_return rows;
}

/// The producer's part in the same.
Routine<> help(Channel& channel, const BandContext& t, const beaver::ShareKeys& keys) {
  const Helper helper{keys, t.stream};
  std::uint8_t level = 0;
  for (const Pool& pool : pools(t.layer, t.layout))
    co_await help_max_pool(channel, helper, pool.candidates(), pool.outputs(), level);
  if (t.layer.relu) co_await help_relu(channel, helper, relu_elements(t.layer, t.layout), level);
}

beaver::NonlinearCost cost(const BandContext& t) {
  beaver::NonlinearCost c;
  for (const Pool& pool : pools(t.layer, t.layout))
    c.online += max_pool_cost(t.randomness, pool.candidates(), pool.outputs());
  if (t.layer.relu) c.online += relu_cost(t.randomness, relu_elements(t.layer, t.layout));
  return c;
}

/// The largest comparison: bits in Z_67 as bytes, both ways, and some words for each; a max level has its candidates
/// beside it.
std::size_t working(const LayerSpec& layer, const BandLayout& band) {
  constexpr std::size_t each = 4 * 64 + 16 * sizeof(Word64);
  std::size_t bytes = layer.relu ? relu_elements(layer, band) * each : 0;
  for (const Pool& pool : pools(layer, band))
    bytes = std::max(bytes, pool.outputs() * (pool.candidates() / 2 * each + 2 * pool.candidates() * sizeof(Word64)));
  return bytes;
}

/// q, so that a truncation fails with a probability of at most 2^-32 (truncate.h). Comparisons, which work on 2x and on
/// differences, are far from the ring's edge then.
constexpr unsigned most_range_bits = 32;

Result<void> check_layer(const LayerSpec& l) {
  auto bad = [&](const std::string& what) { return fail(Fault::usage, "layer '" + l.name + "': " + what); };
  if (l.range_bits() > most_range_bits || l.fraction_bits == 0)
    return bad("fraction, activation and headroom bits are " + std::to_string(l.range_bits()) +
               " in all; a truncation in the ring of 64 bits would fail with a probability of up to 2^" +
               std::to_string(static_cast<int>(l.range_bits()) - 64) + ", and " + std::to_string(most_range_bits) +
               " bits are the most that is allowed, with at least one fraction bit: lower them");
  std::size_t levels = 1;
  for (const auto& w : l.max_pools)
    for (std::size_t c = w.height * w.width; c > 1; c -= c / 2) ++levels;
  if (levels > 255) return bad("its max pools are too large");
  return {};
}

/// One unit of truncation per element of a window sum, failures of it apart (truncate.h).
double stated_error(const LayerSpec& layer) {
  return static_cast<double>(layer.window_elements());
}

constexpr beaver::Scheme<Word64> scheme{
    .deals_ahead = false,
    .band_elements = 32 * 1024,
    .bands_at_once = 8,
    .evaluate = evaluate,
    .deal = nullptr,
    .help = help,
    .cost = cost,
    .working = working,
    .check_layer = check_layer,
    .stated_error = stated_error,
};

}  // namespace

const Protocol& protocol() {
  static const beaver::BeaverProtocol<Word64> securenn(
      {.name = "securenn",
       .summary = "SecureNN: exact ReLU and max pooling, the crypto producer helps online, nothing is dealt ahead; a "
                  "truncation fails with a probability below 2^-32; semi-honest, no collusion"},
      scheme);
  return securenn;
}

}  // namespace blindsight::protocol::securenn
