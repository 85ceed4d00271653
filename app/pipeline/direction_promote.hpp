#pragma once

#include <filesystem>
#include <limits>
#include <optional>
#include <string>

#include "app/pipeline/context.hpp"
#include "app/pipeline/direction_data.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "trading/window.hpp"

namespace sofia::pipeline {

/// The link in a symbol's model folder that names the model in use, and what a dated model folder holds.
inline constexpr const char* best_link = "best_lgbm";
inline constexpr const char* model_text_file = "lgbm.txt";
inline constexpr const char* card_file = "model_card.json";

enum class Promote : std::uint8_t {
    if_better,
    forced,  ///< the link moves whatever the comparison says, and the card says so
};

/// What the link names, as far as a comparison needs it.
struct ModelInUse {
    std::string name;  ///< of its folder, beside the link
    std::string feature_hash;
    std::int64_t horizon = 0;
    std::string label;        ///< name and version of what it predicts
    std::string learner;      ///< the registered one that made it; empty: LightGBM
    trading::Window trained;  ///< training and validation
    std::filesystem::path text;
};

/// Nothing where there is no link; a link that leads nowhere is warned of and counts as none. Errors: conflict (something else stands there), data,
/// io.
[[nodiscard]] Result<std::optional<ModelInUse>> model_in_use(const std::filesystem::path& model_dir, const Context& context);

/// What a model is compared for.
struct Candidate {
    std::string feature_hash;
    std::int64_t horizon = 0;
    std::string label = "higher 1";  ///< as of ModelInUse
    std::string metric;
    double value = 0.0;  ///< on `validation`
    const DirectionSample& validation;
    const Extensions* extensions = nullptr;  ///< where the learner of the model in use is looked for
};

/// `higher 1`: what a model predicts, for comparing.
[[nodiscard]] std::string label_id(const std::string& name, std::int64_t version);

/// Error blocked: `used` predicts from other features, for another horizon or another label, or was made by a learner that is not registered here, so
/// the two cannot be compared; not where the promotion is forced.
[[nodiscard]] Result<void> check_comparable(const ModelInUse& used, const Candidate& candidate, Promote promote);

/// Whether the link moves, and why.
struct Promotion {
    enum class Outcome : std::uint8_t { first, better, not_better, forced };
    Outcome outcome = Outcome::first;
    std::string metric;
    double value = std::numeric_limits<double>::quiet_NaN();  ///< of the new model
    std::string previous;  ///< folder of the model in use before; empty: there was none
    double previous_value = std::numeric_limits<double>::quiet_NaN();  ///< scored on the same rows; NaN where it was not
    bool previous_saw_rows = false;  ///< some of these rows lay inside what it was fitted or chosen on

    [[nodiscard]] bool moves() const { return outcome != Outcome::not_better; }
};

/// Scores the model in use on the candidate's validation rows; the link moves when the candidate is strictly better. Errors: as check_comparable;
/// data, io (its file).
[[nodiscard]] Result<Promotion> decide_promotion(const std::optional<ModelInUse>& used, const Candidate& candidate, Promote promote,
                                                 std::size_t threads);

[[nodiscard]] std::string_view name(Promotion::Outcome outcome);
[[nodiscard]] Json promotion_json(const Promotion& promotion);

/// Points the link at `name`, a folder beside it, in one step: a reader sees the old model or the new one. The caller holds the lock. Error: io.
[[nodiscard]] Result<void> move_link(const std::filesystem::path& model_dir, const std::string& name);

/// Held by one training at a time while it compares, writes and moves the link; ends with the process. Waits for others. Errors: io, interrupted.
class ModelDirLock {
public:
    [[nodiscard]] static Result<ModelDirLock> take(const std::filesystem::path& model_dir, const Context& context);
    ~ModelDirLock();
    ModelDirLock(ModelDirLock&& other) noexcept;
    ModelDirLock& operator=(ModelDirLock&&) = delete;

private:
    explicit ModelDirLock(int fd) : fd_(fd) {}
    int fd_;
};

}  // namespace sofia::pipeline
