#pragma once

#include "app/pipeline/study_open.hpp"

namespace CLI {
class App;
}

namespace sofia::cli {

/// Adds `--storage` and `--study`. `choice` must live as long as the app.
void add_study_choice(CLI::App& app, pipeline::StudyChoice& choice);

}  // namespace sofia::cli
