#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/plan/plan.h"
#include "protocol/core/result.h"
#include "wire/control.h"

namespace blindsight::actors {

/// A model that was brought to this party. The weights stay on disk until a session needs them.
struct Deployment {
  wire::DeploymentName name;
  model::Plan plan;
  protocol::Payload plan_bytes;
};

/// Where a party keeps its deployment: one folder per deployment id (the plan, and at a server one file per layer's
/// weight share, all mode 0600), and a file that names the one in force, replaced by rename. Blocks on the disk.
class DeploymentFolder {
 public:
  /// Makes the folders (mode 0700) if needed. The error says why they cannot be used: among others, that another
  /// process uses them, which would remove what this one keeps. They are this one's as long as this object lives.
  static protocol::Result<DeploymentFolder> open(const std::filesystem::path& data_dir, bool keeps_weights);

  /// The deployment in force; none when nothing was deployed yet. The error: it is damaged.
  protocol::Result<std::shared_ptr<const Deployment>> current() const;
  /// One payload per layer of the deployment in force; none at the producer.
  protocol::Result<std::vector<protocol::Payload>> weight_shares(const Deployment& deployment) const;

  /// A new deployment, in three steps. It is in force after commit(); the one before is removed then. A second begin()
  /// gives up what was begun.
  protocol::Result<void> begin(const wire::DeploymentId& id, std::span<const std::uint8_t> plan);
  protocol::Result<void> add_share(std::size_t layer, std::span<const std::uint8_t> share);
  protocol::Result<std::shared_ptr<const Deployment>> commit();

  /// Removes what uploads that were broken off have left: old shares are secrets without a use. Nothing when it cannot
  /// be told which deployment is in force. Only while no upload is under way, by whoever else it may be.
  void drop_unfinished() const;

  const std::filesystem::path& path() const { return root_; }

 private:
  struct Upload {
    Deployment deployment;
    std::vector<bool> received;
  };

  DeploymentFolder(std::filesystem::path root, std::shared_ptr<const void> lock, bool keeps_weights)
      : root_(std::move(root)), lock_(std::move(lock)), keeps_weights_(keeps_weights) {}
  std::filesystem::path folder_of(const wire::DeploymentId& id) const;
  void remove_all_but(const std::string& hex) const;

  std::filesystem::path root_;
  std::shared_ptr<const void> lock_;
  bool keeps_weights_;
  std::optional<Upload> upload_;
};

}  // namespace blindsight::actors
