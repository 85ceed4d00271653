#include "tune/grid_plan.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "tune/json_text.hpp"
#include "tune/sampler.hpp"

namespace sofia::tune {

namespace {

const std::string id_key = "grid_id";
const std::string space_key = "search_space";

/// numpy's legacy shuffle: Fisher-Yates from the end, each place drawn from the fewest bits that hold it, and drawn again when too large.
std::vector<std::uint32_t> shuffled(std::size_t n, std::uint32_t seed) {
    std::vector<std::uint32_t> order(n);
    std::iota(order.begin(), order.end(), 0U);
    std::mt19937 bits(seed);
    for (std::size_t i = n; i-- > 1;) {
        std::uint32_t mask = static_cast<std::uint32_t>(i);
        for (const unsigned shift : {1U, 2U, 4U, 8U, 16U}) mask |= mask >> shift;
        std::uint32_t j = 0;
        do {
            j = static_cast<std::uint32_t>(bits()) & mask;
        } while (j > i);
        std::swap(order[i], order[j]);
    }
    return order;
}

std::unexpected<Error> too_many(double cells) {
    return fail(ErrorCode::config, fmt::format("a grid of {:.6g} cells is more than {}", cells, grid_cells_max),
                "take fewer values or larger steps, or the sampler qmc");
}

Result<std::vector<ParamValue>> values_of(const std::string& name, const Distribution& distribution) {
    std::vector<ParamValue> out;
    if (const auto* c = distribution.as_categorical()) return c->choices;
    if (const auto* i = distribution.as_int()) {
        const double count = (static_cast<double>(i->high) - static_cast<double>(i->low)) / static_cast<double>(i->step) + 1.0;
        if (count > static_cast<double>(grid_cells_max)) return too_many(count);
        for (std::int64_t k = 0; k < static_cast<std::int64_t>(count); ++k) out.emplace_back(i->low + k * i->step);
        return out;
    }
    const auto& f = *distribution.as_float();
    if (f.low == f.high) return std::vector<ParamValue>{f.low};
    if (f.step == 0.0) {
        return fail(ErrorCode::config, fmt::format("parameter \"{}\": a float without a step has no grid", name),
                    "give it a step, or list its values");
    }
    const double count = std::nearbyint((f.high - f.low) / f.step) + 1.0;
    if (count > static_cast<double>(grid_cells_max)) return too_many(count);
    for (std::int64_t k = 0; k < static_cast<std::int64_t>(count); ++k) {
        out.emplace_back(std::min(static_cast<double>(k) * f.step + f.low, f.high));
    }
    return out;
}

}  // namespace

Result<GridValues> values_of(const SearchSpace& space) {
    GridValues out;
    for (const auto& [name, distribution] : space) {
        SOFIA_TRY(out[name], values_of(name, distribution));
    }
    return out;
}

std::optional<std::int64_t> grid_id_of(const FrozenTrial& trial) {
    const auto found = trial.system_attributes.find(id_key);
    if (found == trial.system_attributes.end()) return std::nullopt;
    const auto json = parse_python_json(found->second);
    return json && json->is_number_integer() ? std::optional(json->get<std::int64_t>()) : std::nullopt;
}

Result<GridPlan> GridPlan::make(GridValues values, std::uint32_t seed) {
    double cells = 1.0;
    GridPlan out;
    for (const auto& [name, list] : values) {
        if (list.empty()) return fail(ErrorCode::config, fmt::format("parameter \"{}\" has no value in the grid", name));
        cells *= static_cast<double>(list.size());
        out.text_ += (out.text_.empty() ? "{" : ", ") + python_json(ParamValue(name)) + ": [";
        for (std::size_t i = 0; i < list.size(); ++i) out.text_ += (i > 0 ? ", " : "") + python_json(list[i]);
        out.text_ += "]";
    }
    if (values.empty()) return fail(ErrorCode::config, "a grid has at least one parameter");
    if (cells > static_cast<double>(grid_cells_max)) return too_many(cells);
    out.text_ += "}";
    out.values_ = std::move(values);
    out.order_ = shuffled(static_cast<std::size_t>(cells), seed);
    return out;
}

const ParamValue* GridPlan::value(std::size_t cell, const std::string& name) const {
    for (auto it = values_.rbegin(); it != values_.rend(); ++it) {
        if (it->first == name) return &it->second[cell % it->second.size()];
        cell /= it->second.size();
    }
    return nullptr;
}

std::optional<std::size_t> GridPlan::cell_of(const FrozenTrial& trial) const {
    const auto id = grid_id_of(trial);
    const auto space = trial.system_attributes.find(space_key);
    if (!id || space == trial.system_attributes.end() || !same_values(space->second)) return std::nullopt;
    // The values, where it has them: another seed has another order.
    std::size_t cell = 0;
    for (const auto& [name, list] : values_) {
        const Param* p = trial.param(name);
        const auto found =
            p == nullptr ? list.end() : std::find_if(list.begin(), list.end(), [&](const ParamValue& v) { return same_value(v, p->value()); });
        if (found == list.end())
            return *id >= 0 && static_cast<std::size_t>(*id) < cells() ? std::optional<std::size_t>(order_[static_cast<std::size_t>(*id)])
                                                                       : std::nullopt;
        cell = cell * list.size() + static_cast<std::size_t>(found - list.begin());
    }
    return cell;
}

Attributes GridPlan::attributes(std::size_t grid_id) const { return {{id_key, std::to_string(grid_id)}, {space_key, text_}}; }

bool GridPlan::same_values(const std::string& json) const {
    if (json == text_) return true;
    const auto parsed = parse_python_json(json);
    if (!parsed || !parsed->is_object() || parsed->size() != values_.size()) return false;
    return std::all_of(values_.begin(), values_.end(), [&](const auto& entry) {
        const auto list = parsed->find(entry.first);
        if (list == parsed->end() || !list->is_array() || list->size() != entry.second.size()) return false;
        for (std::size_t i = 0; i < entry.second.size(); ++i) {
            const auto value = value_of((*list)[i]);
            if (!value || !same_value(*value, entry.second[i])) return false;
        }
        return true;
    });
}

}  // namespace sofia::tune
