#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

// The state of a calculator as JSON, to the last bit: what a process has to know of everything it has seen, so that another can go on. One
// function of the calculator serves both ways, so that writing and reading cannot differ:
//
//   template <class Archive>
//   void visit_state(Archive& archive) {
//       archive("mean", mean_);                        // a number, a count, a flag, a list of numbers, or a calculator with its own visit_state
//       archive.index("at", at_, ring_.size());        // a place in a list
//   }
//
// It visits whatever changes from step to step. What follows from the configuration is left out: a state is read into a calculator that was made
// with the configuration of the one that wrote it, and a list keeps its length. Names are unique inside a calculator.
namespace sofia {

/// What both archives share: how a calculator is taken apart.
template <class Archive>
class StateVisitor {
public:
    template <class Field>
    void operator()(std::string_view name, Field& field) {
        if constexpr (requires { field.visit_state(self()); }) {
            group(name, [&] { field.visit_state(self()); });
        } else {
            self().plain(name, field);
        }
    }

    /// A list of calculators.
    template <class Part>
    void each(std::string_view name, std::vector<Part>& parts) {
        group(name, [&] {
            for (std::size_t i = 0; i < parts.size(); ++i) (*this)(std::to_string(i), parts[i]);
        });
    }

    /// What `visit` visits stands under `name`.
    template <class Visit>
    void group(std::string_view name, const Visit& visit) {
        self().enter(name);
        visit();
        self().leave();
    }

private:
    friend Archive;
    StateVisitor() = default;
    [[nodiscard]] Archive& self() { return static_cast<Archive&>(*this); }
};

/// Writes a state. Finite numbers are written as the shortest decimal that is read back as the same number, the NaN of `math::missing` as null, every
/// other number (infinities, NaN with a sign) as its bits in hex. Not thread-safe.
class StateWriter : public StateVisitor<StateWriter> {
public:
    static constexpr bool loading = false;

    StateWriter();
    ~StateWriter();
    StateWriter(const StateWriter&) = delete;
    StateWriter& operator=(const StateWriter&) = delete;

    /// A moment that has been, and one that may lie ahead.
    void time(std::string_view name, TimeNs value) { plain(name, value); }
    void time_ahead(std::string_view name, TimeNs value) { plain(name, value); }

    /// A place in a list of `size`.
    void index(std::string_view name, std::size_t value, std::size_t /*size*/) { plain(name, value); }

    /// All that was visited, as one object.
    [[nodiscard]] Json take();

private:
    friend class StateVisitor<StateWriter>;
    void enter(std::string_view name);
    void leave();
    void plain(std::string_view name, double value);
    void plain(std::string_view name, std::int64_t value);
    void plain(std::string_view name, std::uint64_t value);
    void plain(std::string_view name, bool value);
    void plain(std::string_view name, const std::vector<double>& values);

    struct Open;
    std::vector<Open> open_;  // the objects on the way from the whole to the one being written
};

/// Reads a state back. The first thing that does not fit (missing, of another type, a list of another length, a place outside its list, something
/// that nobody asks for) ends the reading; what is read into is then a mixture and not to be used. Not thread-safe.
class StateReader : public StateVisitor<StateReader> {
public:
    static constexpr bool loading = true;
    static constexpr TimeNs time_max = 9'000'000'000'000'000'000;

    /// `state` must outlive the reader; `as_of`: no time in it can be after that.
    explicit StateReader(const Json& state, TimeNs as_of = time_max);
    ~StateReader();
    StateReader(const StateReader&) = delete;
    StateReader& operator=(const StateReader&) = delete;

    /// Times are refused within seven years of what a TimeNs can hold, so that sums of them cannot overflow.
    void time(std::string_view name, TimeNs& value);
    void time_ahead(std::string_view name, TimeNs& value);
    void index(std::string_view name, std::size_t& value, std::size_t size);

    /// What a calculator finds out about itself once it is read; `what` stands for the state that does not hold.
    void expect(bool holds, std::string_view what);

    /// Nothing has been amiss so far.
    [[nodiscard]] bool good() const { return problem_.empty(); }

    /// Error data: the place inside the state, such as `features.timeframes.2.rsi14.rsi.gain.seen`, and what is wrong there.
    [[nodiscard]] Result<void> finish();

private:
    friend class StateVisitor<StateReader>;
    void enter(std::string_view name);
    void leave();
    void plain(std::string_view name, double& value);
    void plain(std::string_view name, std::int64_t& value);
    void plain(std::string_view name, std::uint64_t& value);
    void plain(std::string_view name, bool& value);
    void plain(std::string_view name, std::vector<double>& values);
    [[nodiscard]] const Json* find(std::string_view name);
    void refuse(std::string_view name, std::string_view what);
    void read_time(std::string_view name, TimeNs& value, TimeNs latest);
    void close_group();

    struct Open;
    std::vector<Open> open_;  // the objects on the way from the whole to the one being read
    TimeNs as_of_;
    std::string problem_;
};

}  // namespace sofia
