#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "app/pipeline/serve.hpp"
#include "base/result.hpp"

namespace CLI {
class App;
}

namespace sofia::cli {

/// Options that every verb takes.
struct CommonOptions {
    std::string config;             ///< --config
    std::vector<std::string> sets;  ///< --set key=value
};

/// Adds `--skip-bad-rows`, the short form of `--set data.skip_bad_rows=true`, to a verb that reads data.
void add_skip_bad_rows(CLI::App& app, std::vector<std::string>& sets);

/// One verb of the command line, `tune` or `data check`.
struct Verb {
    std::string name;      ///< words separated by a blank
    std::string sentence;  ///< for the list of verbs
    std::string examples;  ///< complete command lines, one a line
    /// Adds the verb's own options; the returned function runs it after parsing.
    std::function<std::function<Result<pipeline::Output>(const pipeline::Context&, const CommonOptions&)>(CLI::App&)> declare;
};

[[nodiscard]] std::vector<Verb> data_verbs();
[[nodiscard]] std::vector<Verb> table_verbs();
[[nodiscard]] std::vector<Verb> store_verbs();
[[nodiscard]] std::vector<Verb> minute_verbs();
[[nodiscard]] std::vector<Verb> strategy_verbs();
[[nodiscard]] std::vector<Verb> stress_verbs();
[[nodiscard]] std::vector<Verb> study_run_verbs();
[[nodiscard]] std::vector<Verb> study_verbs();
[[nodiscard]] std::vector<Verb> study_plot_verbs();
[[nodiscard]] std::vector<Verb> audit_verbs();
[[nodiscard]] std::vector<Verb> config_verbs();
[[nodiscard]] std::vector<Verb> serve_verbs(const pipeline::Serve& serve);

/// Parses and runs one command line. Returns the exit code; prints results on stdout, errors on stderr. `serve` is the service, which lies in a
/// room that this one may not know.
[[nodiscard]] int run(int argc, char** argv, StopFlag& stop, const pipeline::Serve& serve);

}  // namespace sofia::cli
