#include "labels/labeler.hpp"

#include <cmath>

#include "base/text.hpp"

namespace sofia::labels {

Result<BarLabels> bar_labels(const Labeler& labeler, std::span<const market::Bar> bars, std::int64_t horizon) {
    SOFIA_TRY(BarLabels labels, labeler.compute(bars, horizon));
    const std::string name = "label " + labeler.spec().name + ": ";
    if (labels.y.size() != bars.size() || labels.end_time.size() != bars.size()) {
        return fail(
            ErrorCode::usage,
            name + counted(labels.y.size(), "label") + " and " + counted(labels.end_time.size(), "end time") + " for " + counted(bars.size(), "bar"),
            "give one of each a bar, NaN where there is no label");
    }
    for (std::size_t i = 0; i < bars.size(); ++i) {
        if (std::isnan(labels.y[i])) continue;
        const std::string row = name + "the row known at " + format_time(bars[i].known_at());
        if (labels.y[i] != 0.0 && labels.y[i] != 1.0) {
            return fail(ErrorCode::usage, row + " has " + format_double(labels.y[i]), "a label is 0, 1, or NaN where there is none");
        }
        if (labels.end_time[i] <= bars[i].known_at()) {
            return fail(ErrorCode::blocked, row + " says that its label is known at " + format_time(labels.end_time[i]),
                        "end_time is the close of the last bar that the label looks at, which lies after the row's own");
        }
    }
    return labels;
}

}  // namespace sofia::labels
