#include "app/pipeline/feature_state.hpp"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/audit_columns.hpp"
#include "app/pipeline/members.hpp"
#include "base/files.hpp"
#include "base/hash.hpp"
#include "base/state_json.hpp"

namespace sofia::pipeline {
namespace {

constexpr std::int64_t schema = 1;
constexpr const char* again = "write the file again with sofia train";

std::string columns_hash(const FeatureStream& stream) { return models::feature_hash(feature_ids(stream.columns())); }

/// Of the whole document but the checksum itself.
std::string checksum(const Json& document) { return sha256_hex(canonical_json(document)); }

/// The document without its checksum, which has been seen to be right.
Result<Json> read_checked(const std::filesystem::path& file) {
    auto text = read_file(file);
    if (!text) return fail(text.error().code, text.error().message, "models trained by an earlier sofia have none; train again");
    auto parsed = parse_json(*text, file.string());
    if (!parsed) return fail(parsed.error().code, parsed.error().message, again);
    Json document = *std::move(parsed);
    if (!document.is_object() || !document.contains("schema")) return fail(ErrorCode::data, file.string() + ": no feature state", again);
    if (document["schema"] != schema) {
        return fail(ErrorCode::data,
                    fmt::format("{}: a feature state of schema {}, this program reads schema {}", file.string(), document["schema"].dump(), schema),
                    "use the sofia that wrote it, or train again");
    }
    const Json stated = document.value("sha256", Json());
    document.erase("sha256");
    if (stated == checksum(document)) return document;
    return fail(ErrorCode::data, file.string() + ": differs from what was saved (its content has not the checksum in it)", again);
}

Result<FeatureStreamConfig> read_config(const Members& members, const std::filesystem::path& file) {
    FeatureStreamConfig config;
    SOFIA_TRY(const std::string yaml, members.text("config"));
    SOFIA_TRY(const std::string session, members.text("session"));
    SOFIA_TRY(config.features.has_funding, members.flag("funding"));
    config::Keys keys;
    config.describe(keys);
    const auto wrong = [&](const Error& error) { return fail(ErrorCode::data, fmt::format("{}: {}", file.string(), error.message), again); };
    if (auto loaded = config::load_text(yaml, "\"config\"", keys); !loaded) return wrong(loaded.error());
    auto parsed = market::Session::parse(session);
    if (!parsed) return wrong(parsed.error());
    config.session = *parsed;
    return config;
}

}  // namespace

Result<void> write_feature_state(const std::filesystem::path& file, const FeatureState& state) {
    const FeatureStream& stream = state.stream;
    const FeatureStreamConfig& config = stream.config();
    Json document = {{"schema", schema},
                     {"symbol", state.symbol},
                     {"as_of", format_time(state.as_of)},
                     {"session", config.session.text()},
                     {"funding", config.features.has_funding},
                     {"config", show(config)},
                     {"columns", stream.columns().size()},
                     {"columns_hash", columns_hash(stream)},
                     {"state", state_of(stream)}};
    document["sha256"] = checksum(document);
    return write_file(file, canonical_json(document) + "\n");
}

Result<FeatureState> read_feature_state(const std::filesystem::path& file, RowTimeframes at) {
    SOFIA_TRY(const Json document, read_checked(file));
    const Members members(document, file, "train");
    SOFIA_TRY(const std::string symbol, members.text("symbol"));
    SOFIA_TRY(const std::string as_of_text, members.text("as_of"));
    const auto as_of = parse_time(as_of_text);
    if (!as_of) return members.error("as_of");
    SOFIA_TRY(const FeatureStreamConfig config, read_config(members, file));
    auto stream = FeatureStream::make(config, at);
    if (!stream) return fail(ErrorCode::data, fmt::format("{}: {}", file.string(), stream.error().message), again);
    SOFIA_TRY(const std::string hash, members.text("columns_hash"));
    if (columns_hash(*stream) != hash) {
        return fail(ErrorCode::data, file.string() + ": its columns are not those that this program makes of its configuration",
                    "use the sofia that wrote it, or train again");
    }
    const Json nothing;
    const auto read = read_state(document.contains("state") ? document["state"] : nothing, *stream, *as_of);
    if (!read) return fail(ErrorCode::data, fmt::format("{}: state: {}", file.string(), read.error().message), again);
    return FeatureState{.symbol = symbol, .as_of = *as_of, .stream = *std::move(stream)};
}

Result<FeatureState> warm_features(const std::filesystem::path& model_folder, RowTimeframes at) {
    SOFIA_TRY(const models::Model model, models::load_model(model_folder));
    const std::filesystem::path file = model_folder / feature_state_file;
    SOFIA_TRY(FeatureState state, read_feature_state(file, at));
    if (state.as_of != model.train_end || state.symbol != model.symbol) {
        return fail(ErrorCode::data,
                    fmt::format("{}: of {} at {}, but the model is of {} and was trained until {}", file.string(), state.symbol,
                                format_time(state.as_of), model.symbol, format_time(model.train_end)),
                    again);
    }
    SOFIA_CHECK(audit_columns(model.features, state.stream.columns()));
    return state;
}

Result<void> check_stream_config(const std::filesystem::path& file, const FeatureState& state, const FeatureStreamConfig& wanted) {
    const auto differs = [&](const std::string& key, const std::string& was, const std::string& is) {
        return fail(ErrorCode::blocked, fmt::format("{}: {} was {} in training, it is {} here", file.string(), key, was, is),
                    "a state goes on with its own settings only; leave that setting away, or train again");
    };
    FeatureStreamConfig then = state.stream.config();
    FeatureStreamConfig now = wanted;
    if (then.session != now.session) return differs("instrument.session", then.session.text(), now.session.text());
    const auto funding = [](const FeatureStreamConfig& config) { return config.features.has_funding ? "set" : "empty"; };
    if (then.features.has_funding != now.features.has_funding) return differs("funding.file", funding(then), funding(now));
    config::Keys then_keys;
    then.describe(then_keys);
    config::Keys now_keys;
    now.describe(now_keys);
    for (std::size_t i = 0; i < then_keys.all().size(); ++i) {
        const std::string was = then_keys.all()[i].get();
        const std::string is = now_keys.all()[i].get();
        if (was != is) return differs(then_keys.all()[i].path, was, is);
    }
    return {};
}

}  // namespace sofia::pipeline
