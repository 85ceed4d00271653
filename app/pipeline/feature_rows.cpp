#include "app/pipeline/feature_rows.hpp"

#include <utility>

namespace sofia::pipeline {

FeatureRows::FeatureRows(features::Engine engine, std::span<const trading::Funding> funding, RowTimeframes at)
    : engine_(std::move(engine)), funding_(funding.begin(), funding.end()), at_(at), row_(engine_.columns().size()) {}

void FeatureRows::take_funding(TimeNs until) {
    for (; next_funding_ < funding_.size() && funding_[next_funding_].time <= until; ++next_funding_) {
        engine_.on_funding(funding_[next_funding_].time, funding_[next_funding_].rate);
    }
}

void FeatureRows::on_bar(std::size_t timeframe, const market::Bar& bar, const Sink& sink) {
    if (due_ && bar.close_time != *due_) flush(sink);
    if (timeframe >= at_.first && timeframe <= at_.last) due_ = bar.close_time;
    take_funding(bar.close_time);
    engine_.update(timeframe, bar);
}

void FeatureRows::flush(const Sink& sink) {
    if (!due_) return;
    if (sink) {
        engine_.read(*due_, row_);
        sink(*due_, row_);
    }
    due_.reset();
}

void FeatureRows::advance_to(TimeNs now, const Sink& sink) {
    flush(sink);
    take_funding(now);
}

}  // namespace sofia::pipeline
