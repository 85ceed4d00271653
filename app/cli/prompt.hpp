#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "app/pipeline/trial_list.hpp"
#include "base/result.hpp"

namespace sofia::cli {

/// What a verb that needs a trial goes on with: its file, or the list to print instead.
struct Chosen {
    std::filesystem::path file;
    std::optional<pipeline::Output> list;
};

/// Lists the trials below `model_dir`. When standard input and standard error are a terminal, asks there for one of them; otherwise gives the list
/// back, to be printed with exit code 2. `option` is what names a file on the command line. Errors: usage (no trials; no answer), interrupted.
[[nodiscard]] Result<Chosen> choose_trial(const std::filesystem::path& model_dir, pipeline::TrialKind kind, const char* option,
                                          const pipeline::Context& context);

}  // namespace sofia::cli
