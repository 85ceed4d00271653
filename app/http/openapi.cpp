#include <nlohmann/json.hpp>

#include "app/http/service.hpp"

namespace sofia::http {

namespace {

Json reference(const char* name) { return {{"$ref", std::string("#/components/schemas/") + name}}; }

Json content(const Json& schema, const char* type = "application/json") { return {{type, {{"schema", schema}}}}; }

Json answer(const char* text, const Json& schema) { return {{"description", text}, {"content", content(schema)}}; }

Json failure(const char* text) { return answer(text, reference("Error")); }

/// A GET that answers with `schema`; `open`: without a token.
Json getter(const char* id, const char* summary, const Json& responses) {
    return {{"get", {{"operationId", id}, {"summary", summary}, {"responses", responses}}}};
}

Json guarded(Json responses) {
    responses["401"] = failure("The token is missing or wrong");
    responses["431"] = failure("The headers are too large");
    return responses;
}

Json opened(Json path) {
    path["get"]["security"] = Json::array();
    return path;
}

Json predict_path() {
    Json responses = guarded({{"200", answer("The probability that the close is higher after the model's horizon", reference("Predictions"))},
                              {"400", failure("The body is not JSON, or the request is not HTTP")},
                              {"404", failure("There is no model of this symbol")},
                              {"413", failure("The body is too large")},
                              {"415", failure("The body is of another type")},
                              {"422", failure("The body has another form, or a row has other features than the model")},
                              {"503", failure("The symbol's model cannot be read")}});
    return {{"post",
             {{"operationId", "predict"},
              {"summary", "Judge one row or many by a symbol's model"},
              {"requestBody", {{"required", true}, {"content", content(reference("Question"))}}},
              {"responses", responses}}}};
}

Json paths() {
    const Json text = {{"type", "string"}};
    Json out = Json::object();
    out["/engines/status"] = getter("engines_status", "What is loaded, since when, and how it fares",
                                    guarded({{"200", answer("One engine a symbol", reference("Engines"))}}));
    out["/predict"] = predict_path();
    out["/models"] =
        getter("models", "The symbols and the dated models of each", guarded({{"200", answer("Models by symbol", reference("Models"))}}));
    out["/healthz"] = opened(getter("healthz", "Whether the process lives", {{"200", answer("It does", reference("State"))}}));
    out["/readyz"] = opened(getter("readyz", "Whether requests should be sent here",
                                   {{"200", answer("At least one model answers", reference("Ready"))},
                                    {"503", answer("No model is loaded, or the service stops", reference("Ready"))}}));
    out["/metrics"] = getter("metrics", "Counts and times for Prometheus",
                             guarded({{"200", {{"description", "Text format 0.0.4"}, {"content", content(text, "text/plain")}}}}));
    out["/openapi.json"] = getter("openapi", "This document", guarded({{"200", answer("OpenAPI 3.1", {{"type", "object"}})}}));
    return out;
}

Json object(Json properties, Json required) { return {{"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}}; }

Json array(const Json& items) { return {{"type", "array"}, {"items", items}}; }

Json closed(Json schema) {
    schema["additionalProperties"] = false;
    return schema;
}

/// 1 to `rows_max` of them.
Json rows_of(const Json& item) {
    Json list = array(item);
    list["minItems"] = 1;
    list["maxItems"] = rows_max;
    return list;
}

Json value_schema() { return {{"type", {"number", "null"}}}; }

/// A row of one model: exactly its features.
Json row_schema(const std::vector<std::string>& features) {
    Json properties = Json::object();
    for (const std::string& name : features) properties[name] = value_schema();
    Json row = closed(object(std::move(properties), features));
    row["description"] = "Every feature of the model by its name; null is a missing value";
    return row;
}

Json listed_row(std::size_t width) {
    Json list = array(value_schema());
    list["minItems"] = width;
    list["maxItems"] = width;
    return list;
}

/// The forms of a question to each model that answers. Their features stand in it, so that a client can be checked before it asks.
Json question_schemas(const std::vector<pipeline::EngineStatus>& engines) {
    Json out = Json::object();
    Json forms = Json::array();
    std::size_t number = 0;
    for (const pipeline::EngineStatus& engine : engines) {
        if (!engine.loaded) continue;
        const std::string row = "Row" + std::to_string(++number);
        out[row] = row_schema(engine.features);
        const Json symbol = {{"const", engine.symbol}};
        const Json features = reference(row.c_str());
        const auto form = [&](Json properties, std::vector<std::string> required) {
            properties["symbol"] = symbol;
            // Where there is one model only, it need not be named.
            if (engines.size() > 1) required.emplace_back("symbol");
            forms.push_back(closed(object(std::move(properties), required)));
        };
        form({{"features", features}}, {"features"});
        form({{"rows", rows_of(features)}}, {"rows"});
        form({{"columns", {{"const", engine.features}, {"description", "In any order"}}}, {"rows", rows_of(listed_row(engine.features.size()))}},
             {"columns", "rows"});
    }
    out["Question"] = forms.empty() ? Json{{"type", "object"}} : Json{{"oneOf", std::move(forms)}};
    return out;
}

Json schemas(const std::vector<pipeline::EngineStatus>& engines) {
    const Json text = {{"type", "string"}};
    const Json number = {{"type", "number"}};
    const Json count = {{"type", "integer"}, {"minimum", 0}};
    const Json probability = {{"type", "number"}, {"minimum", 0}, {"maximum", 1}};
    Json out = question_schemas(engines);
    out["Predictions"] = object({{"symbol", text}, {"version", text}, {"proba_up", {{"oneOf", {probability, array(probability)}}}}},
                                {"symbol", "version", "proba_up"});
    out["Error"] = object({{"error", object({{"code", text}, {"message", text}, {"hint", text}}, {"code", "message"})}}, {"error"});
    out["State"] = object({{"status", text}}, {"status"});
    out["Ready"] = object({{"status", text}, {"loaded", count}, {"symbols", count}}, {"status", "loaded", "symbols"});
    out["Models"] = object({{"models", array(object({{"symbol", text}, {"version", {{"type", {"string", "null"}}}}, {"versions", array(text)}},
                                                    {"symbol", "version", "versions"}))}},
                           {"models"});
    out["Engine"] = object({{"symbol", text},
                            {"loaded", {{"type", "boolean"}}},
                            {"health", {{"enum", {"ok", "stale", "failed"}}}},
                            {"error", text},
                            {"version", text},
                            {"sha256", text},
                            {"bytes", count},
                            {"loaded_at", {{"type", "string"}, {"format", "date-time"}}},
                            {"age_seconds", number},
                            {"features", array(text)},
                            {"card", {{"type", {"object", "null"}}}}},
                           {"symbol", "loaded", "health"});
    out["Engines"] = object({{"engines", array(reference("Engine"))}}, {"engines"});
    return out;
}

}  // namespace

std::string openapi(const std::string& version, const std::vector<pipeline::EngineStatus>& engines) {
    Json json = {{"openapi", "3.1.0"}};
    json["info"] = {
        {"title", "Sofia inference"}, {"version", version}, {"description", "Probabilities of the models that are in use. Times are UTC."}};
    json["paths"] = paths();
    json["components"] = {{"schemas", schemas(engines)}, {"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}}};
    json["security"] = Json::array({Json{{"token", Json::array()}}, Json::object()});
    return format_json(json);
}

}  // namespace sofia::http
