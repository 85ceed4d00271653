#include "trading/gate.hpp"

#include <cmath>

#include "base/text.hpp"

namespace sofia::trading {

namespace {
constexpr std::array<std::string_view, refusals> refusal_names{"window",      "window_end",     "levels", "outranked",   "entry_pending",
                                                               "in_position", "cooldown",       "fee",    "probability", "trend",
                                                               "regime",      "expected_value", "equity", "size"};

}  // namespace

std::string_view name(Refusal refusal) { return refusal_names[static_cast<std::size_t>(refusal)]; }

void GateConfig::describe(config::Keys& keys) {
    keys.boolean("use_gates", use_gates,
                 "Whether fee limit, probability, trend, regime and expected value decide; off, every touch that the position allows is traded.");
    keys.number("ev_margin", ev_margin, {-10.0, 10.0}, "Expected value, in R after costs, that a signal must exceed.");
    keys.number("min_prob", min_prob, {0.0, 1.0}, "Smallest probability of the target before the stop.");
    keys.choice("expected_rr_mode", expected_rr_mode, {"realized", "config"},
                "Where win and loss come from: the training labels, or target_r and 1.");
    keys.boolean("use_trend_gate", use_trend_gate, "Whether the trend model must agree.");
    keys.number("min_trend_prob", min_trend_prob, {0.0, 1.0}, "Smallest probability of the trend in the touch's direction.");
    keys.boolean("use_regime_gate", use_regime_gate, "Whether the regime model must agree.");
    keys.number("min_regime_prob", min_regime_prob, {0.0, 1.0}, "Smallest probability of a regime that trends in the touch's direction.");
}

Result<void> GateConfig::validate() const {
    const auto share = [](const char* key, double value) -> Result<void> {
        if (value >= 0.0 && value <= 1.0) return {};
        return fail(ErrorCode::config, std::string("gate.") + key + " " + format_double(value) + " is not in 0..1");
    };
    SOFIA_CHECK(share("min_prob", min_prob));
    SOFIA_CHECK(share("min_trend_prob", min_trend_prob));
    SOFIA_CHECK(share("min_regime_prob", min_regime_prob));
    if (!std::isfinite(ev_margin)) return fail(ErrorCode::config, "gate.ev_margin " + format_double(ev_margin) + " is not a finite number");
    if (expected_rr_mode != "realized" && expected_rr_mode != "config") {
        return fail(ErrorCode::config, "gate.expected_rr_mode \"" + expected_rr_mode + "\" is neither realized nor config");
    }
    return {};
}

EvModel ev_in_use(const GateConfig& gate, const BarrierConfig& barriers, const EvModel& realized) {
    EvModel ev = realized;
    if (gate.expected_rr_mode == "config") {
        ev.win = barriers.target_r;
        ev.loss = 1.0;
    }
    return ev;
}

std::optional<std::string> ev_warning(const GateConfig& gate, const EvModel& realized) {
    if (gate.expected_rr_mode == "config") {
        if (!(realized.timeouts > 0.05)) return std::nullopt;
        return "gate.expected_rr_mode config counts every timeout as a full loss, and " +
               format_double(std::round(1000.0 * realized.timeouts) / 10.0) + " % of the training labels are timeouts: realized is right";
    }
    if (std::isnan(realized.win) || std::isnan(realized.loss)) {
        return "the training labels lack an outcome (" + std::to_string(realized.labels) + " labels): the gate refuses every signal";
    }
    return std::nullopt;
}

double expected_value(double probability, const EvModel& ev, const CostsR& costs) {
    return probability * ev.win - (1.0 - probability) * ev.loss - costs.sum();
}

Verdict judge(const Signal& signal, const CostsR& costs, const GateConfig& gate, const CostConfig& limits, const EvModel& ev) {
    Verdict verdict;
    const bool modelled = !std::isnan(signal.probability);
    if (modelled) verdict.expected_value = expected_value(signal.probability, ev, costs);
    if (!gate.use_gates) return verdict;
    // Each gate tells how much is left to its limit. The first that refuses is the reason; one that knows nothing (NaN) is not asked.
    const auto ask = [&](Refusal reason, double left, bool refuses) {
        if (left < verdict.headroom) verdict.headroom = left;
        if (refuses && !verdict.refusal) verdict.refusal = reason;
    };
    const auto at_least_nothing = [&](Refusal reason, double left) { ask(reason, left, left < 0.0); };
    at_least_nothing(Refusal::fee, limits.max_fee_r - costs.fee);
    at_least_nothing(Refusal::probability, signal.probability - gate.min_prob);
    if (gate.use_trend_gate) at_least_nothing(Refusal::trend, signal.trend_probability - gate.min_trend_prob);
    if (gate.use_regime_gate) at_least_nothing(Refusal::regime, signal.regime_probability - gate.min_regime_prob);
    if (modelled && gate.use_expected_value_gate) {
        // A value that does not exist passes nowhere, and the margin itself is not enough.
        const double left = std::isnan(verdict.expected_value) ? -std::numeric_limits<double>::infinity() : verdict.expected_value - gate.ev_margin;
        ask(Refusal::expected_value, left, !(left > 0.0));
    }
    return verdict;
}

}  // namespace sofia::trading
