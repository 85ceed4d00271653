#pragma once

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <limits>
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

/// Digits only and within the limits: the parser itself would wrap `-1` round and cut what is too large.
[[nodiscard]] inline CLI::Validator whole_number(std::uint64_t least, std::uint64_t most = std::numeric_limits<std::int64_t>::max()) {
    const auto check = [least, most](const std::string& text) -> std::string {
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error == std::errc{} && end == text.data() + text.size() && value >= least && value <= most) return {};
        return "\"" + text + "\" is not a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    };
    return {check, "", "whole number"};
}

}  // namespace sofia::cli
