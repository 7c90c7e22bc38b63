#include "actors/serve/deployment.h"
#include "protocol/core/text.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace blindsight::actors {
namespace {

/// What is kept on disk is the operator's to mend.
tl::unexpected<protocol::Error> fail(std::string what) {
  return protocol::fail(protocol::Fault::usage, std::move(what));
}

using protocol::Payload;
using protocol::Result;
namespace fs = std::filesystem;

/// Plans are kilobytes.
constexpr std::uintmax_t largest_plan_bytes = 64 * 1024 * 1024;

std::string system_error() {
  return std::strerror(errno);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Result<void> sync_folder(const fs::path& folder) {
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) return fail("cannot write " + folder.string() + ": " + system_error());
  return {};
}

/// Whole or not at all: written beside, forced to disk, renamed. Mode 0600.
Result<void> write_file(const fs::path& file, std::span<const std::uint8_t> bytes) {
  const fs::path beside = file.string() + ".part";
  {
    const Descriptor fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (fd.get() < 0) return fail("cannot write " + beside.string() + ": " + system_error());
    while (!bytes.empty()) {
      const auto n = ::write(fd.get(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return fail("cannot write " + beside.string() + ": " + system_error());
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    if (::fsync(fd.get()) != 0) return fail("cannot write " + beside.string() + ": " + system_error());
  }
  if (::rename(beside.c_str(), file.c_str()) != 0) return fail("cannot write " + file.string() + ": " + system_error());
  return sync_folder(file.parent_path());
}

Result<Payload> read_file(const fs::path& file, std::uintmax_t largest) {
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (fd.get() < 0 || ::fstat(fd.get(), &info) != 0)
    return fail("cannot read " + file.string() + ": " + system_error());
  if (static_cast<std::uintmax_t>(info.st_size) > largest)
    return fail(file.string() + " has " + std::to_string(info.st_size) + " bytes, more than it can have");
  Payload bytes(static_cast<std::size_t>(info.st_size));
  std::size_t at = 0;
  while (at < bytes.size()) {
    const auto n = ::read(fd.get(), bytes.data() + at, bytes.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail("cannot read " + file.string() + ": " + (n == 0 ? "it was cut short" : system_error()));
    at += static_cast<std::size_t>(n);
  }
  return bytes;
}

fs::path share_file(const fs::path& folder, std::size_t layer) {
  char name[32];
  std::snprintf(name, sizeof name, "weights-%04zu.share", layer);
  return folder / name;
}

Result<Deployment> deployment_of(const wire::DeploymentId& id, Payload plan_bytes) {
  auto plan = model::plan_from_bytes(plan_bytes);
  if (!plan) return tl::unexpected(plan.error());
  Deployment d;
  d.name.id = id;
  d.name.plan = model::digest(*plan);
  d.plan = std::move(*plan);
  d.plan_bytes = std::move(plan_bytes);
  return d;
}

std::optional<wire::DeploymentId> id_from_hex(std::string_view hex) {
  wire::DeploymentId id{};
  if (hex.size() != 2 * id.size()) return std::nullopt;
  for (std::size_t i = 0; i < id.size(); ++i) {
    unsigned value = 0;
    for (const char c : hex.substr(2 * i, 2)) {
      if (c >= '0' && c <= '9')
        value = value * 16 + static_cast<unsigned>(c - '0');
      else if (c >= 'a' && c <= 'f')
        value = value * 16 + static_cast<unsigned>(c - 'a' + 10);
      else
        return std::nullopt;
    }
    id[i] = static_cast<std::uint8_t>(value);
  }
  return id;
}

Result<void> make_private_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail("cannot make the folder " + folder.string() + " (key data_dir): " + error.message());
  fs::permissions(folder, fs::perms::owner_all, error);
  if (error || ::access(folder.c_str(), W_OK) != 0)
    return fail("the folder " + folder.string() +
                " (key data_dir) cannot be written: " + (error ? error.message() : system_error()));
  return {};
}

}  // namespace

fs::path DeploymentFolder::folder_of(const wire::DeploymentId& id) const {
  return root_ / protocol::to_hex(id);
}

Result<DeploymentFolder> DeploymentFolder::open(const fs::path& data_dir, bool keeps_weights) {
  const fs::path root = data_dir / "deployments";
  // A folder that is there already may hold other people's files, too: `doctor` tells how to close it.
  std::error_code error;
  if (!fs::exists(data_dir, error))
    if (auto made = make_private_folder(data_dir); !made) return tl::unexpected(made.error());
  if (auto made = make_private_folder(root); !made) return tl::unexpected(made.error());
  auto lock = std::make_shared<Descriptor>(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock->get() < 0) return fail("cannot read " + root.string() + " (key data_dir): " + system_error());
  if (::flock(lock->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail("cannot lock " + root.string() + " (key data_dir): " + system_error());
    return fail("another process uses the folder " + data_dir.string() +
                " (key data_dir): end the party that runs there, or give this one a folder of its own");
  }
  return DeploymentFolder(root, std::move(lock), keeps_weights);
}

Result<std::shared_ptr<const Deployment>> DeploymentFolder::current() const {
  const fs::path names_it = root_ / "current";
  if (!fs::exists(names_it)) return nullptr;
  const auto remedy = "; remove " + root_.string() + " and deploy the model again";
  auto hex = read_file(names_it, 1024);
  if (!hex) return fail(hex.error().what + remedy);
  const auto id = id_from_hex({reinterpret_cast<const char*>(hex->data()), hex->size()});
  if (!id) return fail(names_it.string() + " is damaged" + remedy);
  auto bytes = read_file(folder_of(*id) / "plan", largest_plan_bytes);
  if (!bytes) return fail(bytes.error().what + remedy);
  auto deployment = deployment_of(*id, std::move(*bytes));
  if (!deployment) return fail("the deployed plan is damaged: " + deployment.error().what + remedy);
  return std::make_shared<const Deployment>(std::move(*deployment));
}

Result<std::vector<Payload>> DeploymentFolder::weight_shares(const Deployment& deployment) const {
  std::vector<Payload> shares;
  if (!keeps_weights_) return shares;
  for (std::size_t layer = 0; layer < deployment.plan.network.layers.size(); ++layer) {
    auto share = read_file(share_file(folder_of(deployment.name.id), layer), std::uintmax_t{1} << 40);
    if (!share) return fail(share.error().what + "; deploy the model again");
    shares.push_back(std::move(*share));
  }
  return shares;
}

Result<void> DeploymentFolder::begin(const wire::DeploymentId& id, std::span<const std::uint8_t> plan) {
  if (plan.size() > largest_plan_bytes) return fail("a plan of " + std::to_string(plan.size()) + " bytes");
  auto deployment = deployment_of(id, Payload(plan.begin(), plan.end()));
  if (!deployment) return fail("the plan was refused: " + deployment.error().what);
  std::error_code ignored;
  if (upload_) fs::remove_all(folder_of(upload_->deployment.name.id), ignored);
  upload_.reset();
  if (fs::exists(folder_of(id), ignored)) return fail("this deployment is here already; a new one has a new id");
  const auto layers = deployment->plan.network.layers.size();
  if (auto made = make_private_folder(folder_of(id)); !made) return made;
  if (auto written = write_file(folder_of(id) / "plan", plan); !written) return written;
  upload_ = Upload{std::move(*deployment), std::vector<bool>(keeps_weights_ ? layers : 0)};
  return {};
}

Result<void> DeploymentFolder::add_share(std::size_t layer, std::span<const std::uint8_t> share) {
  if (!upload_) return fail("weights came before their plan");
  if (layer >= upload_->received.size())
    return fail("weights of layer " + std::to_string(layer) + " of " + std::to_string(upload_->received.size()));
  if (auto written = write_file(share_file(folder_of(upload_->deployment.name.id), layer), share); !written)
    return written;
  upload_->received[layer] = true;
  return {};
}

Result<std::shared_ptr<const Deployment>> DeploymentFolder::commit() {
  if (!upload_) return fail("there is nothing to commit");
  for (std::size_t layer = 0; layer < upload_->received.size(); ++layer)
    if (!upload_->received[layer])
      return fail("the weights of layer " + upload_->deployment.plan.network.layers[layer].name + " have not arrived");
  const auto hex = protocol::to_hex(upload_->deployment.name.id);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(hex.data());
  if (auto written = write_file(root_ / "current", {bytes, hex.size()}); !written)
    return tl::unexpected(written.error());
  auto deployment = std::make_shared<const Deployment>(std::move(upload_->deployment));
  upload_.reset();
  remove_all_but(hex);
  return deployment;
}

void DeploymentFolder::drop_unfinished() const {
  if (const auto in_force = current()) remove_all_but(*in_force ? protocol::to_hex((*in_force)->name.id) : "");
}

void DeploymentFolder::remove_all_but(const std::string& hex) const {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root_, ignored))
    if (entry.is_directory(ignored) && entry.path().filename() != hex) fs::remove_all(entry.path(), ignored);
}

}  // namespace blindsight::actors
