#pragma once

#include <filesystem>
#include <string>

#include <CLI/CLI.hpp>

#include "base/result.hpp"
#include "base/time.hpp"

namespace sofia::cli {

/// Duration options are read as text, so that the error is ours.
[[nodiscard]] inline Result<DurationNs> duration_of(const std::string& option, const std::string& text) {
    if (text.empty()) return DurationNs{0};
    auto parsed = parse_duration(text);
    if (!parsed) return fail(ErrorCode::usage, option + ": " + parsed.error().message, parsed.error().hint);
    return *parsed;
}

}  // namespace sofia::cli
