#include "tune/parzen_kernel.hpp"

namespace sofia::tune {

namespace {

[[gnu::always_inline]] inline void subtract(double at, const double* __restrict means, const double* __restrict inverse_sigmas,
                                            double* __restrict row, std::size_t count) {
    for (std::size_t k = 0; k < count; ++k) {
        const double z = (at - means[k]) * inverse_sigmas[k];
        row[k] -= 0.5 * z * z;
    }
}

void subtract_plain(double at, const double* means, const double* inverse_sigmas, double* row, std::size_t count) {
    subtract(at, means, inverse_sigmas, row, count);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] void subtract_avx2(double at, const double* means, const double* inverse_sigmas, double* row, std::size_t count) {
    subtract(at, means, inverse_sigmas, row, count);
}
#endif

}  // namespace

void subtract_half_squares(double at, const double* means, const double* inverse_sigmas, double* row, std::size_t count) {
#if defined(__x86_64__)
    static const bool wide = __builtin_cpu_supports("avx2");
    if (wide) return subtract_avx2(at, means, inverse_sigmas, row, count);
#endif
    subtract_plain(at, means, inverse_sigmas, row, count);
}

std::size_t keep_above(double bound, const double* terms, std::size_t count, double* out) {
    // Without a branch: which kernels are near is nothing that a CPU can guess.
    std::size_t kept = 0;
    for (std::size_t k = 0; k < count; ++k) {
        out[kept] = terms[k];
        kept += terms[k] > bound ? 1 : 0;
    }
    return kept;
}

}  // namespace sofia::tune
