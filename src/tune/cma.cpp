#include "tune/cma.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include <Eigen/Dense>

namespace sofia::tune {

namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double epsilon = 1e-8;     ///< stands for eigenvalues that are not above 0, and keeps a norm off 0
constexpr double sigma_max = 1e32;
constexpr double sigma_min = 1e-15;  ///< below the resolution of doubles in the unit cube; not in `cmaes`

/// Constants of the strategy, with the names of Hansen's tutorial, table 1.
struct Strategy {
    VectorXd weights;  ///< of all points, the best first; negative for the worse half
    std::size_t mu = 0;
    double mu_eff = 0.0;
    double c_sigma = 0.0;
    double d_sigma = 0.0;
    double c_c = 0.0;
    double c_1 = 0.0;
    double c_mu = 0.0;
    double chi_n = 0.0;  ///< the expected norm of a standard normal vector

    Strategy(double n, std::size_t population) : mu(population / 2) {
        const auto lambda = static_cast<Eigen::Index>(population);
        const auto best = static_cast<Eigen::Index>(mu);
        VectorXd raw(lambda);
        for (Eigen::Index i = 0; i < lambda; ++i) {
            raw[i] = std::log((static_cast<double>(population) + 1.0) / 2.0) - std::log(static_cast<double>(i) + 1.0);
        }
        mu_eff = std::pow(raw.head(best).sum(), 2) / raw.head(best).squaredNorm();
        const double mu_eff_minus = std::pow(raw.tail(lambda - best).sum(), 2) / raw.tail(lambda - best).squaredNorm();
        constexpr double alpha = 2.0;
        c_1 = alpha / (std::pow(n + 1.3, 2) + mu_eff);
        c_mu = std::min(1.0 - c_1 - 1e-8, alpha * (mu_eff - 2.0 + 1.0 / mu_eff) / (std::pow(n + 2.0, 2) + alpha * mu_eff / 2.0));
        const double negative = std::min({1.0 + c_1 / c_mu, 1.0 + 2.0 * mu_eff_minus / (mu_eff + 2.0), (1.0 - c_1 - c_mu) / (n * c_mu)});
        const double above = raw.cwiseMax(0.0).sum();
        const double below = -raw.cwiseMin(0.0).sum();
        weights.resize(lambda);
        for (Eigen::Index i = 0; i < lambda; ++i) weights[i] = raw[i] >= 0.0 ? raw[i] / above : raw[i] * negative / below;
        c_sigma = (mu_eff + 2.0) / (n + mu_eff + 5.0);
        d_sigma = 1.0 + 2.0 * std::max(0.0, std::sqrt((mu_eff - 1.0) / (n + 1.0)) - 1.0) + c_sigma;
        c_c = (4.0 + mu_eff / n) / (n + 4.0 + 2.0 * mu_eff / n);
        chi_n = std::sqrt(n) * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n));
    }
};

std::size_t default_population(std::size_t n) { return 4 + static_cast<std::size_t>(3.0 * std::log(static_cast<double>(n))); }

}  // namespace

struct Cma::State {
    State(std::size_t n, double step, std::size_t population)
        : strategy(static_cast<double>(n), population),
          mean(VectorXd::Constant(static_cast<Eigen::Index>(n), 0.5)),
          sigma(std::max(step, epsilon)),
          covariance(MatrixXd::Identity(mean.size(), mean.size())),
          path_sigma(VectorXd::Zero(mean.size())),
          path_c(VectorXd::Zero(mean.size())) {
        decompose();
    }

    /// covariance = basis diag(scales^2) basis'
    void decompose() {
        covariance = ((covariance + covariance.transpose()) / 2.0).eval();
        const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(covariance);
        basis = solver.eigenvectors();
        scales = solver.eigenvalues().unaryExpr([](double v) { return std::sqrt(v > 0.0 ? v : epsilon); });
        covariance = basis * scales.cwiseAbs2().asDiagonal() * basis.transpose();
    }

