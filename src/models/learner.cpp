#include "models/learner.hpp"

#include "base/text.hpp"

namespace sofia::models {

Result<std::vector<double>> learnt_probabilities(const LearntModel& model, MatrixView rows, const std::string& who) {
    SOFIA_TRY(std::vector<double> probabilities, model.predict(rows));
    if (probabilities.size() != rows.rows) {
        return fail(ErrorCode::usage, "model " + who + ": " + counted(probabilities.size(), "prediction") + " for " + counted(rows.rows, "row"),
                    "give one a row");
    }
    for (std::size_t i = 0; i < probabilities.size(); ++i) {
        if (probabilities[i] >= 0.0 && probabilities[i] <= 1.0) continue;
        return fail(ErrorCode::usage, "model " + who + " predicts " + format_double(probabilities[i]) + " for row " + std::to_string(i),
                    "a prediction is the probability of 1, from 0 to 1");
    }
    return probabilities;
}

}  // namespace sofia::models
