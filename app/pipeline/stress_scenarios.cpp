#include "app/pipeline/stress_scenarios.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "app/pipeline/strategy.hpp"
#include "base/text.hpp"

namespace sofia::pipeline {
namespace {

/// The keys in which `scenario` differs, with its values.
std::vector<std::string> changes_of(Settings settings, Settings scenario) {
    const config::Keys before = keys_of(settings);
    const config::Keys after = keys_of(scenario);
    std::vector<std::string> changes;
    for (std::size_t i = 0; i < before.all().size(); ++i) {
        const std::string value = after.all()[i].get();
        if (value != before.all()[i].get()) changes.push_back(after.all()[i].path + "=" + value);
    }
    return changes;
}

class Builder {
public:
    explicit Builder(const Settings& settings) : settings_(settings) {}

    template <class Change>
    void add(const char* group, std::string name, const Change& change, Foresight foresight = Foresight::foreseen) {
        StressScenario scenario{.group = group, .name = std::move(name), .changes = {}, .settings = settings_, .foresight = foresight};
        change(scenario.settings);
        scenario.changes = changes_of(settings_, scenario.settings);
        out_.scenarios.push_back(std::move(scenario));
    }

    /// A cost that the gate does not know, then one that it does.
    template <class Change>
    void add_cost(const char* group, const std::string& name, const Change& change) {
        add(group, name + ", unforeseen", change, Foresight::unforeseen);
        add(group, name, change);
    }

    /// `share` up or down.
    void vary(const config::Key& key, double share) {
        const double value = parse_double(key.get()).value_or(0.0);
        // Twelve digits: 0.11, not 0.11000000000000001.
        double moved = parse_double(fmt::format("{:.12g}", value * (1.0 + share))).value_or(value);
        if (key.type == "integer") {
            moved = std::round(moved);
            if (moved == value) moved += share > 0.0 ? 1.0 : -1.0;
        }
        Settings settings = settings_;
        config::Keys keys = keys_of(settings);
        auto set = config::set(key.path + "=" + format_double(moved), keys);
        if (set) set = settings.validate();
        if (!set) {
            out_.left_out.push_back(set.error().message);
            return;
        }
        add("parameters", fmt::format("{} {:.6g} -> {:.6g}", key.path, value, moved), [&](Settings& changed) { changed = settings; });
    }

    void leave_out(std::string why) { out_.left_out.push_back(std::move(why)); }
    [[nodiscard]] StressScenarios take() { return std::move(out_); }

private:
    const Settings& settings_;
    StressScenarios out_;
};

double dearer(double fee, double factor) { return fee > 0.0 ? fee * factor : fee / factor; }

void add_costs(Builder& builder, const Settings& settings) {
    for (const double factor : settings.stress.fee_factors) {
        builder.add_cost("fees", "fees x " + format_double(factor), [&](Settings& changed) {
            trading::CostConfig& costs = changed.decision.costs;
            costs.fee_percent = dearer(costs.fee_percent, factor);
            costs.maker_fee_percent = dearer(costs.maker_fee_percent, factor);
            if (costs.fee_per_trade_r > 0.0) costs.fee_per_trade_r *= factor;
        });
    }
    const double ticks = settings.decision.execution.slippage_ticks;
    for (const double factor : settings.stress.slippage_factors) {
        const double slipped = factor * (ticks > 0.0 ? ticks : 1.0);
        builder.add_cost("slippage", fmt::format("slippage {} ticks", format_double(slipped)),
                         [&](Settings& changed) { changed.decision.execution.slippage_ticks = slipped; });
    }
}

void add_latencies(Builder& builder, const Settings& settings, market::Timeframe base) {
    for (std::int64_t bars = 0; bars <= settings.stress.latency_bars; ++bars) {
        builder.add("latency", fmt::format("latency {} x {}", bars, base.name()), [&](Settings& changed) {
            changed.decision.execution.latency_ms = static_cast<double>(bars * base.length()) / static_cast<double>(ns_per_ms);
        });
    }
}

void add_parameters(Builder& builder, const Settings& settings) {
    std::vector<std::string> varied = {"touch.ema_length",  "touch.touch_tolerance_atr", "touch.min_bars_away",    "touch.min_slope_atr",
                                       "barriers.stop_atr", "barriers.target_r",         "barriers.max_hold_bars", "position.cooldown_bars"};
    const trading::GateConfig& gate = settings.decision.gate;
    if (gate.use_gates) varied.insert(varied.end(), {"gate.ev_margin", "gate.min_prob"});
    if (gate.use_gates && gate.use_trend_gate) varied.emplace_back("gate.min_trend_prob");
    if (gate.use_gates && gate.use_regime_gate) varied.emplace_back("gate.min_regime_prob");
    Settings copy = settings;
    const config::Keys keys = keys_of(copy);
    for (const std::string& path : varied) {
        const auto key = std::ranges::find(keys.all(), path, &config::Key::path);
        if (parse_double(key->get()).value_or(0.0) == 0.0) {
            builder.leave_out(fmt::format("{} is 0, and a share of it changes nothing", path));
            continue;
        }
        for (const double share : {-settings.stress.parameter_share, settings.stress.parameter_share}) builder.vary(*key, share);
    }
}

}  // namespace

std::vector<trading::Signal> acted_on(const trading::DecisionCore& core, std::span<const trading::Signal> signals) {
    std::set<TouchKey> acted;
    for (const trading::ClosedTrade& trade : core.trades()) {
        acted.insert(key_of(trade));
        if (trade.reason != trading::ExitReason::close) continue;
        // What closed it is the last signal against it: the order to leave fills on the first price that comes.
        const trading::Signal* last = nullptr;
        for (const trading::Signal& signal : signals) {
            const trading::Touch& touch = signal.touch;
            if (touch.known_at > trade.signal_time && touch.known_at < trade.exit_time && touch.direction != trade.direction) last = &signal;
        }
        if (last != nullptr) acted.insert(key_of(last->touch));
    }
    for (const trading::UnfilledOrder& order : core.unfilled()) acted.insert(key_of(order));
    std::vector<trading::Signal> out;
    for (const trading::Signal& signal : signals) {
        if (acted.contains(key_of(signal.touch))) out.push_back(signal);
    }
    return out;
}

StressScenarios stress_scenarios(const Settings& settings, market::Timeframe base) {
    Builder builder(settings);
    add_costs(builder, settings);
    add_latencies(builder, settings, base);
    add_parameters(builder, settings);
    return builder.take();
}

}  // namespace sofia::pipeline
