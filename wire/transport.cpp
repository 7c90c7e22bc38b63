#include "wire/transport.h"

namespace blindsight::wire {
namespace {

class PlainTransport final : public Transport {
 public:
  protocol::Result<void> begin(std::vector<char>&) override { return {}; }
  protocol::Result<std::span<const char>> feed(std::span<const char> bytes, std::vector<char>&) override {
    return bytes;
  }
  std::vector<char>& to_seal(std::vector<char>& out) override { return out; }
  protocol::Result<void> seal(std::vector<char>&) override { return {}; }
  bool established() const override { return true; }
  const std::optional<Identity>& identity() const override { return nobody_; }
  Wanted wanted(std::size_t plain) const override { return {plain, true}; }

 private:
  std::optional<Identity> nobody_;
};

}  // namespace

std::unique_ptr<Transport> plain_transport() {
  return std::make_unique<PlainTransport>();
}

}  // namespace blindsight::wire
