#include "models/model_folder.hpp"

#include <algorithm>
#include <set>
#include <system_error>

#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "base/hash.hpp"
#include "base/json.hpp"

namespace sofia::models {

namespace {

constexpr int format_version = 1;

Result<void> check_members(const Model& model) {
    if (model.members.empty()) return fail(ErrorCode::usage, "saving a model: it has no member");
    std::set<std::string> seen;
    for (const Member& member : model.members) {
        const bool plain = !member.name.empty() && std::ranges::all_of(member.name, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        });
        if (!plain || !seen.insert(member.name).second) {
            return fail(ErrorCode::usage, "saving a model: member name \"" + member.name + "\" is empty, odd or taken twice");
        }
        const auto& columns = member.booster.feature_names();
        if (!std::ranges::equal(columns, model.features, {}, {}, &FeatureId::name)) {
            return fail(ErrorCode::usage, "saving a model: columns of member " + member.name + " are not the features of the model");
        }
    }
    return {};
}

Json features_json(const std::vector<FeatureId>& features) {
    Json list = Json::array();
    for (const FeatureId& feature : features) list.push_back({{"name", feature.name}, {"version", feature.version}});
    return {{"hash", feature_hash(features)}, {"features", list}};
}

/// The keys of a JSON file with their types checked: every getter names file and key when something is off.
class Document {
public:
    static Result<Document> read(const std::filesystem::path& path, const std::string& expected_hash) {
        SOFIA_TRY(const std::string text, read_file(path));
        if (!expected_hash.empty() && sha256_hex(text) != expected_hash) {
            return fail(ErrorCode::data, path.string() + ": differs from what was saved (its hash is not the one in model.json)");
        }
        SOFIA_TRY(Json json, parse_json(text, path.string()));
        return Document(path.string(), std::move(json));
    }

    Document(std::string path, Json json) : path_(std::move(path)), json_(std::move(json)) {}

    [[nodiscard]] const Json& json() const { return json_; }
    [[nodiscard]] const std::string& path() const { return path_; }

    [[nodiscard]] std::unexpected<Error> error(const std::string& what) const { return fail(ErrorCode::data, path_ + ": " + what); }

    [[nodiscard]] Result<std::string> text(const Json& at, const char* key) const {
        if (!at.is_object() || !at.contains(key) || !at[key].is_string()) return error("no text \"" + std::string(key) + "\"");
        return at[key].get<std::string>();
    }

    [[nodiscard]] Result<Json> list(const Json& at, const char* key) const {
        if (!at.is_object() || !at.contains(key) || !at[key].is_array()) return error("no list \"" + std::string(key) + "\"");
        return Json(at[key]);
    }

    [[nodiscard]] Result<TimeNs> time(const Json& at, const char* key) const {
        SOFIA_TRY(const std::string value, text(at, key));
        auto parsed = parse_time(value);
        if (!parsed) return error("\"" + std::string(key) + "\": " + parsed.error().message);
        return *parsed;
    }

private:
    std::string path_;
    Json json_;
};

Result<std::vector<FeatureId>> read_features(const std::filesystem::path& folder, const std::string& hash) {
    SOFIA_TRY(const Document document, Document::read(folder / "features.json", hash));
    std::vector<FeatureId> features;
    SOFIA_TRY(const Json list, document.list(document.json(), "features"));
    for (const Json& entry : list) {
        FeatureId feature;
        SOFIA_TRY(feature.name, document.text(entry, "name"));
        SOFIA_TRY(feature.version, document.text(entry, "version"));
        features.push_back(std::move(feature));
    }
    SOFIA_TRY(const std::string stated, document.text(document.json(), "hash"));
    if (stated != feature_hash(features)) return document.error("the feature hash does not belong to the features listed");
    return features;
}

Result<std::vector<Window>> read_windows(const Document& document) {
    std::vector<Window> windows;
    SOFIA_TRY(const Json list, document.list(document.json(), "windows"));
    for (const Json& entry : list) {
        Window window;
        SOFIA_TRY(window.name, document.text(entry, "name"));
        SOFIA_TRY(window.begin, document.time(entry, "begin"));
        SOFIA_TRY(window.end, document.time(entry, "end"));
        windows.push_back(std::move(window));
    }
    return windows;
}

Result<Member> read_member(const std::filesystem::path& folder, const Document& document, const Json& entry, const Document& calibrators) {
    SOFIA_TRY(const std::string name, document.text(entry, "name"));
    SOFIA_TRY(const std::string file, document.text(entry, "file"));
    SOFIA_TRY(const std::string hash, document.text(entry, "sha256"));
    if (file != name + ".txt" || file.find('/') != std::string::npos) return document.error("member file \"" + file + "\" is not " + name + ".txt");
    const std::filesystem::path path = folder / file;
    SOFIA_TRY(const std::string text, read_file(path));
    if (sha256_hex(text) != hash)
        return fail(ErrorCode::data, path.string() + ": differs from what was saved (its hash is not the one in model.json)");
    SOFIA_TRY(Booster booster, Booster::from_text(text, path.string()));
    if (!calibrators.json().is_object() || !calibrators.json().contains(name)) return calibrators.error("no calibrator for member " + name);
    SOFIA_TRY(Calibrator calibrator, Calibrator::from_json(calibrators.json()[name], calibrators.path()));
    return Member{name, std::move(booster), std::move(calibrator)};
}

Json model_json(const Model& model, const std::string& features_hash, const std::string& calibrator_hash) {
    Json members = Json::array();
    for (const Member& member : model.members) {
        members.push_back({{"name", member.name}, {"file", member.name + ".txt"}, {"sha256", sha256_hex(member.booster.text())}});
    }
    Json windows = Json::array();
    for (const Window& window : model.windows) {
        windows.push_back({{"name", window.name}, {"begin", format_time(window.begin)}, {"end", format_time(window.end)}});
    }
    Json json;
    json["format"] = format_version;
    json["symbol"] = model.symbol;
    json["simulated"] = model.simulated;
    json["train_end"] = format_time(model.train_end);
    json["windows"] = std::move(windows);
    json["members"] = std::move(members);
    json["features_sha256"] = features_hash;
    json["calibrator_sha256"] = calibrator_hash;
    return json;
}

}  // namespace

