#include "store/trades_csv.hpp"

#include <array>
#include <cassert>
#include <charconv>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <zlib.h>
#include <zstd.h>

#include "base/files.hpp"

namespace sofia::store {

namespace {

constexpr std::size_t packed_size = std::size_t{1} << 16U;
constexpr std::size_t text_size = std::size_t{1} << 16U;
constexpr std::size_t row_size_max = 256;
constexpr int gzip_windows = 15 + 16;  // zlib's windowBits: largest window, gzip header
constexpr int gzip_level = 6;
constexpr int gzip_memory = 8;
constexpr int zstd_level = 3;

char* put_text(char* to, std::string_view text) {
    std::memcpy(to, text.data(), text.size());
    return to + text.size();
}

// `width` digits, zeros in front.
char* put_digits(char* to, std::int64_t value, int width) {
    for (int i = width; i-- > 0; value /= 10) to[i] = static_cast<char>('0' + value % 10);
    return to + width;
}

char* put_time(char* to, TimeNs time) {
    const TimeNs second = floor_time(time, ns_per_second);
    const std::int64_t rest = time - second;
    to = std::to_chars(to, to + 24, second / ns_per_second).ptr;
    *to++ = '.';
    if (rest % ns_per_ms == 0) return put_digits(to, rest / ns_per_ms, 3);
    if (rest % ns_per_us == 0) return put_digits(to, rest / ns_per_us, 6);
    return put_digits(to, rest, 9);
}

char* put_trade(char* to, const market::Trade& trade) {
    constexpr std::string_view ticks[] = {",PlusTick\n", ",ZeroPlusTick\n", ",MinusTick\n", ",ZeroMinusTick\n"};
    to = put_time(to, trade.ts);
    *to++ = ',';
    to = std::to_chars(to, to + 32, trade.price).ptr;
    *to++ = ',';
    to = std::to_chars(to, to + 32, trade.size).ptr;
    to = put_text(to, trade.side == market::Side::buy ? ",Buy" : ",Sell");
    return put_text(to, ticks[static_cast<std::size_t>(trade.tick)]);
}

}  // namespace

struct TradesCsvWriter::State {
    explicit State(AtomicFile out) : file(std::move(out)) { text.reserve(text_size + row_size_max); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (gzip) deflateEnd(&deflater);
        if (zstd != nullptr) ZSTD_freeCCtx(zstd);
    }

    AtomicFile file;
    std::string text;
    std::vector<char> packed;
    bool gzip = false;
    z_stream deflater{};
    ZSTD_CCtx* zstd = nullptr;

    enum class Flow : std::uint8_t { more, end };

    Result<void> gzip_out(Flow flow) {
        deflater.next_in = reinterpret_cast<unsigned char*>(text.data());
        deflater.avail_in = static_cast<uInt>(text.size());
        do {
            deflater.next_out = reinterpret_cast<unsigned char*>(packed.data());
            deflater.avail_out = static_cast<uInt>(packed.size());
            deflate(&deflater, flow == Flow::end ? Z_FINISH : Z_NO_FLUSH);
            SOFIA_CHECK(file.write({packed.data(), packed.size() - deflater.avail_out}));
        } while (deflater.avail_out == 0);
        return {};
    }

    Result<void> zstd_out(Flow flow) {
        ZSTD_inBuffer in{text.data(), text.size(), 0};
        std::size_t left = 0;
        do {
            ZSTD_outBuffer out{packed.data(), packed.size(), 0};
            left = ZSTD_compressStream2(zstd, &out, &in, flow == Flow::end ? ZSTD_e_end : ZSTD_e_continue);
            if (ZSTD_isError(left) != 0) return fail(ErrorCode::internal, std::string("zstd: ") + ZSTD_getErrorName(left));
            SOFIA_CHECK(file.write({packed.data(), out.pos}));
        } while (flow == Flow::end ? left != 0 : in.pos < in.size);
        return {};
    }

    Result<void> flush(Flow flow) {
        if (gzip) SOFIA_CHECK(gzip_out(flow));
        if (zstd != nullptr) SOFIA_CHECK(zstd_out(flow));
        if (!gzip && zstd == nullptr) SOFIA_CHECK(file.write(text));
        text.clear();
        return {};
    }
};

TradesCsvWriter::TradesCsvWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
TradesCsvWriter::~TradesCsvWriter() = default;
TradesCsvWriter::TradesCsvWriter(TradesCsvWriter&&) noexcept = default;
TradesCsvWriter& TradesCsvWriter::operator=(TradesCsvWriter&&) noexcept = default;

Result<TradesCsvWriter> TradesCsvWriter::create(const std::filesystem::path& path) {
    SOFIA_TRY(AtomicFile file, AtomicFile::create(path));
    auto state = std::make_unique<State>(std::move(file));
    if (path.extension() == ".gz") {
        if (deflateInit2(&state->deflater, gzip_level, Z_DEFLATED, gzip_windows, gzip_memory, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
        state->gzip = true;
    } else if (path.extension() == ".zst") {
        state->zstd = ZSTD_createCCtx();
        if (state->zstd == nullptr) throw std::bad_alloc();
        ZSTD_CCtx_setParameter(state->zstd, ZSTD_c_compressionLevel, zstd_level);
    }
    state->packed.resize(packed_size);
    state->text = "timestamp,price,size,side,tickDirection\n";
    return TradesCsvWriter(std::move(state));
}

Result<void> TradesCsvWriter::append(std::span<const market::Trade> trades) {
    std::array<char, row_size_max> row{};
    for (const market::Trade& trade : trades) {
        state_->text.append(row.data(), put_trade(row.data(), trade));
        if (state_->text.size() >= text_size) SOFIA_CHECK(state_->flush(State::Flow::more));
    }
    return {};
}

Result<void> TradesCsvWriter::close() {
    SOFIA_CHECK(state_->flush(State::Flow::end));
    return state_->file.commit();
}

}  // namespace sofia::store
