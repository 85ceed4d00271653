#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "base/result.hpp"
#include "synth/config.hpp"

namespace sofia::pipeline {

enum class SimulationKind : std::uint8_t { trades, direction_minutes };

/// One call of `sofia data simulate`.
struct SimulateRequest {
    synth::SimulationConfig config;
    SimulationKind kind = SimulationKind::trades;
    std::filesystem::path out;  ///< the symbol's folder is made inside
};

/// Writes `out/SYMBOL/` with `trades.csv` (or `bars.csv`) and `instrument.yaml`, marked as simulated. Deterministic in the context's seed. The
/// folder must not hold other data. Errors: config, io, conflict.
[[nodiscard]] Result<Output> simulate_data(const SimulateRequest& request, const Context& context);

/// What `sofia data check` and `sofia data import` are told.
struct DataRequest {
    std::filesystem::path data_dir;
    std::filesystem::path out;  ///< import only
    bool skip_bad_rows = false;
};

/// Rows, span, gaps, duplicates, disorder, outliers, carried opens. Errors: io, data, config.
[[nodiscard]] Result<Output> check_data(const DataRequest& request, const Context& context);

/// Trades as Parquet by day. Errors: io, data, config, conflict.
[[nodiscard]] Result<Output> import_data(const DataRequest& request, const Context& context);

}  // namespace sofia::pipeline