    /// `steps`: (point - mean) / sigma, the best first, a column each.
    void update(const MatrixXd& steps) {
        const auto n = static_cast<double>(mean.size());
        const auto mu = static_cast<Eigen::Index>(strategy.mu);
        const MatrixXd whiten = basis * scales.cwiseInverse().asDiagonal() * basis.transpose();
        const VectorXd step = steps.leftCols(mu) * strategy.weights.head(mu);
        mean += sigma * step;

        path_sigma =
            (1.0 - strategy.c_sigma) * path_sigma + std::sqrt(strategy.c_sigma * (2.0 - strategy.c_sigma) * strategy.mu_eff) * (whiten * step);
        const double norm = path_sigma.norm();
        sigma = std::clamp(sigma * std::exp(strategy.c_sigma / strategy.d_sigma * (norm / strategy.chi_n - 1.0)), sigma_min, sigma_max);

        ++generation;
        // A path that is still too long stalls the other one, lest the axes grow too fast after a bad start.
        const double settled = norm / std::sqrt(1.0 - std::pow(1.0 - strategy.c_sigma, 2.0 * static_cast<double>(generation + 1)));
        const double go = settled < (1.4 + 2.0 / (n + 1.0)) * strategy.chi_n ? 1.0 : 0.0;
        path_c = (1.0 - strategy.c_c) * path_c + go * std::sqrt(strategy.c_c * (2.0 - strategy.c_c) * strategy.mu_eff) * step;

        MatrixXd rank_mu = MatrixXd::Zero(mean.size(), mean.size());
        for (Eigen::Index i = 0; i < steps.cols(); ++i) {
            const double w = strategy.weights[i];
            const double scaled = w >= 0.0 ? w : w * n / ((whiten * steps.col(i)).squaredNorm() + epsilon);
            rank_mu += scaled * steps.col(i) * steps.col(i).transpose();
        }
        const double stalled = (1.0 - go) * strategy.c_c * (2.0 - strategy.c_c);
        covariance = (1.0 + strategy.c_1 * stalled - strategy.c_1 - strategy.c_mu * strategy.weights.sum()) * covariance +
                     strategy.c_1 * path_c * path_c.transpose() + strategy.c_mu * rank_mu;
        decompose();
    }

    Strategy strategy;
    VectorXd mean;
    double sigma;
    MatrixXd covariance;
    MatrixXd basis;
    VectorXd scales;
    VectorXd path_sigma;
    VectorXd path_c;
    std::size_t generation = 0;
};

Cma::Cma(std::size_t dimensions, double sigma, std::size_t population)
    : state_(std::make_unique<State>(dimensions, sigma, population == 0 ? default_population(dimensions) : population)) {
    assert(dimensions >= 1 && population != 1);
}
Cma::~Cma() = default;
Cma::Cma(const Cma& other) : state_(std::make_unique<State>(*other.state_)) {}
Cma& Cma::operator=(const Cma& other) {
    if (this != &other) state_ = std::make_unique<State>(*other.state_);
    return *this;
}
Cma::Cma(Cma&&) noexcept = default;
Cma& Cma::operator=(Cma&&) noexcept = default;

std::size_t Cma::dimensions() const { return static_cast<std::size_t>(state_->mean.size()); }
std::size_t Cma::population() const { return static_cast<std::size_t>(state_->strategy.weights.size()); }
double Cma::sigma() const { return state_->sigma; }
std::vector<double> Cma::mean() const { return {state_->mean.begin(), state_->mean.end()}; }
std::vector<double> Cma::covariance() const {
    return {state_->covariance.data(), state_->covariance.data() + state_->covariance.size()};  // symmetric: rows or columns
}

void Cma::tell(std::span<const std::vector<double>> points) {
    assert(points.size() == population());
    State& s = *state_;
    MatrixXd steps(s.mean.size(), static_cast<Eigen::Index>(points.size()));
    for (std::size_t i = 0; i < points.size(); ++i) {
        const Eigen::Map<const VectorXd> x(points[i].data(), s.mean.size());
        steps.col(static_cast<Eigen::Index>(i)) = (x - s.mean) / s.sigma;
    }
    s.update(steps);
}

std::vector<double> Cma::sample(RandomStream& random) const {
    const State& s = *state_;
    VectorXd x;
    for (std::size_t i = 0; i <= 10 * dimensions(); ++i) {
        VectorXd z(s.mean.size());
        for (double& v : z) v = random.normal();
        x = s.mean + s.sigma * (s.basis * s.scales.cwiseProduct(z));
        if ((x.array() >= 0.0).all() && (x.array() <= 1.0).all()) break;
    }
    x = x.cwiseMax(0.0).cwiseMin(1.0);
    return {x.begin(), x.end()};
}

}  // namespace sofia::tune
