#include "app/pipeline/direction_promote.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/direction_fit.hpp"
#include "app/pipeline/members.hpp"
#include "base/files.hpp"

namespace sofia::pipeline {
namespace {

namespace fs = std::filesystem;

/// What a card says of labels and models that may be registered ones. Cards of before there were such know neither.
Result<void> read_registered(const Members& members, ModelInUse& used) {
    used.label = label_id("higher", 1);
    if (members.has("label")) {
        SOFIA_TRY(const Members label, members.object("label"));
        SOFIA_TRY(const std::string name, label.text("name"));
        SOFIA_TRY(const std::int64_t version, label.count("version"));
        used.label = label_id(name, version);
    }
    SOFIA_TRY(const Members model, members.object("model"));
    if (!model.has("learner")) return {};
    SOFIA_TRY(const std::string file, model.text("file"));
    SOFIA_TRY(const Members learner, model.object("learner"));
    SOFIA_TRY(used.learner, learner.text("name"));
    used.text = used.text.parent_path() / file;
    return {};
}

/// The registered learner that made `used`; null: LightGBM, or it is not registered.
const models::Learner* learner_of(const ModelInUse& used, const Candidate& candidate) {
    if (used.learner.empty() || candidate.extensions == nullptr) return nullptr;
    const auto found = candidate.extensions->learners.find(used.learner);
    return found == candidate.extensions->learners.end() ? nullptr : found->second.get();
}

/// Empty: the two can be compared. Else what keeps them apart.
std::string apart(const ModelInUse& used, const Candidate& candidate) {
    if (used.horizon != candidate.horizon) return fmt::format("predicts {} minutes ahead, the new one {}", used.horizon, candidate.horizon);
    if (used.label != candidate.label) return fmt::format("predicts the label {}, the new one {}", used.label, candidate.label);
    if (used.feature_hash != candidate.feature_hash) return "predicts from other features than the new one";
    if (!used.learner.empty() && learner_of(used, candidate) == nullptr)
        return fmt::format("was made by {}, which is not registered here", used.learner);
    return {};
}

Result<ModelInUse> read_card(const fs::path& folder) {
    const fs::path path = folder / card_file;
    SOFIA_TRY(const Json json, read_json_file(path, 1));
    const Members members(json, path, "train");
    ModelInUse used{.name = folder.filename().string(), .feature_hash = {}, .text = folder / model_text_file};
    SOFIA_TRY(const Members features, members.object("features"));
    SOFIA_TRY(used.feature_hash, features.text("hash"));
    SOFIA_TRY(used.horizon, members.count("horizon_minutes"));
    SOFIA_CHECK(read_registered(members, used));
    SOFIA_TRY(const Members data, members.object("data"));
    SOFIA_TRY(const Members windows, data.object("windows"));
    SOFIA_TRY(const Members train, windows.object("train"));
    SOFIA_TRY(const Members validation, windows.object("validation"));
    SOFIA_TRY(const trading::Window first, train.window());
    SOFIA_TRY(const trading::Window second, validation.window());
    used.trained = {first.from, second.to};
    return used;
}

std::string reason() { return std::strerror(errno); }

}  // namespace

Result<std::optional<ModelInUse>> model_in_use(const fs::path& model_dir, const Context& context) {
    const fs::path link = model_dir / best_link;
    std::error_code error;
    const fs::file_status status = fs::symlink_status(link, error);
    if (!fs::exists(status)) return std::nullopt;
    if (!fs::is_symlink(status)) {
        return fail(ErrorCode::conflict, fmt::format("{} is no symbolic link", link.string()), "move it away: it is the name of the model in use");
    }
    const fs::path target = fs::read_symlink(link, error);
    const fs::path folder = target.is_absolute() ? target : model_dir / target;
    if (error || !fs::is_directory(folder, error)) {
        context.log.warning(fmt::format("{} leads to {}, which is not there: there is no model to compare with", link.string(), target.string()));
        return std::nullopt;
    }
    SOFIA_TRY(ModelInUse used, read_card(folder.lexically_normal()));
    return used;
}

Result<void> check_comparable(const ModelInUse& used, const Candidate& candidate, Promote promote) {
    if (promote == Promote::forced) return {};
    const char* hint = "--force puts the new model into use without comparing, and its card says so; another --model-dir keeps the two apart";
    const std::string why = apart(used, candidate);
    if (why.empty()) return {};
    return fail(ErrorCode::blocked, fmt::format("the model in use ({}) {}: they cannot be compared", used.name, why), hint);
}

Result<Promotion> decide_promotion(const std::optional<ModelInUse>& used, const Candidate& candidate, Promote promote, std::size_t threads) {
    Promotion out{.metric = candidate.metric, .value = candidate.value};
    if (promote == Promote::forced) out.outcome = Promotion::Outcome::forced;
    if (!used) return out;
    out.previous = used->name;
    out.previous_saw_rows = trading::overlap(used->trained, candidate.validation.window);
    SOFIA_CHECK(check_comparable(*used, candidate, promote));
    if (!apart(*used, candidate).empty()) return out;
    SOFIA_TRY(const FittedModel model, load_model(used->text, learner_of(*used, candidate), candidate.validation.width));
    SOFIA_TRY(const std::vector<double> probabilities, model.predict(candidate.validation.matrix(), threads));
    out.previous_value = metric_of(candidate.metric, probabilities, candidate.validation.y);
    if (promote == Promote::forced) return out;
    const DirectionScoreConfig score{.metric = candidate.metric};
    const bool better = score.minimized() ? candidate.value < out.previous_value : candidate.value > out.previous_value;
    out.outcome = better ? Promotion::Outcome::better : Promotion::Outcome::not_better;
    return out;
}

std::string label_id(const std::string& name, std::int64_t version) { return fmt::format("{} {}", name, version); }

std::string_view name(Promotion::Outcome outcome) {
    switch (outcome) {
        case Promotion::Outcome::first: return "first";
        case Promotion::Outcome::better: return "better";
        case Promotion::Outcome::not_better: return "not_better";
        case Promotion::Outcome::forced: return "forced";
    }
    return "";
}

Json promotion_json(const Promotion& promotion) {
    Json json = {{"outcome", name(promotion.outcome)},
                 {"in_use", promotion.moves()},
                 {"forced", promotion.outcome == Promotion::Outcome::forced},
                 {"metric", promotion.metric},
                 {"value", json_number(promotion.value)}};
    json["previous"] = promotion.previous.empty() ? Json() : Json(promotion.previous);
    json["previous_value"] = json_number(promotion.previous_value);
    json["previous_saw_rows"] = promotion.previous_saw_rows;
    return json;
}

Result<void> move_link(const fs::path& model_dir, const std::string& name) {
    const fs::path link = model_dir / best_link;
    const fs::path fresh = model_dir / fmt::format(".{}.next", best_link);
    ::unlink(fresh.c_str());  // of a process that was killed
    if (::symlink(name.c_str(), fresh.c_str()) != 0) return fail(ErrorCode::io, fmt::format("cannot make the link {}: {}", fresh.string(), reason()));
    if (::rename(fresh.c_str(), link.c_str()) != 0) {
        const std::string why = reason();
        ::unlink(fresh.c_str());
        return fail(ErrorCode::io, fmt::format("cannot move the link {}: {}", link.string(), why));
    }
    // The name is durable when the folder is.
    const int folder = ::open(model_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        ::fsync(folder);
        ::close(folder);
    }
    return {};
}

Result<ModelDirLock> ModelDirLock::take(const fs::path& model_dir, const Context& context) {
    SOFIA_CHECK(make_folder(model_dir));
    const int fd = ::open(model_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return fail(ErrorCode::io, fmt::format("cannot open {}: {}", model_dir.string(), reason()));
    ModelDirLock lock(fd);
    bool told = false;
    while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) return fail(ErrorCode::io, fmt::format("cannot lock {}: {}", model_dir.string(), reason()));
        if (!std::exchange(told, true)) context.log.info(fmt::format("waiting for another training in {}", model_dir.string()));
        SOFIA_CHECK(context.go_on());
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return lock;
}

ModelDirLock::~ModelDirLock() {
    if (fd_ >= 0) ::close(fd_);
}

ModelDirLock::ModelDirLock(ModelDirLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

}  // namespace sofia::pipeline
