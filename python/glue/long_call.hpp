#pragma once

#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "base/result.hpp"
#include "glue.hpp"

namespace sofia::python {

/// What every long call is told, as the command's common options.
struct CallOptions {
    std::uint64_t seed = 42;
    std::size_t threads = 0;
    bool progress = false;  ///< a line on stderr, where that is a terminal
};

/// Runs `work` in a thread of its own, without Python's lock, while the caller looks for Ctrl-C: then the context's stop flag is set, and once the
/// work has ended, KeyboardInterrupt is raised. Log lines go to Python's logger `sofia`; the context brings what Python has registered (custom.hpp).
/// Called with Python's lock. Throws what the work throws, the exception of a registered function as it was.
void run_long(const CallOptions& options, const std::vector<std::string>& command, const std::function<void(const pipeline::Context&)>& work);

/// Text for people, the same as JSON, exit code: what the command prints and returns.
using Answer = std::tuple<std::string, std::string, int>;

/// Runs a stage as the command does.
[[nodiscard]] Answer answer_of(const CallOptions& options, const char* verb,
                               const std::function<Result<pipeline::Output>(const pipeline::Context&)>& stage);

}  // namespace sofia::python
