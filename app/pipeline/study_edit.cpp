#include "app/pipeline/study_edit.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/study_storage.hpp"
#include "base/text.hpp"
#include "tune/names.hpp"

namespace sofia::pipeline {

Result<Output> copy_study(const CopyRequest& request) {
    SOFIA_TRY(const auto source, open_existing(request.from));
    SOFIA_TRY(const tune::StudyInfo info, choose_study(*source, request.from));
    const std::string name = request.to_study.empty() ? info.name : request.to_study;
    SOFIA_CHECK(tune::check_name("the study's name", name));
    auto target = source;
    if (!request.to_storage.empty()) {
        SOFIA_TRY(target, tune::open_storage(request.to_storage));
    }
    std::size_t count = 0;
    const auto work = [&]() -> Result<void> {
        SOFIA_TRY(std::vector<tune::FrozenTrial> trials, source->read_trials(info.id, 0, {}));
        SOFIA_TRY(const tune::StudyInfo copy, target->create_study(name, info.directions));
        using Owner = tune::Storage::Owner;
        for (const auto& [key, json] : info.system_attributes) SOFIA_CHECK(target->set_study_attribute(copy.id, Owner::system, key, json));
        for (const auto& [key, json] : info.user_attributes) SOFIA_CHECK(target->set_study_attribute(copy.id, Owner::user, key, json));
        count = trials.size();
        for (tune::FrozenTrial& trial : trials) SOFIA_CHECK(target->add_trial(copy.id, std::move(trial)));
        return {};
    };
    if (auto copied = target->transaction(work); !copied) {
        if (copied.error().code == ErrorCode::conflict) copied.error().hint = "name the copy with --to-study";
        return std::unexpected(std::move(copied).error());
    }
    const std::string shown = request.to_storage.empty() ? "" : without_password(request.to_storage);
    return make_output(fmt::format("study {} copied to {}{}: {}\n", printable(info.name), printable(name),
                                   shown.empty() ? "" : " in " + printable(shown), counted(count, "trial")),
                       {{"study", info.name}, {"copy", name}, {"storage", shown.empty() ? Json() : Json(shown)}, {"trials", count}});
}

Result<Output> rename_study(const StudyChoice& choice, const std::string& name) {
    SOFIA_CHECK(tune::check_name("the study's name", name));
    SOFIA_TRY(const auto storage, open_existing(choice));
    SOFIA_TRY(const tune::StudyInfo info, choose_study(*storage, choice));
    SOFIA_CHECK(storage->rename_study(info.id, name));
    return make_output(fmt::format("study {} renamed to {}\n", printable(info.name), printable(name)), {{"study", name}, {"before", info.name}});
}

Result<Output> delete_study(const StudyChoice& choice, Consent consent) {
    SOFIA_TRY(const auto storage, open_existing(choice));
    SOFIA_TRY(const tune::StudyInfo info, choose_study(*storage, choice));
    const auto trials = storage->read_trials(info.id, 0, {});
    if (!trials && trials.error().code != ErrorCode::data) return std::unexpected(trials.error());
    // A damaged study can be deleted, too.
    const std::string count = trials ? counted(trials->size(), "trial") : "unreadable trials";
    if (consent == Consent::missing) {
        return fail(ErrorCode::usage, fmt::format("study \"{}\" and its {} would be deleted for good", printable(info.name), count),
                    "add --yes; `sofia study copy` or `sofia study export` keep a copy");
    }
    SOFIA_CHECK(storage->delete_study(info.id));
    return make_output(fmt::format("study {} deleted: {}\n", printable(info.name), count),
                       {{"study", info.name}, {"trials", trials ? Json(trials->size()) : Json()}});
}

}  // namespace sofia::pipeline
