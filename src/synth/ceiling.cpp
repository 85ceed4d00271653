#include "synth/ceiling.hpp"

#include <array>
#include <cassert>
#include <cmath>
#include <numbers>
#include <vector>

#include "synth/planted_direction.hpp"

namespace sofia::synth {

namespace {

constexpr std::size_t longest_average = 50;
constexpr std::size_t order = longest_average - 1;  // changes that the features look back on

using Vector = std::array<double, order>;
using Matrix = std::vector<Vector>;  // order x order

// c - SMA(c, length) as weights on the last changes, newest first: (length - 1 - j) / length.
Vector gap_weights(std::size_t length) {
    Vector weights{};
    for (std::size_t j = 0; j + 1 < length; ++j) weights[j] = static_cast<double>(length - 1 - j) / static_cast<double>(length);
    return weights;
}

Matrix times(const Matrix& a, const Matrix& b) {
    Matrix product(order, Vector{});
    for (std::size_t i = 0; i < order; ++i) {
        for (std::size_t k = 0; k < order; ++k) {
            for (std::size_t j = 0; j < order; ++j) product[i][j] += a[i][k] * b[k][j];
        }
    }
    return product;
}

Matrix transposed(const Matrix& a) {
    Matrix turned(order, Vector{});
    for (std::size_t i = 0; i < order; ++i) {
        for (std::size_t j = 0; j < order; ++j) turned[j][i] = a[i][j];
    }
    return turned;
}

double dot(const Vector& a, const Vector& b) {
    double sum = 0.0;
    for (std::size_t i = 0; i < order; ++i) sum += a[i] * b[i];
    return sum;
}

Vector apply(const Matrix& a, const Vector& x) {
    Vector result{};
    for (std::size_t i = 0; i < order; ++i) result[i] = dot(a[i], x);
    return result;
}

// The changes d: d' = -kappa Σ w_j d_{t-j} + eps, as x' = A x + (eps, 0, ..., 0).
Matrix companion(double kappa) {
    Matrix a(order, Vector{});
    a[0] = gap_weights(static_cast<std::size_t>(pull_length));
    for (double& weight : a[0]) weight *= -kappa;
    for (std::size_t i = 1; i < order; ++i) a[i][i - 1] = 1.0;
    return a;
}

// P = A P A' + Q by doubling: after k steps P holds 2^k terms of the sum A^i Q A'^i.
Matrix stationary_covariance(Matrix a) {
    Matrix p(order, Vector{});
    p[0][0] = 1.0;
    for (int step = 0; step < 16; ++step) {
        const Matrix added = times(times(a, p), transposed(a));
        for (std::size_t i = 0; i < order; ++i) {
            for (std::size_t j = 0; j < order; ++j) p[i][j] += added[i][j];
        }
        a = times(a, a);
    }
    return p;
}

// Solves the symmetric positive definite 3 x 3 system by elimination and returns c' M^{-1} c.
double quadratic_form(std::array<std::array<double, 3>, 3> m, std::array<double, 3> c) {
    double form = 0.0;
    for (std::size_t i = 0; i < 3; ++i) {
        form += c[i] * c[i] / m[i][i];
        for (std::size_t j = i + 1; j < 3; ++j) {
            const double factor = m[j][i] / m[i][i];
            for (std::size_t k = i; k < 3; ++k) m[j][k] -= factor * m[i][k];
            c[j] -= factor * c[i];
        }
    }
    return form;
}

}  // namespace

double touch_ceiling(double edge) { return 0.5 + 0.25 * edge; }

double hit_probability(double theta, double up, double down) {
    assert(up > 0.0 && down > 0.0);
    if (std::fabs(theta) * (up + down) < 1e-9) return down / (up + down);
    if (theta < 0.0) return 1.0 - hit_probability(-theta, down, up);
    // The formula with numerator and denominator divided by -e^{2 theta down}, so that nothing overflows.
    return -std::expm1(-2.0 * theta * down) / -std::expm1(-2.0 * theta * (up + down));
}

Ceiling direction_ceiling(double edge, std::size_t horizon) {
    assert(edge >= 0.0 && edge <= 1.0 && horizon >= 1);
    const Matrix a = companion(pull_at_full_edge * edge);
    const Matrix p = stationary_covariance(a);
    Vector newest{};
    newest[0] = 1.0;
    const std::array<Vector, 3> features{newest, gap_weights(20), gap_weights(longest_average)};

    // y = d_1 + ... + d_horizon; E[y | x] = g x with g = Σ e1' A^h; the variance from the autocovariances e1' A^h P e1.
    const Matrix turned = transposed(a);
    Vector row = newest;
    Vector g{};
    double variance = static_cast<double>(horizon) * p[0][0];
    for (std::size_t h = 1; h <= horizon; ++h) {
        row = apply(turned, row);
        for (std::size_t i = 0; i < order; ++i) g[i] += row[i];
        variance += 2.0 * static_cast<double>(horizon - h) * dot(row, apply(p, newest));
    }
    std::array<std::array<double, 3>, 3> among{};
    std::array<double, 3> with{};
    for (std::size_t i = 0; i < 3; ++i) {
        const Vector covariance = apply(p, features[i]);
        with[i] = dot(covariance, g);
        for (std::size_t j = 0; j < 3; ++j) among[i][j] = dot(covariance, features[j]);
    }
    const double r_squared = quadratic_form(among, with) / variance;
    return {r_squared, 0.5 + std::asin(std::sqrt(r_squared)) / std::numbers::pi};
}

}  // namespace sofia::synth
