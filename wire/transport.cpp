#include "wire/transport.h"

namespace blindsight::wire {
namespace {

class PlainTransport final : public Transport {
 public:
  protocol::Result<void> begin(std::vector<char>&) override { return {}; }
  protocol::Result<void> feed(std::span<const char> bytes, std::vector<char>& plain, std::vector<char>&) override {
    plain.insert(plain.end(), bytes.begin(), bytes.end());
    return {};
  }
  protocol::Result<void> seal(std::span<const char> plain, std::vector<char>& out) override {
    out.insert(out.end(), plain.begin(), plain.end());
    return {};
  }
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
