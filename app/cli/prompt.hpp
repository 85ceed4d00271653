#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "app/pipeline/trial_list.hpp"
#include "base/result.hpp"

namespace CLI {
class App;
}

namespace sofia::cli {

/// The trial that a verb works on.
struct TrialChoice {
    pipeline::TrialKind kind = pipeline::TrialKind::tuned;
    std::filesystem::path file;                  ///< empty: to be chosen among those below `model_dir`
    std::filesystem::path model_dir = "models";
};

/// Adds the option that names the file, `--from-tuning` of a tuned trial and `--train-config` of a trained one, and `--model-dir`. `choice` must
/// live as long as the app.
void add_trial_choice(CLI::App& app, TrialChoice& choice);

/// What a verb that needs a trial goes on with: its file, or the list to print instead.
struct Chosen {
    std::filesystem::path file;
    std::optional<pipeline::Output> list;
};

/// The file of `choice` where there is one. Otherwise lists the trials below its `model_dir`; when standard input and standard error are a terminal,
/// asks there for one of them, else gives the list back, to be printed with exit code 2. Errors: usage (no trials; no answer), interrupted.
[[nodiscard]] Result<Chosen> choose_trial(const TrialChoice& choice, const pipeline::Context& context);

}  // namespace sofia::cli
