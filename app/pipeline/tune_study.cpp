#include "app/pipeline/tune_study.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "app/pipeline/settings.hpp"
#include "app/pipeline/trial_list.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "tune/pruner.hpp"
#include "tune/sampler.hpp"

namespace sofia::pipeline {

Result<void> check_study_name(const std::string& study) {
    const bool odd =
        study == "." || study == ".." || std::ranges::any_of(study, [](char c) { return c == '/' || static_cast<unsigned char>(c) < 0x20; });
    if (!odd) return {};
    return fail(ErrorCode::usage, fmt::format("study \"{}\" cannot name a folder inside the model folder", study), "leave out slashes and line ends");
}

std::vector<tune::ParamValue> extremes(const tune::Distribution& distribution) {
    if (const auto* choices = distribution.as_categorical()) return choices->choices;
    if (const auto* range = distribution.as_int()) return {range->low, range->high};
    return {distribution.as_float()->low, distribution.as_float()->high};
}

Result<std::map<std::string, std::string>> set_parameters(config::Keys& keys, const std::map<std::string, tune::ParamValue>& values,
                                                          const std::map<std::string, std::string>& key_of) {
    std::map<std::string, std::string> params;
    for (const auto& [name, value] : values) {
        const std::string& key = key_of.at(name);
        const std::string assignment = assignment_of(keys, key, tune::format_value(value));
        SOFIA_CHECK(config::set(assignment, keys));
        params[key] = assignment.substr(key.size() + 1);
    }
    return params;
}

namespace {

/// The highest number of a trial that has left a summary in `folder`; -1 without any.
Result<std::int64_t> last_summary(const StudyFolder& folder) {
    std::int64_t last = -1;
    SOFIA_TRY(const auto files, list_files(folder.root));
    for (const std::filesystem::path& file : files) {
        const std::string stem = file.stem().string();
        if (is_summary(file)) last = std::max(last, parse_int(stem.substr(stem.rfind('_') + 1)).value_or(-1));
    }
    return last;
}

}  // namespace

Result<tune::Study> open_tune_study(const TuneRequest& request, const TuneStudy& asked, const Context& context) {
    SOFIA_CHECK(make_folder(asked.folder.root));
    remove_abandoned(asked.folder.root);
    SOFIA_TRY(const std::int64_t last, last_summary(asked.folder));
    const std::string url = request.storage.empty() ? "sqlite:///" + asked.folder.database().string() : request.storage;
    tune::StudyOptions options;
    options.name = asked.name;
    options.directions = {asked.direction};
    options.open = request.mode == StudyMode::resume ? tune::StudyOptions::Open::resume : tune::StudyOptions::Open::create;
    options.seed = context.seed;
    SOFIA_TRY(options.storage, tune::open_storage(url));
    tune::SamplerOptions samplers;
    samplers.grid.seed = static_cast<std::uint32_t>(context.seed);
    samplers.tpe.startup_trials = static_cast<std::size_t>(asked.startup_trials);
    SOFIA_TRY(options.sampler, tune::make_sampler(asked.sampler, samplers));
    SOFIA_TRY(options.pruner, tune::make_pruner(asked.pruner));
    // A killed call leaves trials running: the next one fails them when they have been silent for long enough.
    options.heartbeat.interval = 30 * ns_per_second;
    options.log = context.log;
    options.share = request.share;
    auto study = tune::Study::open(std::move(options));
    if (!study) {
        if (study.error().code == ErrorCode::conflict && request.mode == StudyMode::create) {
            study.error().hint = "continue it with --resume, or take another --study";
        }
        return study;
    }
    // Trials are numbered without gaps, and a trial is in the study before its summary is written.
    if (last >= static_cast<std::int64_t>(study->trials().size())) {
        return fail(ErrorCode::conflict,
                    fmt::format("{} holds the summary of a trial {} that its study does not know: new trials would be written over it",
                                asked.folder.root.string(), last),
                    "name the --storage that the study was tuned with, or take another --study");
    }
    SOFIA_CHECK(agree_on_terms(*study, asked.terms));
    return study;
}

}  // namespace sofia::pipeline
