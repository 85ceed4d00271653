#include "app/pipeline/study_storage.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace sofia::pipeline {

Result<std::string> study_storage_url(const std::string& storage, const std::string& study) {
    if (!storage.empty()) return storage;
    if (study.empty())
        return fail(ErrorCode::usage, "neither --storage nor --study is given", "--storage sqlite:///FILE, or --study NAME for NAME.db");
    const auto odd = [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '/' || c == '?' || c == '"'; };
    if (study.front() == '.' || study.size() > 200 || std::any_of(study.begin(), study.end(), odd)) {
        return fail(ErrorCode::usage, fmt::format("study \"{}\" cannot be the name of a file", study),
                    "give its --storage, for instance sqlite:///studies.db");
    }
    return "sqlite:///" + study + ".db";
}

Result<std::shared_ptr<tune::Storage>> open_study_storage(const std::string& storage, const std::string& study) {
    SOFIA_TRY(const std::string url, study_storage_url(storage, study));
    return tune::open_storage(url);
}

std::string without_password(const std::string& url) {
    const auto scheme_end = url.find("://");
    const auto is_scheme = [](unsigned char c) { return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.'; };
    if (scheme_end == std::string::npos || !std::all_of(url.begin(), url.begin() + static_cast<std::ptrdiff_t>(scheme_end), is_scheme)) return url;
    const std::string scheme = url.substr(0, scheme_end + 3);
    if (scheme == "sqlite://") return url;
    // An unescaped @, / or ? may be part of a password: everything up to the last @ belongs to the user's part, and what is behind ? or & goes.
    std::string rest = url.substr(scheme.size());
    std::string user;
    if (const auto at = rest.rfind('@'); at != std::string::npos) {
        // It may stand in a password behind the ?, whose end would then look like a host.
        if (rest.find('?') < at) return scheme + "...";
        user = rest.substr(0, std::min(rest.find_first_of(":/?"), at)) + "@";
        rest = rest.substr(at + 1);
    }
    return scheme + user + rest.substr(0, rest.find_first_of("?&"));
}

}  // namespace sofia::pipeline
