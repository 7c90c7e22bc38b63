#include "apps/key_lines.h"

#include "config/toml_string.h"

namespace blindsight::apps {
namespace {

std::string quoted_pin(const config::Fingerprint& key) {
  return config::toml_string(config::pin_text(key));
}

}  // namespace

std::string pin_line(config::Role role, const wire::Credentials& key) {
  return "pins." + std::string(config::name(role)) + " = " + quoted_pin(key.fingerprint());
}

std::string client_line(const config::ClientRights& rights) {
  std::string pins, models;
  for (const auto& pin : rights.pins) pins += (pins.empty() ? "" : ", ") + quoted_pin(pin);
  for (const auto& model : rights.deploy) models += (models.empty() ? "" : ", ") + config::toml_string(model);
  std::string line = "clients." + rights.name + " = { pins = [" + pins + "]";
  if (rights.predict) line += ", predict = true";
  if (!models.empty()) line += ", deploy = [" + models + "]";
  if (rights.status) line += ", status = true";
  return line + " }";
}

}  // namespace blindsight::apps
