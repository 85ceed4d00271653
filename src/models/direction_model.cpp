#include "models/direction_model.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/files.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"

namespace sofia::models {

Result<std::vector<double>> LoadedModel::row(NamedValues values) const {
    std::vector<double> out(trees.columns());
    SOFIA_CHECK(fill(values, out));
    return out;
}

Result<void> LoadedModel::fill(NamedValues values, std::span<double> row) const {
    const std::vector<std::string>& names = trees.feature_names();
    assert(row.size() == names.size());
    const auto in_order = [&](std::size_t i) { return values[i].first == names[i]; };
    std::size_t ordered = 0;
    while (ordered < std::min(values.size(), names.size()) && in_order(ordered)) ++ordered;
    for (std::size_t i = 0; i < ordered; ++i) row[i] = values[i].second;
    // Most rows come in the model's order, whole.
    if (ordered == names.size() && values.size() == names.size()) return {};
    std::vector<bool> given(names.size(), false);
    std::fill_n(given.begin(), ordered, true);
    for (std::size_t i = ordered; i < values.size(); ++i) {
        const auto& [name, value] = values[i];
        const auto at = static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
        if (at == names.size()) {
            return fail(ErrorCode::usage, with_suggestion("\"" + printable(name) + "\" is no feature of model " + version, name, names),
                        "its features are " + join(names, ", "));
        }
        if (given[at]) return fail(ErrorCode::usage, "feature \"" + names[at] + "\" is given twice");
        given[at] = true;
        row[at] = value;
    }
    std::vector<std::string> missing;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (!given[i]) missing.push_back(names[i]);
    }
    if (missing.empty()) return {};
    return fail(ErrorCode::usage, "the row lacks " + join(missing, ", "),
                "give every feature of the model; null or NaN where its value is not known");
}

DirectionModel::DirectionModel(std::filesystem::path where, DurationNs check_every) : where_(std::move(where)), check_every_(check_every) {}

std::filesystem::path DirectionModel::text_file() const { return where_.extension() == ".txt" ? where_ : where_ / "lgbm.txt"; }

Result<DirectionModel::Identity> DirectionModel::identity() const {
    struct stat status{};
    if (::stat(text_file().c_str(), &status) != 0) {
        const int why = errno;
        std::error_code ignored;
        const std::filesystem::path pickle = where_ / "model.pkl";
        if (why == ENOENT && std::filesystem::exists(pickle, ignored)) {
            return fail(ErrorCode::data, pickle.string() + " is a model that was written in Python: only models of LightGBM answer here",
                        "joblib.load reads it in Python");
        }
        return fail(ErrorCode::io, "cannot read the model " + text_file().string() + ": " + std::strerror(why), "sofia train makes one");
    }
    return Identity{status.st_dev, status.st_ino, status.st_mtim.tv_sec * ns_per_second + status.st_mtim.tv_nsec,
                    static_cast<std::uint64_t>(status.st_size)};
}

namespace {

Result<std::shared_ptr<const LoadedModel>> read_model(const std::filesystem::path& link) {
    // The link may move while its files are read: they are taken from where it leads now.
    std::error_code error;
    const std::filesystem::path file = std::filesystem::canonical(link, error);
    if (error) return fail(ErrorCode::io, "cannot read the model " + link.string() + ": " + error.message());
    SOFIA_TRY(const std::string text, read_file(file));
    SOFIA_TRY(FlatTrees trees, FlatTrees::from_text(text, file.string()));
    if (trees.outputs() != 1) {
        return fail(ErrorCode::data,
                    file.string() + ": a model of " + std::to_string(trees.outputs()) + " classes; up or down takes one probability");
    }
    const std::filesystem::path folder = file.parent_path();
    auto model = std::make_shared<LoadedModel>(
        LoadedModel{std::move(trees), folder, folder.filename().string(), sha256_hex(text), text.size(), {}, wall_clock_now()});
    const std::filesystem::path card = folder / "model_card.json";
    if (std::filesystem::exists(card, error)) {
        SOFIA_TRY(model->card, read_file(card));
    }
    return model;
}

}  // namespace

Result<void> DirectionModel::refresh() const {
    const std::lock_guard lock(mutex_);
    const auto seen = identity();
    if (seen && read_ == *seen && current_.load() != nullptr) {
        trouble_.reset();
        return {};
    }
    auto read = seen ? read_model(text_file()) : std::unexpected(seen.error());
    if (!read) {
        trouble_ = read.error();
        return std::unexpected(std::move(read).error());
    }
    current_.store(*std::move(read));
    read_ = *seen;
    trouble_.reset();
    return {};
}

bool DirectionModel::check_is_due() const {
    if (check_every_ <= 0) return false;
    const DurationNs now = steady_now();
    DurationNs due = next_check_.load(std::memory_order_relaxed);
    // One of the threads that come at the same time looks; the others go on.
    return now >= due && next_check_.compare_exchange_strong(due, now + check_every_, std::memory_order_relaxed);
}

Result<std::shared_ptr<const LoadedModel>> DirectionModel::loaded() const {
    std::shared_ptr<const LoadedModel> model = current_.load();
    if (model != nullptr && !check_is_due()) return model;
    const auto fresh = refresh();
    if (!fresh && model == nullptr) return std::unexpected(fresh.error());
    return current_.load();
}

Result<double> DirectionModel::predict_proba_up(NamedValues values) const {
    SOFIA_TRY(const std::shared_ptr<const LoadedModel> model, loaded());
    SOFIA_TRY(const std::vector<double> row, model->row(values));
    return model->trees.predict(row);
}

Result<double> DirectionModel::predict_proba_up(std::span<const double> row) const {
    SOFIA_TRY(const std::shared_ptr<const LoadedModel> model, loaded());
    if (row.size() != model->trees.columns()) {
        return fail(ErrorCode::usage,
                    counted(row.size(), "value") + " for the " + counted(model->trees.columns(), "feature") + " of model " + model->version,
                    "in this order: " + join(model->trees.feature_names(), ", "));
    }
    return model->trees.predict(row);
}

Result<Answer> DirectionModel::predict_proba(NamedValues row) const {
    SOFIA_TRY(const double probability, predict_proba_up(row));
    Answer answer;
    answer.probability = probability;
    answer.answered = {where_.string()};
    return answer;
}

std::optional<Error> DirectionModel::trouble() const {
    const std::lock_guard lock(mutex_);
    return trouble_;
}

}  // namespace sofia::models
