#include "app/pipeline/manifest.hpp"

#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "base/hash.hpp"
#include "base/time.hpp"

namespace sofia::pipeline {

Json library_versions() {
    Json versions = Json::object();
    versions["sofia"] = SOFIA_VERSION;
    versions["revision"] = SOFIA_REVISION;
    versions["compiler"] = __VERSION__;
    versions["lightgbm"] = SOFIA_LIGHTGBM_VERSION;
    versions["arrow"] = SOFIA_ARROW_VERSION;
    return versions;
}

Result<void> write_manifest(const std::filesystem::path& path, const Manifest& manifest, const Context& context) {
    Json json = Json::object();
    json["schema"] = 1;
    json["verb"] = manifest.verb;
    json["seed"] = context.seed;
    for (const auto& [name, value] : manifest.facts) json[name] = value;
    json["config"] = manifest.config;
    json["inputs"] = Json::array();
    for (const std::filesystem::path& input : manifest.inputs) {
        SOFIA_TRY(const std::string hash, sha256_file(input));
        std::error_code ignored;
        json["inputs"].push_back({{"file", input.filename().string()}, {"bytes", std::filesystem::file_size(input, ignored)}, {"sha256", hash}});
    }
    json["outputs"] = Json::array();
    for (const std::filesystem::path& output : manifest.outputs) {
        // What lies deeper is named from the manifest's folder.
        const std::filesystem::path below = output.lexically_relative(path.parent_path());
        const bool inside = !below.empty() && *below.begin() != "..";
        json["outputs"].push_back((inside ? below : output.filename()).generic_string());
    }
    json["versions"] = library_versions();
    // How it was called and when: of interest to people, not part of what makes the result.
    json["clock"] = {{"written", format_time(wall_clock_now())}, {"threads", context.threads}, {"command", context.command}};
    if (manifest.time != nullptr) json["clock"]["time"] = *manifest.time;
    return write_file(path, format_json(json));
}

}  // namespace sofia::pipeline
