#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.hpp"
#include "synth/config.hpp"

// Funding files for simulated markets, which have no funding of their own.
namespace sofia::pipeline {

/// Rates that know nothing of prices: 0.01 % every eight hours, give or take. For configurations that need a funding file. Errors: config, io.
[[nodiscard]] Result<void> write_fair_funding(const synth::SimulationConfig& market, std::uint64_t seed, const std::filesystem::path& file);

/// A series that is stamped before it is known, the commonest leak there is: at every quarter of an hour how far log price will go on, in the next
/// six hours, in the direction of the last five; scaled so small that it costs nothing. Errors: config, io.
[[nodiscard]] Result<void> write_leaking_funding(const synth::SimulationConfig& market, std::uint64_t seed, const std::filesystem::path& file);

}  // namespace sofia::pipeline
