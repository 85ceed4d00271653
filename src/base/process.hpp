#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/progress.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace sofia {

/// The file that `name` is run from: itself when it holds a `/`, else the first executable file of that name in PATH. Error unavailable.
[[nodiscard]] Result<std::filesystem::path> find_program(const std::string& name);

/// A program to be run, without a shell, in the current folder.
struct ProcessOptions {
    std::vector<std::string> arguments;  ///< the program's name and its arguments
    std::filesystem::path program;       ///< the file to run; empty: find_program of the name
    std::vector<std::pair<std::string, std::string>> environment;  ///< added to ours
    /// What its standard input holds first; `on_line` may add to it. None: it is empty.
    std::optional<std::string> input;
    std::size_t line_bytes_max = 1 << 16;    ///< of a line; what is longer is cut
    std::size_t error_bytes_max = 4096;      ///< the last bytes of its standard error that are kept
    DurationNs timeout = 0;                  ///< it is ended after this long; 0: never
    DurationNs grace = 5 * ns_per_second;    ///< from the request to end (SIGTERM) to the end (SIGKILL)
    const StopFlag* stop = nullptr;          ///< it is ended when this is requested
};

/// One line of a program's standard output, without its end. `cut`: bytes that were dropped because it was too long.
struct ProcessLine {
    std::string_view text;
    std::size_t cut = 0;
};

/// What becomes of the program after a line.
enum class AfterLine : std::uint8_t { go_on, end };

/// Called with each line, in the caller's thread, until one is answered with `end` or the program is ended otherwise. Text added to `input` is
/// written to the program's standard input. An error ends the program and is returned.
using OnLine = std::function<Result<AfterLine>(const ProcessLine& line, std::string& input)>;

struct ProcessEnd {
    enum class Cause : std::uint8_t {
        itself,   ///< it ended by itself
        on_line,  ///< `on_line` wanted it
        timeout,
        stopped,  ///< the stop flag
    } cause = Cause::itself;
    int exit_code = 0;      ///< when it was not ended by a signal
    int signal = 0;         ///< 0: none
    std::string errors;     ///< the end of its standard error
};

/// Runs a program to its end and hands over its output line by line.
///
/// The program leads a process group of its own. To be ended the group is sent SIGTERM and its input is closed, after `grace` SIGKILL, while its
/// output is still read; whatever of the group outlives the program is killed, so nothing is left running. It dies with the thread that called (Linux
/// PR_SET_PDEATHSIG), and its group with this process, however that ends: a second small process of the group waits for it. It inherits standard
/// streams of its own and no other file of this process, and no ignored or blocked signal. Neither stream can fill up and block it, and neither makes
/// this process grow: lines and the kept end of standard error are bounded. Thread-safe. Errors: unavailable (no such program, or it cannot be run),
/// io (no more processes or files), those of `on_line`.
[[nodiscard]] Result<ProcessEnd> run_process(const ProcessOptions& options, const OnLine& on_line);

}  // namespace sofia
