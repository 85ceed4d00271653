#include "app/pipeline/model_hub.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "models/direction_model.hpp"

namespace sofia::pipeline {

namespace {

namespace fs = std::filesystem;

/// `2026-01-31`, `2026-01-31-2`.
bool is_version(const std::string& name) {
    static constexpr std::string_view form = "dddd-dd-dd";
    if (name.size() < form.size()) return false;
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    for (std::size_t i = 0; i < form.size(); ++i) {
        if (form[i] == 'd' ? !digit(name[i]) : name[i] != '-') return false;
    }
    return name.size() == form.size() ||
           (name[form.size()] == '-' && name.size() > form.size() + 1 && std::all_of(name.begin() + 11, name.end(), digit));
}

/// The day, then the number of the model on it.
std::pair<std::string, std::int64_t> order_of(const std::string& version) {
    return {version.substr(0, 10), version.size() > 11 ? parse_int(version.substr(11)).value_or(0) : 1};
}

std::vector<std::string> symbols_in(const fs::path& folder) {
    std::vector<std::string> symbols;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        std::error_code ignored;
        const fs::file_status link = fs::symlink_status(entry->path() / "best_lgbm", ignored);
        if (fs::exists(link)) symbols.push_back(entry->path().filename().string());
    }
    std::ranges::sort(symbols);
    return symbols;
}

}  // namespace

ModelHub::ModelHub(fs::path folder, const Logger& log) : folder_(std::move(folder)), log_(log) {}
ModelHub::~ModelHub() = default;

Result<std::unique_ptr<ModelHub>> ModelHub::open(const fs::path& folder, const Logger& log) {
    std::error_code error;
    if (!fs::is_directory(folder, error)) {
        return fail(ErrorCode::io, "cannot read the models in " + folder.string() + ": not a folder",
                    "--model-dir is the parent of the symbols' folders, as in models with models/BTCUSDT/best_lgbm");
    }
    std::unique_ptr<ModelHub> hub(new ModelHub(folder, log));
    hub->refresh();
    return hub;
}

std::shared_ptr<const ModelHub::Models> ModelHub::models() const {
    const std::lock_guard lock(mutex_);
    return models_;
}

void ModelHub::read(const std::string& symbol, const models::DirectionModel& model) {
    const auto before = model.peek();
    const auto fresh = model.refresh();
    std::string& said = said_[symbol];
    if (!fresh && said != fresh.error().message) log_.warning(fmt::format("{}: {}", symbol, fresh.error().message));
    said = fresh ? "" : fresh.error().message;
    const auto now = model.peek();
    if (now != nullptr && now != before) log_.info(fmt::format("{}: model {} loaded ({} bytes)", symbol, now->version, now->bytes));
}

void ModelHub::refresh() {
    const std::shared_ptr<const Models> known = models();
    auto found = std::make_shared<Models>();
    for (const std::string& symbol : symbols_in(folder_)) {
        const auto before = known->find(symbol);
        (*found)[symbol] =
            before != known->end() ? before->second : std::make_shared<const models::DirectionModel>(folder_ / symbol / "best_lgbm", 0);
        read(symbol, *found->at(symbol));
    }
    const std::lock_guard lock(mutex_);
    models_ = std::move(found);
}

std::vector<EngineStatus> ModelHub::status() const {
    std::vector<EngineStatus> out;
    for (const auto& [symbol, model] : *models()) {
        EngineStatus& status = out.emplace_back();
        status.symbol = symbol;
        status.trouble = model->trouble();
        const auto loaded = model->peek();
        if (loaded == nullptr) continue;
        status.loaded = true;
        status.version = loaded->version;
        status.sha256 = loaded->sha256;
        status.bytes = loaded->bytes;
        status.features = loaded->trees.feature_names();
        status.loaded_at = loaded->loaded_at;
        status.card = loaded->card;
    }
    return out;
}

bool ModelHub::has(const std::string& symbol) const { return models()->contains(symbol); }

Result<std::vector<std::string>> ModelHub::versions(const std::string& symbol) const {
    if (!has(symbol)) return fail(ErrorCode::usage, "there is no model of symbol \"" + printable(symbol) + "\"");
    std::vector<std::string> out;
    std::error_code error;
    for (fs::directory_iterator entry(folder_ / symbol, error), end; !error && entry != end; entry.increment(error)) {
        if (is_version(entry->path().filename().string())) out.push_back(entry->path().filename().string());
    }
    std::ranges::sort(out, {}, order_of);
    return out;
}

Result<Predictions> ModelHub::predict(const std::string& symbol, std::span<const NamedRow> rows) const {
    const std::shared_ptr<const Models> all = models();
    auto found = all->find(symbol);
    if (symbol.empty() && all->size() == 1) found = all->begin();
    if (found == all->end()) {
        std::vector<std::string> known;
        for (const auto& [name, model] : *all) known.push_back(name);
        if (known.empty()) return fail(ErrorCode::unavailable, "there is no model", "sofia train makes one");
        const std::string hint = "there are models of " + join(known, ", ");
        if (symbol.empty()) return fail(ErrorCode::usage, "no symbol is named, and there are models of several", hint);
        return fail(ErrorCode::usage, with_suggestion("there is no model of symbol \"" + printable(symbol) + "\"", symbol, known), hint);
    }
    const auto model = found->second->peek();
    if (model == nullptr) {
        const auto trouble = found->second->trouble();
        return fail(ErrorCode::unavailable, trouble ? trouble->message : found->first + ": the model has not been read");
    }
    Predictions out{.symbol = found->first, .version = model->version, .proba_up = {}};
    out.proba_up.reserve(rows.size());
    std::vector<double> row(model->trees.columns());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        auto filled = model->fill(rows[i], row);
        if (!filled && rows.size() > 1) filled.error().message = fmt::format("row {}: {}", i, filled.error().message);
        if (!filled) return std::unexpected(std::move(filled).error());
        out.proba_up.push_back(model->trees.predict(row));
    }
    return out;
}

}  // namespace sofia::pipeline
