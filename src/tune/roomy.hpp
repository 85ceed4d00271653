#pragma once

// Internal to the room: vectors that grow by one a trial and live as long as the study. Doubling them would hold up to twice what is needed.

#include <cstddef>
#include <vector>

namespace sofia::tune {

/// Reserves n and an eighth more when there is no room for n.
template <class T>
void reserve_with_room(std::vector<T>& vector, std::size_t n) {
    if (vector.capacity() < n) vector.reserve(n + n / 8);
}

template <class T>
void resize_with_room(std::vector<T>& vector, std::size_t n, T value = T()) {
    reserve_with_room(vector, n);
    vector.resize(n, value);
}

}  // namespace sofia::tune
