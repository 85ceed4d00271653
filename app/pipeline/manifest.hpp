#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace sofia::pipeline {

/// What a run needs to be repeated. Written as `manifest.json` beside its results.
struct Manifest {
    std::string verb;
    std::string config;                               ///< resolved, as YAML
    std::vector<std::filesystem::path> inputs;        ///< hashed when written
    std::vector<std::pair<std::string, std::string>> facts;  ///< further names and values: study, trial, window
    std::vector<std::filesystem::path> outputs;       ///< kept by name; those below the manifest's folder by their way from it
    const Json* time = nullptr;                       ///< where the time went, for `clock`; may be null
};

/// Writes it atomically: verb, arguments, seed, resolved config, inputs with SHA-256 and size, library versions, revision. Clock times stand
/// under `clock` and are outside the promise of reproducibility. Errors: io.
[[nodiscard]] Result<void> write_manifest(const std::filesystem::path& path, const Manifest& manifest, const Context& context);

/// Versions of the libraries that shape results, by name.
[[nodiscard]] Json library_versions();

}  // namespace sofia::pipeline
