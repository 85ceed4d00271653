#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "trading/window.hpp"

namespace sofia::pipeline {

/// Reads a JSON file and checks its `schema`. Errors: io, data.
[[nodiscard]] Result<Json> read_json_file(const std::filesystem::path& path, std::int64_t schema);

/// The members of an object in an artifact, read strictly: what is missing, of another type or out of range is an error of code data that
/// names file and member.
class Members {
public:
    /// `json` and `path` must outlive it; `writer` is the verb that makes the file anew.
    Members(const Json& json, const std::filesystem::path& path, const char* writer) : json_(&json), path_(&path), writer_(writer) {}

    [[nodiscard]] Result<std::string> text(const char* name) const;
    [[nodiscard]] Result<std::int64_t> count(const char* name, std::int64_t most = std::numeric_limits<std::int64_t>::max()) const;
    [[nodiscard]] Result<std::uint64_t> seed(const char* name) const;
    [[nodiscard]] Result<double> number(const char* name) const;  ///< null is NaN
    [[nodiscard]] Result<bool> flag(const char* name) const;
    [[nodiscard]] Result<Members> object(const char* name) const;
    [[nodiscard]] Result<std::vector<Members>> objects(const char* name) const;
    [[nodiscard]] Result<std::vector<std::string>> texts(const char* name) const;
    [[nodiscard]] Result<std::vector<std::int64_t>> counts(const char* name) const;
    [[nodiscard]] Result<std::vector<double>> numbers(const char* name) const;  ///< null is NaN
    [[nodiscard]] Result<std::map<std::string, std::string>> text_map(const char* name) const;  ///< of an object whose values are texts
    [[nodiscard]] Result<trading::Window> window() const;  ///< of the members `from` and `to`, which may be equal
    [[nodiscard]] bool is_null(const char* name) const;    ///< there, and null
    [[nodiscard]] bool has(const char* name) const;        ///< there, whatever it is: for what older files lack

    [[nodiscard]] std::unexpected<Error> error(const char* name) const;  ///< that this member is missing or of the wrong type

private:
    [[nodiscard]] const Json* find(const char* name) const;
    [[nodiscard]] const Json* list(const char* name) const;
    const Json* json_;
    const std::filesystem::path* path_;
    const char* writer_;
};

}  // namespace sofia::pipeline
