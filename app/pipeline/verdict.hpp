#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/pipeline/members.hpp"
#include "base/config.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "trading/window.hpp"

// What a selection says of a trial, as the trial's summary keeps it.
namespace sofia::pipeline {

/// Section `select`: how many trials see the test window, and what a window must show of one.
struct SelectConfig {
    std::int64_t top = 10;
    double min_expectancy_r = 0.0;
    std::int64_t min_trades = 20;
    double max_drawdown_percent = 30.0;

    void describe(config::Keys& keys);
    [[nodiscard]] Result<void> validate() const;
};

/// What the final model of a trial did in a window.
struct WindowFigures {
    trading::Window window;
    std::int64_t trades = 0;
    double net_r = 0.0;
    double gross_r = 0.0;
    double expectancy_r = std::numeric_limits<double>::quiet_NaN();  ///< net; NaN without trades
    double net_pnl = 0.0;
    double max_drawdown_percent = 0.0;
    double max_drawdown_r = 0.0;
    std::vector<double> daily_net_r = {};  ///< one a UTC day of the window; empty without a model, and in older files
    std::string trades_sha256;  ///< of the trades.csv that a backtest of the window writes
    std::string bars_sha256;    ///< of the window's base bars
    std::string note;           ///< why there is no model, or empty
};

/// Why the limits refuse these figures, every reason of it; empty when they let them pass.
[[nodiscard]] std::string refusal_of(const WindowFigures& figures, const SelectConfig& limits);

enum class Status : std::uint8_t {
    not_evaluated,    ///< no selection has run it over test
    rejected_test,
    passed_test,      ///< a survivor of test that shadow has not decided
    rejected_shadow,
    selected,
};
[[nodiscard]] std::string_view name(Status status);

struct Verdict {
    Status status = Status::not_evaluated;
    std::string reason;
    std::int64_t rank = 0;  ///< by robust score, from 1; 0 before a selection
    std::optional<WindowFigures> test;
    std::optional<WindowFigures> shadow;
};

/// The member `selection` of a summary: rank and figures, or null.
[[nodiscard]] Json selection_json(const Verdict& verdict);
[[nodiscard]] Json figures_json(const std::optional<WindowFigures>& figures);

/// What `figures_json` has written. Error: data.
[[nodiscard]] Result<WindowFigures> figures_from(const Members& members);

/// The verdict in a summary. Error: data, with file and member.
[[nodiscard]] Result<Verdict> read_verdict(const Members& summary);

/// Puts `status`, `reason` and `selection` into a summary and leaves every other byte as it is. Atomic; a summary that says so already is not
/// written. Errors: io, data.
[[nodiscard]] Result<void> write_verdict(const std::filesystem::path& summary, const Verdict& verdict);

}  // namespace sofia::pipeline
