#include "apps/local_files.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <vector>

#include "apps/failure.h"
#include "protocol/core/text.h"

namespace blindsight::apps {
namespace {

namespace fs = std::filesystem;

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

/// A TOML string of any text.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

void write_unless_there(const fs::path& file, const std::string& text) {
  if (fs::exists(file)) return;
  std::ofstream out(file);
  out << text;
  if (!out.flush()) throw Failure(Exit::usage, "cannot write " + protocol::in_quotes(file.string()));
}

}  // namespace

LocalPorts free_ports() {
  // All are held until all are known, or one would be given twice.
  std::vector<HeldPort> held(6);
  LocalPorts ports;
  for (std::size_t i = 0; i < 3; ++i) {
    ports.parties[i] = held[i].port();
    ports.metrics[i] = held[3 + i].port();
  }
  return ports;
}

void write_local_configs(const fs::path& folder, const LocalPorts& ports, const std::string& more_keys) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw Failure(Exit::usage,
                  "cannot make the folder " + protocol::in_quotes(folder.string()) + ": " + error.message());
  const auto home = fs::absolute(folder);
  std::string client = "# For `blindsight predict` and `blindsight model deploy`: three parties on this machine.\n";
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string name = party_names[i];
    client += name + " = " + loopback(ports.parties[i]) + '\n';
    std::string text = "# All keys: blindsight party --help-config\nrole = " + quoted(name) +
                       "\nlisten = " + loopback(ports.parties[i]) + "\ndata_dir = " + quoted((home / name).string()) +
                       "\n" + more_keys + "\n[peers]\n";
    for (std::size_t k = 0; k < 3; ++k)
      if (k != i) text += std::string(party_names[k]) + " = " + loopback(ports.parties[k]) + '\n';
    text += "\n[metrics]\nlisten = " + loopback(ports.metrics[i]) + '\n';
    write_unless_there(home / (name + ".toml"), text);
  }
  write_unless_there(home / "client.toml", client);
}

}  // namespace blindsight::apps
