#pragma once

// Internal to the room: what stands behind a Dataset.

#include <map>
#include <set>
#include <string>
#include <vector>

#include <LightGBM/c_api.h>

#include "models/dataset.hpp"

namespace sofia::models {

struct Dataset::State {
    DatasetHandle handle = nullptr;
    std::map<std::string, std::string> parameters;
    std::string key;
    std::vector<std::string> feature_names;
    std::vector<std::string> categorical;
    std::size_t rows = 0;
    std::set<std::string> harmless;  // parameters that LightGBM has let differ from those that the bins were made with

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (handle != nullptr) LGBM_DatasetFree(handle);
    }
};

}  // namespace sofia::models
