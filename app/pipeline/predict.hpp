#pragma once

#include <filesystem>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "base/result.hpp"

namespace sofia::pipeline {

/// One call of `sofia predict`.
struct PredictRequest {
    std::filesystem::path model;  ///< models/<SYMBOL>/best_lgbm, a dated folder with lgbm.txt, or a text file of LightGBM
    std::filesystem::path in;     ///< .json: what POST /predict is asked (question.hpp); .csv, .csv.gz, .csv.zst or Parquet: a table
    std::filesystem::path out;    ///< .csv, else Parquet; empty: nothing is written
};

/// P(up) of each row by a direction model: the same numbers as models::DirectionModel, the Python package and the service give. Of a table the
/// model's features are taken by name, whatever their order; an empty field and NaN are missing values, other columns are left aside. The text is
/// CSV, a row a row of the table: `ts` and `known_at` where the table has them, `proba_up`. The JSON document is the service's answer, or with `out`
/// says what was written. Errors: io; data (a file that is no table, a feature without a column or without numbers); usage (a row of other features
/// in JSON).
[[nodiscard]] Result<Output> predict(const PredictRequest& request, const Context& context);

}  // namespace sofia::pipeline
