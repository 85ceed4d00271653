#include "app/pipeline/crew.hpp"

#include <algorithm>

namespace sofia::pipeline {

Crew::Crew(std::size_t workers) {
    for (std::size_t i = 0; i < std::max<std::size_t>(workers, 1); ++i) {
        threads_.emplace_back([this](const std::stop_token& stop) { serve(stop); });
    }
}

Crew::~Crew() {
    for (std::jthread& thread : threads_) thread.request_stop();
    threads_.clear();
}

DurationNs Crew::busy() const {
    const std::lock_guard lock(mutex_);
    return busy_;
}

void Crew::serve(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (work_.wait(lock, stop, [this] { return !queue_.empty(); })) {
        const std::uint64_t ticket = queue_.begin()->second;
        queue_.erase(queue_.begin());
        Job& job = jobs_.at(ticket);  // stays where it is until its owner takes it away
        job.state = Job::State::running;
        const std::function<void()> work = std::move(job.work);
        lock.unlock();
        const DurationNs begun = steady_now();
        std::exception_ptr failure;
        try {
            work();
        } catch (...) {
            failure = std::current_exception();
        }
        lock.lock();
        finish(ticket, std::move(failure), steady_now() - begun);
    }
}

void Crew::finish(std::uint64_t ticket, std::exception_ptr failure, DurationNs time) {
    Job& job = jobs_.at(ticket);
    job.state = Job::State::done;
    job.failure = std::move(failure);
    busy_ += time;
    done_.notify_all();
}

std::size_t Crew::Jobs::add(std::function<void()> work) {
    {
        const std::lock_guard lock(crew_.mutex_);
        const std::uint64_t ticket = crew_.tickets_++;
        crew_.jobs_[ticket].work = std::move(work);
        crew_.queue_.emplace(rank_, ticket);
        tickets_.push_back(ticket);
    }
    crew_.work_.notify_one();
    return tickets_.size() - 1;
}

void Crew::Jobs::wait(std::size_t number) {
    std::unique_lock lock(crew_.mutex_);
    const Job& job = crew_.jobs_.at(tickets_.at(number));
    crew_.done_.wait(lock, [&] { return job.state == Job::State::done; });
    if (job.failure) std::rethrow_exception(job.failure);
}

Crew::Jobs::~Jobs() {
    std::unique_lock lock(crew_.mutex_);
    for (const std::uint64_t ticket : tickets_) crew_.queue_.erase({rank_, ticket});
    for (const std::uint64_t ticket : tickets_) {
        const Job& job = crew_.jobs_.at(ticket);
        crew_.done_.wait(lock, [&] { return job.state != Job::State::running; });
        crew_.jobs_.erase(ticket);
    }
}

}  // namespace sofia::pipeline
