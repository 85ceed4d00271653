#include "app/pipeline/direction_trial.hpp"

#include <fmt/format.h>

#include "app/pipeline/audit_columns.hpp"
#include "app/pipeline/summary.hpp"

namespace sofia::pipeline {
namespace {

/// Whether a key has no part in what a trial's value was.
bool after_the_model(const std::string& key) {
    for (const char* section : {"rule.", "execution.", "costs.", "sizing.", "simulation."}) {
        if (key.starts_with(section)) return true;
    }
    return false;
}

Result<DirectionSettings> settings_of(const DirectionSummary& head, const std::vector<std::string>& sets, const store::DataFolder& folder,
                                      const Context& context) {
    SettingsSources sources{.instrument = folder.instrument(), .instrument_file = folder.has_instrument_file(), .resolved = head.config};
    SOFIA_TRY(DirectionSettings trial, load_direction_settings(sources));
    sources.sets = sets;
    SOFIA_TRY(DirectionSettings settings, load_direction_settings(sources));
    const config::Keys before = keys_of(trial);
    const config::Keys now = keys_of(settings);
    for (std::size_t i = 0; i < now.all().size() && i < before.all().size(); ++i) {
        const config::Key& key = now.all()[i];
        if (before.all()[i].get() == key.get() || after_the_model(key.path)) continue;
        context.log.warning(
            fmt::format("{} is {}, the trial was tuned with {}: its value was measured otherwise", key.path, key.get(), before.all()[i].get()));
    }
    return settings;
}

}  // namespace

Result<DirectionTrial> load_trial(const std::filesystem::path& summary, const std::vector<std::string>& sets, const std::filesystem::path& data_dir,
                                  const Context& context) {
    DirectionTrial trial;
    SOFIA_TRY(trial.head, read_direction_summary(summary));
    SOFIA_TRY(const store::DataFolder folder, open_data_of(data_dir, trial.head.data_dir));
    SOFIA_TRY(trial.settings, settings_of(trial.head, sets, folder, context));
    SOFIA_TRY(trial.minutes, load_minutes(folder, trial.settings, context));
    SOFIA_CHECK(audit_columns(trial.head.features, trial.minutes.columns));
    warn_of_symbol(summary, trial.head.symbol, trial.minutes.symbol, context);
    return trial;
}

}  // namespace sofia::pipeline