std::string feature_hash(const std::vector<FeatureId>& features) {
    Json list = Json::array();
    for (const FeatureId& feature : features) list.push_back(Json::array({feature.name, feature.version}));
    return sha256_hex(canonical_json(list));
}

const Window* overlapping_window(const Model& model, TimeNs begin, TimeNs end) {
    const auto at = std::ranges::find_if(model.windows, [&](const Window& window) { return begin < window.end && window.begin < end; });
    return at == model.windows.end() ? nullptr : &*at;
}

Result<void> save_model(const std::filesystem::path& folder, const Model& model) {
    SOFIA_CHECK(check_members(model));
    SOFIA_CHECK(make_folder(folder));
    std::error_code error;
    std::filesystem::remove(folder / "model.json", error);
    if (error) return fail(ErrorCode::io, (folder / "model.json").string() + ": cannot be replaced: " + error.message());
    for (const Member& member : model.members) SOFIA_CHECK(member.booster.save(folder / (member.name + ".txt")));
    Json calibrators = Json::object();
    for (const Member& member : model.members) calibrators[member.name] = member.calibrator.to_json();
    const std::string features_text = format_json(features_json(model.features));
    const std::string calibrator_text = format_json(calibrators);
    SOFIA_CHECK(write_file(folder / "features.json", features_text));
    SOFIA_CHECK(write_file(folder / "calibrator.json", calibrator_text));
    return write_file(folder / "model.json", format_json(model_json(model, sha256_hex(features_text), sha256_hex(calibrator_text))));
}

Result<Model> load_model(const std::filesystem::path& folder) {
    SOFIA_TRY(const Document document, Document::read(folder / "model.json", ""));
    const Json& json = document.json();
    if (!json.is_object() || !json.contains("format") || json["format"] != format_version) return document.error("not a model of format 1");
    Model model;
    SOFIA_TRY(model.symbol, document.text(json, "symbol"));
    if (!json.contains("simulated") || !json["simulated"].is_boolean()) return document.error("no \"simulated\": true or false");
    model.simulated = json["simulated"].get<bool>();
    SOFIA_TRY(model.train_end, document.time(json, "train_end"));
    SOFIA_TRY(model.windows, read_windows(document));
    SOFIA_TRY(const std::string features_hash, document.text(json, "features_sha256"));
    SOFIA_TRY(model.features, read_features(folder, features_hash));
    SOFIA_TRY(const std::string calibrator_hash, document.text(json, "calibrator_sha256"));
    SOFIA_TRY(const Document calibrators, Document::read(folder / "calibrator.json", calibrator_hash));
    SOFIA_TRY(const Json members, document.list(json, "members"));
    for (const Json& entry : members) {
        SOFIA_TRY(Member member, read_member(folder, document, entry, calibrators));
        model.members.push_back(std::move(member));
    }
    if (auto fits = check_members(model); !fits) return document.error(fits.error().message);
    return model;
}

}  // namespace sofia::models
