#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "models/flat_trees.hpp"
#include "models/predictor.hpp"

namespace sofia::models {

/// A model as it was read. Never changes, so that any number of threads may hold it while another one takes its place.
struct LoadedModel {
    FlatTrees trees;
    std::filesystem::path folder;  ///< links resolved
    std::string version;           ///< the folder's name, `2026-01-31-2`
    std::string sha256;            ///< of the model text
    std::uint64_t bytes = 0;       ///< of the model text
    std::string card;              ///< model_card.json as it stands; empty where there is none
    TimeNs loaded_at = 0;          ///< wall clock

    /// The row in the model's order. Each feature has to be there once: a name that the model does not know, one that is missing and one that is
    /// given twice are errors (usage), since a row of other features is another row. NaN is handed to the model, which knows missing values.
    [[nodiscard]] Result<std::vector<double>> row(NamedValues values) const;

    /// The same into `row`, which has a place for each feature (asserted).
    [[nodiscard]] Result<void> fill(NamedValues values, std::span<double> row) const;
};

/// The model behind a link such as models/<SYMBOL>/best_lgbm, for as long as a process runs. Read when it is first asked for; when the link or the
/// file behind it has changed it is read anew, while requests go on with the one before. A model that cannot be read does not replace one that works:
/// `trouble` says why. All members are thread-safe.
class DirectionModel final : public Predictor {
public:
    /// `where`: the link, a dated folder with lgbm.txt, or a text file of LightGBM. It is looked at again `check_every` at the most while predictions
    /// are asked for; 0: with `refresh` only.
    explicit DirectionModel(std::filesystem::path where, DurationNs check_every = ns_per_second);

    /// Errors: io, data (the text is no model of one probability).
    [[nodiscard]] Result<std::shared_ptr<const LoadedModel>> loaded() const;

    /// What answers now, without looking at the disk; null before the first success.
    [[nodiscard]] std::shared_ptr<const LoadedModel> peek() const { return current_.load(); }

    /// P(up). Errors: those of `loaded` and `LoadedModel::row`.
    [[nodiscard]] Result<double> predict_proba_up(NamedValues values) const;

    /// The same for values in the model's order. Error: usage where their number is another one.
    [[nodiscard]] Result<double> predict_proba_up(std::span<const double> row) const;

    [[nodiscard]] Result<Answer> predict_proba(NamedValues row) const override;

    /// Reads the model if it has never been read or has changed. The error is also kept for `trouble`.
    Result<void> refresh() const;

    /// Why the newest state of the link could not be read, while an older model answers.
    [[nodiscard]] std::optional<Error> trouble() const;

    [[nodiscard]] const std::filesystem::path& where() const { return where_; }

private:
    /// What tells one state of the file from another.
    struct Identity {
        std::uint64_t device = 0;
        std::uint64_t inode = 0;
        std::int64_t modified = 0;
        std::uint64_t bytes = 0;
        friend bool operator==(const Identity&, const Identity&) = default;
    };
    [[nodiscard]] std::filesystem::path text_file() const;
    [[nodiscard]] Result<Identity> identity() const;
    [[nodiscard]] bool check_is_due() const;

    std::filesystem::path where_;
    DurationNs check_every_;
    mutable std::atomic<std::shared_ptr<const LoadedModel>> current_;
    mutable std::atomic<DurationNs> next_check_{0};
    mutable std::mutex mutex_;  // of what follows, and of loading
    mutable std::optional<Identity> read_;
    mutable std::optional<Error> trouble_;
};

}  // namespace sofia::models
