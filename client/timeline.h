#pragma once

#include <string>

#include "wire/report.h"

namespace blindsight::client {

/// A picture of one query as a complete SVG document: a lane for each layer, half of it for each server, in it every
/// band's calls, waits and sends at their times. Reads ServerReport::layers[].intervals, so the query must have been
/// asked for them. Text in it is escaped, whoever sent it.
std::string timeline_svg(const wire::QueryReport& report, const std::string& model_name);

}  // namespace blindsight::client
