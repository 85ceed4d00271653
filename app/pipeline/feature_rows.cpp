#include "app/pipeline/feature_rows.hpp"

#include <utility>

namespace sofia::pipeline {

FeatureRows::FeatureRows(features::Engine engine, std::span<const trading::Funding> funding, RowTimeframes at, Sink sink)
    : engine_(std::move(engine)), funding_(funding), at_(at), sink_(std::move(sink)), row_(engine_.columns().size()) {}

void FeatureRows::on_bar(std::size_t timeframe, const market::Bar& bar) {
    if (due_ && bar.close_time != *due_) flush();
    if (timeframe >= at_.first && timeframe <= at_.last) due_ = bar.close_time;
    for (; next_funding_ < funding_.size() && funding_[next_funding_].time <= bar.close_time; ++next_funding_) {
        engine_.on_funding(funding_[next_funding_].time, funding_[next_funding_].rate);
    }
    engine_.update(timeframe, bar);
}

void FeatureRows::flush() {
    if (!due_) return;
    engine_.read(*due_, row_);
    sink_(*due_, row_);
    due_.reset();
}

}  // namespace sofia::pipeline
