#include "app/pipeline/study_dashboard.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/study_storage.hpp"
#include "base/process.hpp"
#include "base/text.hpp"

namespace sofia::pipeline {

namespace {

/// The URL as SQLAlchemy reads it. A password in it would stand in the list of processes.
Result<std::string> dashboard_url(const StudyChoice& choice) {
    SOFIA_TRY(const std::string url, study_storage_url(choice.storage, choice.study));
    const auto options = url.find('?');
    const bool secret = options != std::string::npos && url.find("pass", options) != std::string::npos;
    if (secret || without_password(url) != url.substr(0, options)) {
        return fail(ErrorCode::usage, "the dashboard is a program of its own, and others can read the password in its command line",
                    fmt::format("put it into PGPASSWORD and give --storage {}", without_password(url)));
    }
    return url.find("://") == std::string::npos ? "sqlite:///" + url : url;
}

bool loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

}  // namespace

Result<Output> serve_dashboard(const DashboardRequest& request, const Context& context) {
    SOFIA_TRY(const std::string url, dashboard_url(request.choice));
    SOFIA_TRY(const auto storage, open_existing(request.choice));
    if (!request.choice.study.empty()) SOFIA_CHECK(choose_study(*storage, request.choice));
    auto program = find_program("optuna-dashboard");
    if (!program) {
        return fail(ErrorCode::unavailable, "optuna-dashboard is not installed: there is no such program in PATH",
                    "`pip install optuna-dashboard`, or `sofia study plot` for a page that needs no server");
    }
    const std::string address = fmt::format("http://{}:{}/", request.host, request.port);
    context.log.info(fmt::format("serving {} at {}; Ctrl-C ends it", printable(url), printable(address)));
    if (!loopback(request.host)) {
        context.log.warning("the dashboard asks nobody for a password: whoever reaches it can read, change and delete the studies");
    }
    ProcessOptions options;
    options.program = *program;
    options.arguments = {"optuna-dashboard", "--quiet", "--host", request.host, "--port", std::to_string(request.port), url};
    options.stop = context.stop;
    SOFIA_TRY(const ProcessEnd end, run_process(options, [&](const ProcessLine& line, std::string&) -> Result<AfterLine> {
                  context.log.info(printable(line.text));
                  return AfterLine::go_on;
              }));
    if (end.cause != ProcessEnd::Cause::stopped) {
        const std::string_view errors = trim(end.errors);
        const std::string_view last = errors.substr(errors.rfind('\n') + 1);  // what a Python program ends with says why
        return fail(ErrorCode::unavailable, fmt::format("optuna-dashboard ended by itself: {}", printable(last)),
                    "is the port taken? --port takes another");
    }
    return make_output("", {{"address", address}});
}

}  // namespace sofia::pipeline
