#include <memory>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "app/cli/verb.hpp"
#include "app/pipeline/direction_settings.hpp"
#include "app/pipeline/settings.hpp"
#include "app/pipeline/tables.hpp"

namespace sofia::cli {
namespace {

using pipeline::Context;
using pipeline::Output;

/// Calls `use` with the keys of the strategy that the file and the `--set`s are about, and their values.
template <class Use>
Result<Output> with_keys(const CommonOptions& common, const Use& use) {
    const pipeline::SettingsSources sources{.file = common.config, .sets = common.sets};
    SOFIA_TRY(const std::string strategy, pipeline::strategy_of(common.config, common.sets));
    if (strategy == "direction") {
        SOFIA_TRY(pipeline::DirectionSettings settings, pipeline::load_direction_settings(sources));
        return use(pipeline::keys_of(settings));
    }
    SOFIA_TRY(pipeline::Settings settings, pipeline::load_settings(sources));
    return use(pipeline::keys_of(settings));
}

Json keys_json(const config::Keys& keys) {
    Json json = Json::array();
    for (const config::Key& key : keys.all()) {
        json.push_back({{"key", key.path},
                        {"type", key.type},
                        {"value", key.get()},
                        {"default", key.default_text},
                        {"allowed", key.allowed},
                        {"sentence", key.sentence}});
    }
    return json;
}

Verb show_verb() {
    return {"config show", "Every key with its value after file and --set, as YAML",
            "  sofia config show --config configs/touch.yaml > resolved.yaml", [](CLI::App&) {
                return [](const Context&, const CommonOptions& common) -> Result<Output> {
                    return with_keys(common, [](const config::Keys& keys) -> Result<Output> {
                        return pipeline::make_output(config::show(keys), keys_json(keys));
                    });
                };
            }};
}

Verb explain_verb() {
    return {"config explain", "One key: type, default, value, allowed values and what it does", "  sofia config explain touch.ema_length",
            [](CLI::App& app) {
                auto key = std::make_shared<std::string>();
                app.add_option("KEY", *key, "Full name of the key, as `sofia config show` prints it")->required();
                return [key](const Context&, const CommonOptions& common) -> Result<Output> {
                    return with_keys(common, [&key](const config::Keys& keys) -> Result<Output> {
                        SOFIA_TRY(const std::string text, config::explain(*key, keys));
                        Json json = Json::array();  // of a section: all of its keys
                        for (const Json& one : keys_json(keys)) {
                            if (one["key"] == *key) return pipeline::make_output(text, one);
                            if (one["key"].get<std::string>().starts_with(*key + ".")) json.push_back(one);
                        }
                        return pipeline::make_output(text, std::move(json));
                    });
                };
            }};
}

Verb docs_verb() {
    return {"docs", "Write configuration.md and features.md from the code", "  sofia docs --out docs", [](CLI::App& app) {
                auto out = std::make_shared<std::filesystem::path>("docs");
                app.add_option("--out", *out, "Folder to write into")->capture_default_str();
                return [out](const Context&, const CommonOptions&) { return pipeline::write_documents(*out); };
            }};
}

}  // namespace

std::vector<Verb> config_verbs() { return {show_verb(), explain_verb(), docs_verb()}; }

}  // namespace sofia::cli
