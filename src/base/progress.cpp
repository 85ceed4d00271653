#include "base/progress.hpp"

#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <utility>

#include <fmt/format.h>

namespace sofia {

namespace {

constexpr DurationNs redraw_interval = 100 * ns_per_ms;

std::string span_text(double seconds) {
    if (seconds < 60.0) return fmt::format("{:.0f}s", seconds);
    if (seconds > 1e7) return "long";
    const auto whole = static_cast<std::int64_t>(seconds);
    if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
    return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

std::string rate_text(double rate) {
    if (rate >= 1e6) return fmt::format("{:.1f} M/s", rate * 1e-6);
    if (rate >= 1e4) return fmt::format("{:.1f} k/s", rate * 1e-3);
    return fmt::format("{:.1f}/s", rate);
}

}  // namespace

std::string progress_line(const std::string& title, const std::string& unit, std::uint64_t done, std::uint64_t total, DurationNs elapsed,
                          const std::string& note) {
    std::string line = total > 0 ? fmt::format("{} {}/{} {}", title, done, total, unit) : fmt::format("{} {} {}", title, done, unit);
    if (done > 0 && elapsed > 0) {
        const double rate = static_cast<double>(done) / (static_cast<double>(elapsed) * 1e-9);
        line += ", " + rate_text(rate);
        if (total > done) line += ", " + span_text(static_cast<double>(total - done) / rate) + " left";
    }
    if (!note.empty()) line += ", " + note;
    return line;
}

struct Progress::State {
    std::mutex mutex;
    std::string title;
    std::string unit;
    std::string note;
    std::uint64_t total = 0;
    std::uint64_t done = 0;
    DurationNs start = steady_now();
    DurationNs drawn = start - redraw_interval;

    void draw(DurationNs now) {
        drawn = now;
        const std::string line = "\r" + progress_line(title, unit, done, total, now - start, note) + "\033[K";
        std::fwrite(line.data(), 1, line.size(), stderr);
        std::fflush(stderr);
    }

    void draw_if_due() {
        const DurationNs now = steady_now();
        if (now - drawn >= redraw_interval) draw(now);
    }

    ~State() {
        draw(steady_now());
        std::fputc('\n', stderr);
    }
};

Progress::Progress() = default;
Progress::~Progress() = default;
Progress::Progress(Progress&&) noexcept = default;
Progress& Progress::operator=(Progress&&) noexcept = default;

Progress Progress::on_terminal(std::string title, std::string unit, std::uint64_t total) {
    Progress out;
    if (isatty(STDERR_FILENO) != 1) return out;
    out.state_ = std::make_unique<State>();
    out.state_->title = std::move(title);
    out.state_->unit = std::move(unit);
    out.state_->total = total;
    return out;
}

void Progress::advance(std::uint64_t count) {
    if (!state_) return;
    const std::lock_guard lock(state_->mutex);
    state_->done += count;
    state_->draw_if_due();
}

void Progress::note(std::string text) {
    if (!state_) return;
    const std::lock_guard lock(state_->mutex);
    state_->note = std::move(text);
    state_->draw_if_due();
}

}  // namespace sofia
