#include "app/http/service.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/question.hpp"
#include "base/json.hpp"
#include "base/text.hpp"

namespace sofia::http {

using net::ServerRequest;
using net::ServerResponse;

namespace {

constexpr const char* code_name(ErrorCode code) {
    switch (code) {
        case ErrorCode::usage: return "usage";
        case ErrorCode::config: return "config";
        case ErrorCode::data: return "data";
        case ErrorCode::io: return "io";
        case ErrorCode::blocked: return "blocked";
        case ErrorCode::interrupted: return "interrupted";
        case ErrorCode::unavailable: return "unavailable";
        case ErrorCode::conflict: return "conflict";
        case ErrorCode::internal: return "internal";
    }
    return "internal";
}

ServerResponse json_answer(const Json& json, int status = 200) {
    return {.status = status, .body = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

ServerResponse refusal(int status, const Error& error) {
    Json json = {{"error", {{"code", code_name(error.code)}, {"message", error.message}}}};
    if (!error.hint.empty()) json["error"]["hint"] = error.hint;
    return json_answer(json, status);
}

Json status_json(const pipeline::EngineStatus& status, TimeNs now) {
    Json json = {{"symbol", status.symbol}, {"loaded", status.loaded}};
    json["health"] = status.trouble ? status.loaded ? "stale" : "failed" : "ok";
    if (status.trouble) json["error"] = status.trouble->message;
    if (!status.loaded) return json;
    json["version"] = status.version;
    json["sha256"] = status.sha256;
    json["bytes"] = status.bytes;
    json["loaded_at"] = format_time(status.loaded_at);
    json["age_seconds"] = static_cast<double>(now - status.loaded_at) / static_cast<double>(ns_per_second);
    json["features"] = status.features;
    auto card = Json::parse(status.card, nullptr, false);
    json["card"] = card.is_discarded() ? Json() : std::move(card);
    return json;
}

Json models_json(const pipeline::ModelHub& hub) {
    Json models = Json::array();
    for (const pipeline::EngineStatus& status : hub.status()) {
        Json versions = Json::array();
        if (const auto known = hub.versions(status.symbol)) versions = *known;
        models.push_back({{"symbol", status.symbol}, {"version", status.loaded ? Json(status.version) : Json()}, {"versions", std::move(versions)}});
    }
    return {{"models", std::move(models)}};
}

/// Equal in a time that does not depend on where they differ.
bool same_secret(std::string_view a, std::string_view b) {
    unsigned differing = a.size() == b.size() ? 0U : 1U;
    for (std::size_t i = 0; i < a.size(); ++i) {
        differing |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b.empty() ? '\0' : b[i % b.size()]);
    }
    return differing == 0;
}

}  // namespace

bool Service::allowed(const ServerRequest& request) const {
    if (token_.empty() || request.path == "/healthz" || request.path == "/readyz") return true;
    const std::string_view given = request.header("authorization").value_or("");
    constexpr std::string_view scheme = "bearer ";
    return given.size() > scheme.size() && lower(given.substr(0, scheme.size())) == scheme && same_secret(given.substr(scheme.size()), token_);
}

ServerResponse Service::predict(const ServerRequest& request) const {
    const std::string type = lower(request.header("content-type").value_or("application/json"));
    if (!type.starts_with("application/json")) {
        return refusal(415, {ErrorCode::usage, "the body is " + printable(type), "send application/json"});
    }
    const auto question = pipeline::read_question(request.body, rows_max);
    if (!question) return refusal(question.error().code == ErrorCode::data ? 400 : 422, question.error());
    const auto predictions = hub_.predict(question->symbol, question->rows);
    if (!predictions) {
        const bool unknown = !question->symbol.empty() && !hub_.has(question->symbol);
        return refusal(unknown ? 404 : predictions.error().code == ErrorCode::usage ? 422 : 503, predictions.error());
    }
    metrics_.predictions(predictions->symbol, predictions->proba_up.size());
    return json_answer(pipeline::answer_document(*predictions, question->shape));
}

ServerResponse Service::ready() const {
    Json json = {{"status", "ready"}};
    const auto engines = hub_.status();
    const auto loaded = std::ranges::count_if(engines, &pipeline::EngineStatus::loaded);
    json["loaded"] = loaded;
    json["symbols"] = engines.size();
    if (draining_)
        json["status"] = "stopping";
    else if (loaded == 0)
        json["status"] = "no model is loaded";
    return json_answer(json, json["status"] == "ready" ? 200 : 503);
}

std::string Service::metrics() const {
    std::string out = metrics_.text();
    const TimeNs now = wall_clock_now();
    const auto engines = hub_.status();
    out += "# HELP sofia_model_loaded Whether a symbol's model answers.\n# TYPE sofia_model_loaded gauge\n";
    for (const auto& engine : engines)
        out += fmt::format("sofia_model_loaded{{symbol=\"{}\"}} {}\n", label_value(engine.symbol), engine.loaded ? 1 : 0);
    out += "# HELP sofia_model_age_seconds Time since a symbol's model was read.\n# TYPE sofia_model_age_seconds gauge\n";
    for (const auto& engine : engines) {
        if (!engine.loaded) continue;
        out += fmt::format("sofia_model_age_seconds{{symbol=\"{}\",version=\"{}\"}} {:.3f}\n", label_value(engine.symbol),
                           label_value(engine.version), static_cast<double>(now - engine.loaded_at) / 1e9);
    }
    out += fmt::format(
        "# HELP sofia_start_time_seconds When the service began, Unix time.\n# TYPE sofia_start_time_seconds gauge\nsofia_start_time_seconds "
        "{:.3f}\n",
        static_cast<double>(begun_) / 1e9);
    return out;
}

ServerResponse Service::route(const ServerRequest& request, std::string& name) const {
    static constexpr std::array<std::string_view, 6> readable = {"/engines/status", "/models", "/healthz", "/readyz", "/metrics", "/openapi.json"};
    const bool reads = std::ranges::find(readable, request.path) != readable.end();
    if (!reads && request.path != "/predict") {
        return refusal(404, {ErrorCode::usage, "there is nothing at " + printable(request.path), "GET /openapi.json tells what there is"});
    }
    name = request.path;
    if (!allowed(request)) {
        ServerResponse response = refusal(401, {ErrorCode::usage, "a token is needed", "send Authorization: Bearer TOKEN"});
        response.headers.emplace_back("WWW-Authenticate", "Bearer");
        return response;
    }
    if (reads ? request.method != "GET" && request.method != "HEAD" : request.method != "POST") {
        ServerResponse response = refusal(405, {ErrorCode::usage, printable(request.method) + " " + request.path + " does not exist", ""});
        response.headers.emplace_back("Allow", reads ? "GET, HEAD" : "POST");
        return response;
    }
    if (!reads) return predict(request);
    if (name == "/healthz") return json_answer({{"status", "ok"}});
    if (name == "/readyz") return ready();
    if (name == "/metrics") return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics()};
    if (name == "/openapi.json") return {.body = openapi(SOFIA_VERSION, hub_.status())};
    if (name == "/models") return json_answer(models_json(hub_));
    Json engines = Json::array();
    for (const auto& status : hub_.status()) engines.push_back(status_json(status, wall_clock_now()));
    return json_answer({{"engines", std::move(engines)}});
}

ServerResponse Service::answer(const ServerRequest& request) const {
    const DurationNs begun = steady_now();
    std::string name = "other";
    ServerResponse response = route(request, name);
    // A method that a client made up is no label either.
    static constexpr std::array<std::string_view, 7> methods = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"};
    const bool known = std::ranges::find(methods, request.method) != methods.end();
    metrics_.request(name, known ? request.method : "other", response.status, steady_now() - begun);
    return response;
}

Result<pipeline::Output> serve(const pipeline::ServeRequest& request, const pipeline::Context& context) {
    if (!request.server.loopback() && request.token.empty()) {
        SOFIA_CHECK(request.server.validate());
        return fail(ErrorCode::config, fmt::format("--host {} can be reached from other machines, and there is no token", request.server.host),
                    "put one into the environment variable SOFIA_TOKEN or a file (--token-file), or stay on 127.0.0.1");
    }
    SOFIA_TRY(const std::unique_ptr<pipeline::ModelHub> hub, pipeline::ModelHub::open(request.model_dir, context.log));
    const Service service(*hub, request.token);
    SOFIA_TRY(net::Server server, net::Server::start(request.server, [&](const ServerRequest& asked) { return service.answer(asked); }, context.log));
    const std::string host = request.server.host.contains(':') ? "[" + request.server.host + "]" : request.server.host;
    context.log.info(fmt::format("serving {} on http://{}:{}", counted(hub->status().size(), "symbol"), host, server.port()));
    // Links are looked at once a second, and the stop flag twenty times.
    constexpr int looks = 20;
    for (int look = 0; !context.stop->requested(); ++look) {
        if (look % looks == looks - 1) hub->refresh();
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    service.drain();
    context.log.info(fmt::format("stopping: {} are finished", counted(server.connections(), "connection")));
    const std::size_t cut = server.stop();
    if (cut > 0) context.log.warning(fmt::format("{} did not end in {} and were cut", counted(cut, "connection"), request.server.shutdown_timeout));
    return pipeline::make_output("", {{"cut", cut}});
}

}  // namespace sofia::http
