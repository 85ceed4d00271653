#include "store/input_stream.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include <zlib.h>
#include <zstd.h>

namespace sofia::store {

namespace {

constexpr std::size_t packed_size = std::size_t{1} << 16U;
constexpr int gzip_only = 15 + 16;  // zlib's windowBits: largest window, gzip header required

// How a stage of unpacking ended.
struct Step {
    std::size_t written = 0;
    bool ended = false;
};

}  // namespace

struct InputStream::State {
    int fd = -1;
    std::optional<Error> pending;  // found after bytes that still had to be given out
    bool ended = false;

    std::vector<unsigned char> packed;
    std::size_t packed_begin = 0;
    std::size_t packed_end = 0;
    bool packed_all = false;

    bool gzip = false;
    z_stream inflater{};
    bool in_member = false;
    bool any_member = false;

    ZSTD_DStream* zstd = nullptr;
    std::size_t zstd_hint = 0;  // 0: between frames

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (fd >= 0) ::close(fd);
        if (gzip) inflateEnd(&inflater);
        if (zstd != nullptr) ZSTD_freeDStream(zstd);
    }

    Result<std::size_t> read_raw(void* out, std::size_t capacity) {
        while (true) {
            const ssize_t count = ::read(fd, out, capacity);
            if (count >= 0) return static_cast<std::size_t>(count);
            if (errno != EINTR) return fail(ErrorCode::io, std::string("cannot read: ") + std::strerror(errno));
        }
    }

    Result<void> refill() {
        if (packed_begin < packed_end || packed_all) return {};
        SOFIA_TRY(const std::size_t count, read_raw(packed.data(), packed.size()));
        packed_begin = 0;
        packed_end = count;
        packed_all = count == 0;
        return {};
    }

    Result<Step> plain_step(char* out, std::size_t capacity) {
        SOFIA_TRY(const std::size_t count, read_raw(out, capacity));
        return Step{count, count == 0};
    }

    // Between members: the end, zero padding, or the next member.
    Result<bool> next_member() {
        while (packed_begin < packed_end && any_member && packed[packed_begin] == 0) ++packed_begin;
        if (packed_begin == packed_end) return false;
        if (packed[packed_begin] != 0x1f) {
            return fail(ErrorCode::data, any_member ? "other bytes follow the gzip stream" : "the file is not in gzip format");
        }
        inflateReset(&inflater);
        in_member = true;
        any_member = true;
        return true;
    }

    Result<Step> gzip_step(char* out, std::size_t capacity) {
        SOFIA_CHECK(refill());
        if (packed_begin == packed_end && in_member) return fail(ErrorCode::data, "the gzip stream ends early: the file is cut off");
        if (packed_begin == packed_end) return Step{0, true};
        if (!in_member) {
            SOFIA_TRY(const bool more, next_member());
            if (!more) return Step{0, false};
        }
        inflater.next_in = packed.data() + packed_begin;
        inflater.avail_in = static_cast<uInt>(packed_end - packed_begin);
        inflater.next_out = reinterpret_cast<unsigned char*>(out);
        inflater.avail_out = static_cast<uInt>(std::min<std::size_t>(capacity, std::size_t{1} << 30U));
        const uInt room = inflater.avail_out;
        const int status = inflate(&inflater, Z_NO_FLUSH);
        packed_begin = packed_end - inflater.avail_in;
        if (status == Z_STREAM_END) in_member = false;
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
            const std::string why = inflater.msg == nullptr ? "" : std::string(": ") + inflater.msg;
            pending = Error{ErrorCode::data, "the gzip stream is damaged" + why, {}};
        }
        return Step{room - inflater.avail_out, false};
    }

    Result<Step> zstd_step(char* out, std::size_t capacity) {
        SOFIA_CHECK(refill());
        if (packed_begin == packed_end && zstd_hint != 0) return fail(ErrorCode::data, "the zstd stream ends early: the file is cut off");
        if (packed_begin == packed_end) return Step{0, true};
        ZSTD_inBuffer in{packed.data() + packed_begin, packed_end - packed_begin, 0};
        ZSTD_outBuffer to{out, capacity, 0};
        zstd_hint = ZSTD_decompressStream(zstd, &to, &in);
        packed_begin += in.pos;
        if (ZSTD_isError(zstd_hint) != 0) {
            pending = Error{ErrorCode::data, std::string("the zstd stream is damaged: ") + ZSTD_getErrorName(zstd_hint), {}};
        }
        return Step{to.pos, false};
    }

    Result<Step> step(char* out, std::size_t capacity) {
        if (gzip) return gzip_step(out, capacity);
        if (zstd != nullptr) return zstd_step(out, capacity);
        return plain_step(out, capacity);
    }
};

InputStream::InputStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
InputStream::~InputStream() = default;
InputStream::InputStream(InputStream&&) noexcept = default;
InputStream& InputStream::operator=(InputStream&&) noexcept = default;

Result<InputStream> InputStream::open(const std::filesystem::path& path) {
    auto state = std::make_unique<State>();
    state->fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (state->fd < 0) return fail(ErrorCode::io, "cannot read " + path.string() + ": " + std::strerror(errno));
    ::posix_fadvise(state->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    const auto no_memory = [&] { return fail(ErrorCode::internal, "cannot read " + path.string() + ": out of memory"); };
    if (path.extension() == ".gz") {
        if (inflateInit2(&state->inflater, gzip_only) != Z_OK) return no_memory();
        state->gzip = true;
    } else if (path.extension() == ".zst") {
        state->zstd = ZSTD_createDStream();
        if (state->zstd == nullptr) return no_memory();
    }
    if (state->gzip || state->zstd != nullptr) state->packed.resize(packed_size);
    return InputStream(std::move(state));
}

Result<std::size_t> InputStream::read(char* out, std::size_t capacity) {
    State& state = *state_;
    std::size_t filled = 0;
    while (filled < capacity && !state.ended && !state.pending) {
        auto step = state.step(out + filled, capacity - filled);
        if (!step) {
            state.pending = std::move(step).error();
            break;
        }
        filled += step->written;
        state.ended = step->ended;
    }
    if (filled == 0 && state.pending) return std::unexpected(*state.pending);
    return filled;
}

}  // namespace sofia::store
