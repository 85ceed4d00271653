#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "base/result.hpp"

namespace sofia::pipeline {

/// One call of `sofia bars` or `sofia features`.
struct TableRequest {
    std::filesystem::path config_file;
    std::vector<std::string> sets;
    std::filesystem::path data_dir;
    std::filesystem::path out;            ///< bars: a folder; features: a Parquet file
    std::vector<std::string> timeframes;  ///< empty: bars.timeframes
    std::filesystem::path warm_start;     ///< features: a model folder whose feature state goes on; empty: from the data's beginning
};

/// Writes `bars_<timeframe>.parquet` for each timeframe. Trades are streamed, so memory does not grow with them; each file appears whole.
/// Errors: config, data, io.
[[nodiscard]] Result<Output> write_bar_tables(const TableRequest& request, const Context& context);

/// Writes one row a closed base bar: `known_at` and one column a feature. Streamed as above. With a warm start the columns are those of the model,
/// and the rows those after its `train_end`; of the data only what came after it is looked at. Errors: config, data, io; blocked, when the settings
/// are not those of the state.
[[nodiscard]] Result<Output> write_feature_table(const TableRequest& request, const Context& context);

/// Cuts the data and changes its future at many moments and compares every feature column of every earlier row to the last bit. `out` is not
/// used. Exit 4 when a column leaks. Errors: config, data, io.
[[nodiscard]] Result<Output> audit_feature_leaks(const TableRequest& request, const Context& context);

/// The documents that are made from the code: configuration.md and features.md, into `out`. Error: io.
[[nodiscard]] Result<Output> write_documents(const std::filesystem::path& out);

}  // namespace sofia::pipeline
