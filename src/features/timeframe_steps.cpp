#include "features/timeframe_steps.hpp"

#include <algorithm>
#include <limits>

#include "base/state.hpp"

namespace sofia::features {

namespace {

template <class Tuple>
struct Made;

template <class... Unit>
struct Made<std::tuple<Unit...>> {
    static std::tuple<Unit...> from(const FeaturesConfig& config) { return {Unit(config)...}; }
};

}  // namespace

TimeframeSteps::TimeframeSteps(const FeaturesConfig& config)
    : scale_(scale_length()), units_(Made<Units>::from(config)), last_close_(std::numeric_limits<TimeNs>::min()) {
    Specs specs;
    std::size_t unit = 0;
    std::apply([&](const auto&... each) { ((each.describe(specs), offset_[++unit] = specs.size()), ...); }, units_);
    values_.assign(specs.size(), math::missing);
    kept_.fill(true);
}

Specs TimeframeSteps::describe() const {
    Specs specs;
    std::apply([&](const auto&... each) { (each.describe(specs), ...); }, units_);
    return specs;
}

void TimeframeSteps::keep(const std::vector<bool>& wanted) {
    for (std::size_t unit = 0; unit < unit_count; ++unit) {
        const auto first = wanted.begin() + static_cast<std::ptrdiff_t>(offset_[unit]);
        const auto last = wanted.begin() + static_cast<std::ptrdiff_t>(offset_[unit + 1]);
        kept_[unit] = std::find(first, last, true) != last;
    }
}

void TimeframeSteps::update(const market::Bar& bar) {
    last_close_ = bar.close_time;
    const BarStep in{.bar = bar, .inverse_atr = math::ratio(1.0, scale_.step(bar.high, bar.low, bar.close), 0.0)};
    double* const row = values_.data();
    const auto run = [&]<std::size_t... unit>(std::index_sequence<unit...>) {
        ((kept_[unit] ? static_cast<void>(std::get<unit>(units_).step(in, row + offset_[unit])) : static_cast<void>(0)), ...);
    };
    run(std::make_index_sequence<unit_count>{});
}

template <class Archive>
void TimeframeSteps::visit_state(Archive& archive) {
    const Specs specs = describe();
    archive("scale", scale_);
    const auto visit = [&]<std::size_t... unit>(std::index_sequence<unit...>) {
        ((kept_[unit] ? archive(specs[offset_[unit]].name, std::get<unit>(units_)) : static_cast<void>(0)), ...);
    };
    visit(std::make_index_sequence<unit_count>{});
}

template void TimeframeSteps::visit_state(StateWriter&);
template void TimeframeSteps::visit_state(StateReader&);

}  // namespace sofia::features
