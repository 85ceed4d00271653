#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace sofia::models {
class DirectionModel;
}

namespace sofia::pipeline {

/// What is known of one symbol's model.
struct EngineStatus {
    std::string symbol;
    bool loaded = false;
    std::string version;                ///< of the dated folder
    std::string sha256;                 ///< of the model text
    std::uint64_t bytes = 0;
    std::vector<std::string> features;  ///< in the model's order
    TimeNs loaded_at = 0;               ///< wall clock
    std::string card;                   ///< model_card.json as it stands, or empty
    std::optional<Error> trouble;       ///< why the newest model could not be read, while an older one answers or none
};

/// A row to be judged: names, which the asker keeps, and values, NaN missing.
using NamedRow = std::vector<std::pair<std::string_view, double>>;

/// What one model says of some rows.
struct Predictions {
    std::string symbol;
    std::string version;
    std::vector<double> proba_up;
};

/// The models below a folder: FOLDER/<SYMBOL>/best_lgbm of every symbol. Each is read once and again when its link has moved. Thread-safe.
class ModelHub {
public:
    /// Looks for models and reads them. Error: io (no such folder). A model that cannot be read is logged and shown by `status`.
    [[nodiscard]] static Result<std::unique_ptr<ModelHub>> open(const std::filesystem::path& folder, const Logger& log);
    ~ModelHub();

    /// Looks for new symbols and moved links. To be called now and then by one thread; requests go on meanwhile.
    void refresh();

    /// In the order of the symbols.
    [[nodiscard]] std::vector<EngineStatus> status() const;

    [[nodiscard]] bool has(const std::string& symbol) const;

    /// The dated folders of a symbol, the oldest first. Error: usage (no such symbol).
    [[nodiscard]] Result<std::vector<std::string>> versions(const std::string& symbol) const;

    /// All rows by one state of one model. `symbol` may be empty where there is one only. Errors: usage (a wrong row, with its number where there are
    /// several; no such symbol, or none named where there are several), unavailable (its model cannot be read).
    [[nodiscard]] Result<Predictions> predict(const std::string& symbol, std::span<const NamedRow> rows) const;

private:
    ModelHub(std::filesystem::path folder, const Logger& log);
    using Models = std::map<std::string, std::shared_ptr<const models::DirectionModel>>;
    [[nodiscard]] std::shared_ptr<const Models> models() const;
    void read(const std::string& symbol, const models::DirectionModel& model);

    std::filesystem::path folder_;
    Logger log_;
    mutable std::mutex mutex_;
    std::shared_ptr<const Models> models_ = std::make_shared<const Models>();
    std::map<std::string, std::string> said_;  // the last trouble that was logged; for `refresh`
};

}  // namespace sofia::pipeline
