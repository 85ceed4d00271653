#include "features/engine.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstring>
#include <numbers>

#include "base/state.hpp"
#include "base/text.hpp"
#include "features/timeframe_steps.hpp"

namespace sofia::features {

namespace {

enum TimeColumn : std::size_t { day_sin, day_cos, week_sin, week_cos, session_hours };
enum FundingColumn : std::size_t { last_rate, hours_to_next };
constexpr DurationNs ns_per_week = 7 * ns_per_day;
constexpr TimeNs first_monday = 4 * ns_per_day;  // 1970-01-05

Specs time_specs() {
    const auto of = [](std::string name, std::string formula, std::string unit) {
        return FeatureSpec{.name = "time." + std::move(name),
                           .formula = std::move(formula),
                           .unit = std::move(unit),
                           .source = "Sofia",
                           .warm_up = 1,
                           .version = 1,
                           .needs = Needs::clock};
    };
    return {of("day_sin", "sin(2π * share of the UTC day passed)", "-1..1"), of("day_cos", "cos(2π * share of the UTC day passed)", "-1..1"),
            of("week_sin", "sin(2π * share of the week passed since Monday 00:00 UTC)", "-1..1"),
            of("week_cos", "cos(2π * share of the week passed since Monday 00:00 UTC)", "-1..1"),
            of("session_hours", "time since the session of the last bar opened; of a 24x7 instrument since 00:00 UTC of its day", "hours")};
}

Specs funding_specs() {
    const auto of = [](std::string name, std::string formula, std::string unit) {
        return FeatureSpec{.name = "funding." + std::move(name),
                           .formula = std::move(formula),
                           .unit = std::move(unit),
                           .source = "Sofia",
                           .warm_up = 0,
                           .version = 1,
                           .needs = Needs::funding};
    };
    return {of("rate", "the last published funding rate; NaN before the first", "fraction"),
            of("hours_to_next", "last stamp + time between the last two stamps - now, at least 0; NaN before the second stamp", "hours")};
}

Result<void> mark(const std::vector<std::string>& patterns, const std::string& key, bool value, const std::vector<std::string>& names,
                  std::vector<bool>& wanted) {
    for (const std::string& pattern : patterns) {
        bool any = false;
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (!matches(pattern, names[i])) continue;
            wanted[i] = value;
            any = true;
        }
        if (!any) {
            return fail(ErrorCode::config, with_suggestion("features." + key + ": \"" + pattern + "\" matches no column", pattern, names),
                        "list the columns with `sofia features`; funding columns need funding.file");
        }
    }
    return {};
}

Result<std::vector<bool>> choose(const FeaturesConfig& config, const std::vector<std::string>& names) {
    std::vector<bool> wanted(names.size(), false);
    SOFIA_CHECK(mark(config.columns, "columns", true, names, wanted));
    SOFIA_CHECK(mark(config.exclude, "exclude", false, names, wanted));
    if (std::find(wanted.begin(), wanted.end(), true) == wanted.end()) {
        return fail(ErrorCode::config, "features.exclude leaves no column", "exclude fewer columns");
    }
    return wanted;
}

Result<void> check_timeframes(const std::vector<market::Timeframe>& timeframes) {
    if (timeframes.empty()) return fail(ErrorCode::config, "no timeframe for features", "name at least one");
    for (std::size_t k = 1; k < timeframes.size(); ++k) {
        if (!(timeframes[k - 1] < timeframes[k])) {
            return fail(ErrorCode::config, "timeframes of features are not ascending: " + timeframes[k - 1].name() + ", " + timeframes[k].name(),
                        "name each once, the smallest first");
        }
    }
    return {};
}

}  // namespace

Engine::Engine() : funding_{.rate = math::missing} {}
Engine::~Engine() = default;
Engine::Engine(const Engine& other) = default;
Engine& Engine::operator=(const Engine& other) = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

Result<Engine> Engine::make(const FeaturesConfig& config, const std::vector<market::Timeframe>& timeframes, const market::Session& session) {
    SOFIA_CHECK(config.validate());
    SOFIA_CHECK(check_timeframes(timeframes));
    Engine engine;
    engine.clock_.session = session;

    Specs all;
    for (const market::Timeframe timeframe : timeframes) {
        engine.steps_.emplace_back(config);
        for (FeatureSpec& spec : engine.steps_.back().describe()) {
            spec.name = timeframe.prefix() + "." + spec.name;
            all.push_back(std::move(spec));
        }
    }
    const std::size_t per_timeframe = all.size() / timeframes.size();
    const std::size_t first_time = all.size();
    std::ranges::move(time_specs(), std::back_inserter(all));
    const std::size_t first_funding = all.size();
    if (config.has_funding) std::ranges::move(funding_specs(), std::back_inserter(all));

    std::vector<std::string> names;
    for (const FeatureSpec& spec : all) names.push_back(spec.name);
    SOFIA_TRY(const std::vector<bool> wanted, choose(config, names));

    engine.picks_.resize(timeframes.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (!wanted[i]) continue;
        const std::size_t to = engine.columns_.size();
        engine.columns_.push_back(all[i]);
        if (i < first_time) {
            engine.picks_[i / per_timeframe].push_back({.from = i % per_timeframe, .to = to});
        } else if (i < first_funding) {
            engine.time_picks_.push_back({.from = i - first_time, .to = to});
        } else {
            engine.funding_picks_.push_back({.from = i - first_funding, .to = to});
        }
    }
    engine.row_.assign(engine.columns_.size(), math::missing);
    for (std::size_t k = 0; k < timeframes.size(); ++k) {
        const auto first = wanted.begin() + static_cast<std::ptrdiff_t>(k * per_timeframe);
        engine.steps_[k].keep(std::vector<bool>(first, first + static_cast<std::ptrdiff_t>(per_timeframe)));
    }
    return engine;
}

