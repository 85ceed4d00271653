#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace sofia {

/// What kind of failure, as far as a caller may want to act on it. Each maps to one exit code (`exit_code`).
enum class ErrorCode : std::uint8_t {
    usage,        ///< the call or the command line is wrong
    config,       ///< a configuration key or value is wrong
    data,         ///< input data is malformed or inconsistent
    io,           ///< a file cannot be read or written (missing, no permission, full disk)
    blocked,      ///< a check refused: feature audit, overlap with training, leak
    interrupted,  ///< the user asked to stop
    unavailable,  ///< a remote side or an optional program is not there
    conflict,     ///< somebody else holds or has changed the thing
    internal,     ///< a third-party library failed in a way that is nobody's input
};

/// An expected failure. `message` says what and where with the value (`data/X/a.csv line 17: price "abc" is not a number`),
/// `hint` says what to do and may be empty.
struct Error {
    ErrorCode code = ErrorCode::internal;
    std::string message;
    std::string hint;
};

template <class T>
using Result = std::expected<T, Error>;

/// `return fail(ErrorCode::data, "...")` in any function that returns a Result.
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message, std::string hint = {}) {
    return std::unexpected(Error{code, std::move(message), std::move(hint)});
}

/// The process exit code of a failure: 1 failed, 2 wrong usage or configuration, 3 bad data, 4 blocked by a check, 130 interrupted.
[[nodiscard]] int exit_code(ErrorCode code);

}  // namespace sofia

#define SOFIA_JOIN_(a, b) a##b
#define SOFIA_JOIN(a, b) SOFIA_JOIN_(a, b)
#define SOFIA_TRY_(name, declaration, ...)                      \
    auto name = (__VA_ARGS__);                                  \
    if (!name) return std::unexpected(std::move(name).error()); \
    declaration = *std::move(name)

/// `SOFIA_TRY(const auto bars, read_bars(path));` returns the error of the expression or binds its value.
#define SOFIA_TRY(declaration, ...) SOFIA_TRY_(SOFIA_JOIN(sofia_result_, __COUNTER__), declaration, __VA_ARGS__)

/// `SOFIA_CHECK(config.validate());` returns the error of an expression whose value is not needed.
#define SOFIA_CHECK(...)                                                                                                  \
    do {                                                                                                                  \
        if (auto sofia_checked = (__VA_ARGS__); !sofia_checked) return std::unexpected(std::move(sofia_checked).error()); \
    } while (false)
