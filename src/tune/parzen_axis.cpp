#include "tune/parzen_axis.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <numeric>

#include "base/random.hpp"
#include "tune/roomy.hpp"
#include "tune/truncnorm.hpp"

namespace sofia::tune {

namespace {

/// Of a kernel whose sigma is not computed yet.
constexpr double unset = -1.0;

/// Beyond it a new sort is cheaper than moving one observation after the other.
constexpr std::size_t few_edits = 32;

template <class T>
void insert_at(std::vector<T>& vector, std::size_t position, T value) {
    reserve_with_room(vector, vector.size() + 1);
    vector.insert(vector.begin() + static_cast<std::ptrdiff_t>(position), value);
}

template <class T>
void erase_at(std::vector<T>& vector, std::size_t position) {
    vector.erase(vector.begin() + static_cast<std::ptrdiff_t>(position));
}

}  // namespace

ParzenAxis::ParzenAxis(const Distribution& distribution, std::size_t dimension) : dimension_(dimension) {
    if (const auto* i = distribution.as_int()) {
        low = static_cast<double>(i->low);
        high = static_cast<double>(i->high);
        step = static_cast<double>(i->step);
        log = i->log;
    } else {
        const auto* f = distribution.as_float();
        assert(f != nullptr);
        low = f->low;
        high = f->high;
        step = f->step;
        log = f->log;
    }
    from = low - step / 2;
    to = high + step / 2;
    if (log) {
        from = std::log(from);
        to = std::log(to);
    }
    means_ = {0.5 * (from + to)};
    sigmas_ = {unset};
    inverse_sigmas_ = {0.0};
    log_scales_ = {0.0};
    set_sigma(0, to - from);
    smallest_ = smallest_sigma();
}

void ParzenAxis::edit(const ParzenEdit& edit, std::size_t column, std::size_t width) {
    std::vector<double> means;
    for (std::size_t i = 0; i < edit.inserted.size(); ++i) {
        const double value = edit.values[i * width + column];
        means.push_back(log ? std::log(value) : value);
    }
    if (edit.erased.size() + edit.inserted.size() > few_edits) {
        rebuild(edit, means);
        return set_sigmas();
    }
    std::vector<double> erased;
    for (std::size_t i = edit.erased.size(); i-- > 0;) {
        erased.push_back(means_[edit.erased[i]]);
        erase(edit.erased[i]);
    }
    for (std::size_t i = 0; i < means.size(); ++i) insert(edit.inserted[i], means[i]);
    // On a grid most kernels are equal to others; who they are is found out anew.
    if (step != 0.0 || tied_ || smallest_sigma() != smallest_) return set_sigmas();
    std::vector<std::size_t> places;
    for (const double mean : erased) places.push_back(place_of(mean, 0));
    for (std::size_t i = 0; i < means.size(); ++i) places.push_back(place_of(means[i], edit.inserted[i]));
    set_sigmas_near(places);
}

void ParzenAxis::erase(std::size_t position) {
    erase_at(order_, place_of(means_[position], position));
    for (std::uint32_t& p : order_) p -= p > position ? 1U : 0U;
    for (auto* vector : {&means_, &sigmas_, &inverse_sigmas_, &log_scales_}) erase_at(*vector, position);
}

void ParzenAxis::insert(std::size_t position, double mean) {
    for (std::uint32_t& p : order_) p += p >= position ? 1U : 0U;
    insert_at(means_, position, mean);
    insert_at(order_, place_of(mean, position), static_cast<std::uint32_t>(position));
    insert_at(sigmas_, position, unset);
    insert_at(inverse_sigmas_, position, 0.0);
    insert_at(log_scales_, position, 0.0);
}

void ParzenAxis::rebuild(const ParzenEdit& edit, std::span<const double> means) {
    const std::size_t n = count() + edit.inserted.size() - edit.erased.size();
    std::vector<double> all;
    reserve_with_room(all, n + 1);
    auto erased = edit.erased.begin();
    std::size_t next = 0;
    const auto take_inserted = [&] {
        while (next < means.size() && edit.inserted[next] == all.size()) all.push_back(means[next++]);
    };
    for (std::size_t i = 0; i < count(); ++i) {
        if (erased != edit.erased.end() && *erased == i) {
            ++erased;
            continue;
        }
        take_inserted();
        all.push_back(means_[i]);
    }
    take_inserted();
    assert(all.size() == n);
    reserve_with_room(order_, n);
    order_.resize(n);
    std::iota(order_.begin(), order_.end(), 0U);
    std::ranges::sort(order_, [&](std::uint32_t a, std::uint32_t b) { return all[a] != all[b] ? all[a] < all[b] : a < b; });
    all.push_back(means_.back());
    means_ = std::move(all);
    for (auto* vector : {&sigmas_, &inverse_sigmas_, &log_scales_}) {
        const double prior = vector->back();
        vector->clear();
        resize_with_room(*vector, n, unset);
        vector->push_back(prior);
    }
}

std::size_t ParzenAxis::place_of(double mean, std::size_t position) const {
    const auto before = [&](std::uint32_t p, double m) { return means_[p] != m ? means_[p] < m : p < position; };
    return static_cast<std::size_t>(std::lower_bound(order_.begin(), order_.end(), mean, before) - order_.begin());
}

double ParzenAxis::smallest_sigma() const { return (to - from) / std::min(100.0, static_cast<double>(count()) + 2.0); }

/// The larger gap to a neighbour; the ends have one neighbour when n >= 2.
double ParzenAxis::sigma_at(const std::vector<std::uint32_t>& order, std::size_t place, double smallest) const {
    const std::size_t n = order.size();
    const double here = means_[order[place]];
    const double below = here - (place > 0 ? means_[order[place - 1]] : from);
    const double above = (place + 1 < n ? means_[order[place + 1]] : to) - here;
    double sigma = std::max(below, above);
    if (n >= 2 && place == 0) sigma = above;
    if (n >= 2 && place + 1 == n) sigma = below;
    return std::clamp(sigma, smallest, to - from);
}

bool ParzenAxis::three_equal(std::size_t place) const {
    return place > 0 && place + 1 < order_.size() && means_[order_[place - 1]] == means_[order_[place + 1]];
}

void ParzenAxis::set_sigma(std::size_t position, double sigma) {
    if (sigmas_[position] == sigma) return;
    sigmas_[position] = sigma;
    if (step != 0.0) return;
    const double mean = means_[position];
    const double constant = -0.5 * std::log(2.0 * std::numbers::pi);
    inverse_sigmas_[position] = 1.0 / sigma;
    log_scales_[position] = constant - std::log(sigma) - log_gauss_mass((from - mean) / sigma, (to - mean) / sigma);
}

void ParzenAxis::set_sigmas() {
    smallest_ = smallest_sigma();
    tied_ = false;
    for (std::size_t i = 0; i < count() && !tied_; ++i) tied_ = three_equal(i);
    std::vector<std::uint32_t> shuffled;
    if (tied_) {
        shuffled = order_;
        shuffle_equal(shuffled);
    }
    const std::vector<std::uint32_t>& order = tied_ ? shuffled : order_;
    for (std::size_t i = 0; i < order.size(); ++i) set_sigma(order[i], sigma_at(order, i, smallest_));
    if (step != 0.0) set_groups(order);
}

void ParzenAxis::set_sigmas_near(const std::vector<std::size_t>& places) {
    for (const std::size_t place : places) {
        const std::size_t end = std::min(place + 2, count());
        for (std::size_t i = place > 0 ? place - 1 : 0; i < end; ++i) {
            if (three_equal(i)) return set_sigmas();
            set_sigma(order_[i], sigma_at(order_, i, smallest_));
        }
    }
}

/// Of equal values only the outer two get the gap to a neighbour; the others get the smallest sigma there is. Which ones, must differ from parameter
/// to parameter: by trial number the same kernels would be narrow in all of them, repeat points that are known, and the others change everything at
/// once, where one parameter at a time is what finds the next better point of a grid.
void ParzenAxis::shuffle_equal(std::vector<std::uint32_t>& order) const {
    RandomStream random(dimension_);
    for (auto begin = order.begin(); begin != order.end();) {
        auto end = begin + 1;
        while (end != order.end() && means_[*end] == means_[*begin]) ++end;
        if (end - begin > 2) {
            for (auto last = end - 1; last != begin; --last) {
                std::iter_swap(last, begin + static_cast<std::ptrdiff_t>(random.below(static_cast<std::uint64_t>(last - begin) + 1)));
            }
        }
        begin = end;
    }
}

void ParzenAxis::set_groups(const std::vector<std::uint32_t>& order) {
    resize_with_room(groups_, means_.size());
    leaders_.clear();
    std::map<double, std::uint32_t> of_sigma;  // among kernels of the mean at hand
    double mean = std::numeric_limits<double>::quiet_NaN();
    const auto add = [&](std::uint32_t kernel) {
        if (means_[kernel] != mean) of_sigma.clear();
        mean = means_[kernel];
        const auto [found, fresh] = of_sigma.try_emplace(sigmas_[kernel], static_cast<std::uint32_t>(leaders_.size()));
        if (fresh) leaders_.push_back(kernel);
        groups_[kernel] = found->second;
    };
    for (const std::uint32_t kernel : order) add(kernel);
    mean = std::numeric_limits<double>::quiet_NaN();
    add(static_cast<std::uint32_t>(means_.size() - 1));
}

}  // namespace sofia::tune
