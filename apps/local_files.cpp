#include "apps/local_files.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <vector>

#include "apps/failure.h"
#include "config/config.h"
#include "config/toml_string.h"
#include "net/key_file.h"
#include "protocol/core/text.h"

namespace blindsight::apps {
namespace {

namespace fs = std::filesystem;
using config::toml_string;

/// A listening socket that holds its port while it lives.
class HeldPort {
 public:
  HeldPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (socket_ < 0 || ::bind(socket_, generic, length) != 0 || ::getsockname(socket_, generic, &length) != 0)
      throw Failure(Exit::failed, "this machine has no free port on 127.0.0.1");
    port_ = ntohs(address.sin_port);
  }
  HeldPort(HeldPort&& other) noexcept : socket_(std::exchange(other.socket_, -1)), port_(other.port_) {}
  HeldPort& operator=(HeldPort&&) = delete;
  ~HeldPort() {
    if (socket_ >= 0) ::close(socket_);
  }
  std::uint16_t port() const { return port_; }

 private:
  int socket_;
  std::uint16_t port_ = 0;
};

std::string loopback(std::uint16_t port) {
  return "\"127.0.0.1:" + std::to_string(port) + "\"";
}

void write_unless_there(const fs::path& file, const std::string& text) {
  if (fs::exists(file)) return;
  std::ofstream out(file);
  out << text;
  if (!out.flush()) throw Failure(Exit::usage, "cannot write " + protocol::in_quotes(file.string()));
}

/// The fingerprint of the key in a file, which is made if need be.
config::Fingerprint key_at(const fs::path& file, const std::string& name) {
  if (!fs::exists(file))
    value_of(net::write_new_key(file, wire::Credentials::generate(name, std::chrono::system_clock::now())));
  return value_of(net::load_key(file)).fingerprint();
}

}  // namespace

LocalPorts free_ports() {
  // All are held until all are known, or one would be given twice.
  LocalPorts ports;
  std::vector<HeldPort> held(ports.parties.size() + ports.clients.size() + ports.metrics.size());
  auto next = held.begin();
  const auto take = [&](auto& some) {
    for (auto& port : some) port = (next++)->port();
  };
  take(ports.parties);
  take(ports.clients);
  take(ports.metrics);
  return ports;
}

void write_local_configs(const fs::path& folder, const LocalPorts& ports, const std::string& more_keys) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw Failure(Exit::usage,
                  "cannot make the folder " + protocol::in_quotes(folder.string()) + ": " + error.message());
  const auto home = fs::absolute(folder);
  const auto key_file = [&](const std::string& name) { return home / (name + ".key"); };
  std::array<std::string, 3> pins;
  for (std::size_t i = 0; i < 3; ++i)
    pins[i] = toml_string(config::pin_text(key_at(key_file(party_names[i]), party_names[i])));
  const auto client_pin = toml_string(config::pin_text(key_at(key_file("client"), "client")));

  std::string client = "# For `blindsight predict` and `blindsight model deploy`: three parties on this machine.\n";
  for (std::size_t i = 0; i < 3; ++i) client += std::string(party_names[i]) + " = " + loopback(ports.clients[i]) + '\n';
  client += "key = " + toml_string(key_file("client").string()) + '\n';
  for (std::size_t i = 0; i < 3; ++i) client += "pins." + std::string(party_names[i]) + " = " + pins[i] + '\n';
  write_unless_there(home / "client.toml", client);

  for (std::size_t i = 0; i < 3; ++i) {
    const std::string name = party_names[i];
    std::string text = "# All keys: blindsight party --help-config\nrole = " + toml_string(name) + '\n';
    if (i < ports.parties.size()) text += "listen.parties = " + loopback(ports.parties[i]) + '\n';
    text += "listen.clients = " + loopback(ports.clients[i]) + "\nmetrics.listen = " + loopback(ports.metrics[i]) +
            "\ndata_dir = " + toml_string((home / name).string()) + "\nkey = " + toml_string(key_file(name).string()) +
            '\n' + more_keys;
    for (const auto peer : config::dialed_by(static_cast<config::Role>(i)))
      text += "peers." + std::string(config::name(peer)) + " = " +
              loopback(ports.parties.at(static_cast<std::size_t>(peer))) + '\n';
    for (std::size_t k = 0; k < 3; ++k)
      if (k != i) text += "pins." + std::string(party_names[k]) + " = " + pins[k] + '\n';
    text += "\n[clients.client]\npins = " + client_pin + "\npredict = true\ndeploy = [\"*\"]\nstatus = true\n";
    write_unless_there(home / (name + ".toml"), text);
  }
}

}  // namespace blindsight::apps