void Engine::update(std::size_t timeframe, const market::Bar& closed_bar) {
    assert(timeframe < steps_.size());
    assert(closed_bar.close_time >= steps_[timeframe].last_close_);
    if (timeframe == 0) follow_session(closed_bar);
    clock_.last_known_at = std::max(clock_.last_known_at, closed_bar.close_time);
    steps_[timeframe].update(closed_bar);
    const double* const values = steps_[timeframe].values().data();
    double* const row = row_.data();
    for (const Pick& pick : picks_[timeframe]) row[pick.to] = values[pick.from];
}

void Engine::follow_session(const market::Bar& base_bar) {
    const TimeNs time = base_bar.open_time;
    if (time >= clock_.open && time < clock_.close) return;
    if (clock_.session.always()) {
        clock_.open = floor_time(time, ns_per_day);
        clock_.close = clock_.open + ns_per_day;
    } else if (clock_.session.contains(time)) {
        clock_.open = floor_time(time, ns_per_minute);  // sessions open on a minute
        while (clock_.session.contains(clock_.open - ns_per_minute)) clock_.open -= ns_per_minute;
        clock_.close = clock_.session.close_after(time);
    } else {
        clock_.open = clock_.close = 0;
    }
}

void Engine::on_funding(TimeNs ts, double rate) {
    assert(funding_.seen == 0 || ts >= funding_.last);
    if (funding_.seen > 0 && ts > funding_.last) funding_.interval = ts - funding_.last;
    funding_.rate = rate;
    funding_.last = ts;
    ++funding_.seen;
}

void Engine::read_time(TimeNs known_at, std::span<double> row) const {
    const auto angle = [&](TimeNs since, DurationNs period) {
        return 2.0 * std::numbers::pi * (static_cast<double>(since - floor_time(since, period)) / static_cast<double>(period));
    };
    const double day = angle(known_at, ns_per_day);
    const double week = angle(known_at - first_monday, ns_per_week);
    std::array<double, 5> values;
    values[day_sin] = std::sin(day);
    values[day_cos] = std::cos(day);
    values[week_sin] = std::sin(week);
    values[week_cos] = std::cos(week);
    const bool inside = clock_.close != clock_.open;
    values[session_hours] = inside ? static_cast<double>(known_at - clock_.open) / static_cast<double>(ns_per_hour) : math::missing;
    for (const Pick& pick : time_picks_) row[pick.to] = values[pick.from];
}

double Engine::funding_value(std::size_t which, TimeNs known_at) const {
    if (which == last_rate) return funding_.rate;
    if (funding_.interval == 0) return math::missing;
    const DurationNs left = funding_.last + funding_.interval - known_at;
    return static_cast<double>(std::max<DurationNs>(left, 0)) / static_cast<double>(ns_per_hour);
}

void Engine::read(TimeNs known_at, std::span<double> row) const {
    assert(row.size() == columns_.size());
    assert(known_at >= clock_.last_known_at);
    assert(funding_.seen == 0 || known_at >= funding_.last);
    std::memcpy(row.data(), row_.data(), row_.size() * sizeof(double));  // of pointers: GCC 12 copies spans one by one
    if (!time_picks_.empty()) read_time(known_at, row);
    for (const Pick& pick : funding_picks_) row[pick.to] = funding_value(pick.from, known_at);
}

template <class Archive>
void Engine::visit_state(Archive& archive) {
    archive("row", row_);
    archive.group("clock", [&] {
        archive.time("open", clock_.open);
        archive.time_ahead("close", clock_.close);
    });
    archive.group("funding", [&] {
        archive("rate", funding_.rate);
        archive.time("last", funding_.last);
        archive("interval", funding_.interval);
        archive("seen", funding_.seen);
        if constexpr (Archive::loading) archive.expect(funding_.interval >= 0 && funding_.interval < 36'525 * ns_per_day, "an interval that none is");
    });
    archive.each("timeframes", steps_);
}

template void Engine::visit_state(StateWriter&);
template void Engine::visit_state(StateReader&);

}  // namespace sofia::features
