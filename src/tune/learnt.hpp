#pragma once

#include <cstddef>
#include <map>

#include "tune/history.hpp"

namespace sofia::tune {

/// What a sampler keeps of finished trials, apart for each History object. Internal to the room.
///
/// `State` has `void learn(const FrozenTrial&, const std::vector<Direction>&)` and is fed every finished trial of a history once, in the
/// order of its log. Another history at the address of an earlier one is told by its trials, and learnt from the beginning.
template <class State>
class Learnt {
public:
    [[nodiscard]] State& of(const History& history) {
        Entry& entry = entries_[&history];
        const auto& log = history.finished_log();
        if (entry.count > log.size() || (entry.count > 0 && log[entry.count - 1] != entry.last)) entry = Entry();
        for (; entry.count < log.size(); ++entry.count) {
            entry.state.learn(*log[entry.count], history.directions());
            entry.last = log[entry.count];
        }
        return entry.state;
    }

private:
    struct Entry {
        State state;
        std::size_t count = 0;
        TrialPtr last;
    };
    std::map<const History*, Entry> entries_;  // looked up only, never walked
};

}  // namespace sofia::tune
