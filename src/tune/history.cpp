#include "tune/history.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "tune/json_text.hpp"

namespace sofia::tune {

std::string to_string(TrialState state) {
    switch (state) {
        case TrialState::running: return "running";
        case TrialState::complete: return "complete";
        case TrialState::pruned: return "pruned";
        case TrialState::fail: return "fail";
        case TrialState::waiting: return "waiting";
    }
    return {};
}

std::string to_string(Direction direction) { return direction == Direction::minimize ? "minimize" : "maximize"; }

const Param* FrozenTrial::param(const std::string& name) const {
    const auto found = std::find_if(params.begin(), params.end(), [&](const Param& p) { return p.name == name; });
    return found == params.end() ? nullptr : &*found;
}

std::string FrozenTrial::failure_reason() const {
    const auto found = user_attributes.find("error");
    if (found == user_attributes.end()) return "no reason given";
    const auto json = parse_python_json(found->second);
    return json && json->is_string() ? json->get<std::string>() : found->second;
}

std::size_t History::count(TrialState state) const {
    const auto found = counts_.find(state);
    return found == counts_.end() ? 0 : found->second;
}

void History::put(TrialPtr trial) {
    const auto index = static_cast<std::size_t>(trial->number);
    if (index >= trials_.size()) trials_.resize(index + 1);
    if (trials_[index] && finished(trials_[index]->state)) return;
    running_.erase(trial->number);
    waiting_.erase(trial->number);
    if (trial->state == TrialState::running) {
        running_[trial->number] = trial;
    } else if (trial->state == TrialState::waiting) {
        waiting_[trial->number] = trial;
    } else {
        finished_.push_back(trial);
        ++counts_[trial->state];
    }
    trials_[index] = std::move(trial);
}

void History::forget(std::int64_t number) {
    const auto index = static_cast<std::size_t>(number);
    if (index >= trials_.size() || !trials_[index] || finished(trials_[index]->state)) return;
    running_.erase(number);
    waiting_.erase(number);
    trials_[index].reset();
    while (!trials_.empty() && !trials_.back()) trials_.pop_back();
}

}  // namespace sofia::tune
