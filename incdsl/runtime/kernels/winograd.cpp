// Convolutions of stride 1 with fewer multiplications (Winograd; Toom and Cook): y = At [(G g) . (Bt d)] for each tile.
//
// Images are NHWC: the channels of a pixel lie side by side, and pixels, rows and images as far apart as strides say,
// so that a range of channels is an image like any other. One call goes through the tiles in blocks that stay in the
// cache:
//
//     transform_tiles    a tile of the image, d, becomes Bt d: one row of `size` matrices
//     multiply           each matrix [tiles, channels] is multiplied by one of the transformed filters
//     finish_tiles       rows of the products become At m, plus the bias, raised to the floor: a tile of the output
//
// Every output is summed over the channels in one order, wherever its tile lies, however the work is cut up: results do
// not depend on the number of threads, to the last bit.
//
// Compiled with INCDSL_REAL, float or double. The matrices are constants of the compiler, so a zero among them costs
// nothing. Vectors are those of GCC and clang, and as wide as the processor's.

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

namespace {

using Real = INCDSL_REAL;
using Size = std::ptrdiff_t;

#include "winograd_matrices.h"

// What the processor has

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64, kRegisters = 32;
#elif defined(__AVX__)
constexpr int kVectorBytes = 32, kRegisters = 16;
#elif defined(__aarch64__)
constexpr int kVectorBytes = 16, kRegisters = 32;
#else
constexpr int kVectorBytes = 16, kRegisters = 16;
#endif

constexpr int kLanes = kVectorBytes / int{sizeof(Real)};
typedef Real Vector __attribute__((vector_size(kVectorBytes), aligned(sizeof(Real)), may_alias));

// Filters are multiplied in panels of two vectors. With as many rows as registers hold, beside the panel and a factor,
// a multiplication waits neither for another nor for memory.
constexpr int kPanelVectors = 2, kPanel = kPanelVectors * kLanes;
constexpr int kMostRows = (kRegisters - kPanelVectors - 1) / kPanelVectors;

#define INLINE inline __attribute__((always_inline))
#define INLINE_LAMBDA __attribute__((always_inline))

// One call: the layer, and how to cut up the work. `library.py` has the same structure.
struct Layer {
    const Real *input, *filters, *bias, *floor;  // filters: [size][panels][padded channels][kPanel]
    Real *output;                                // bias, floor: [panels * kPanel]
    std::int64_t batch, channels, height, width;
    std::int64_t out_channels, out_height, out_width;
    std::int64_t input_strides[3], output_strides[3];  // in numbers: of an image, a row, a pixel
    std::int64_t padding[2];
    std::int64_t outputs[2], taps[2];  // the scheme
    std::int64_t block_tiles;          // tiles that are transformed before they are multiplied
    std::int64_t pass_panels;          // panels that are multiplied before their tiles are finished
    std::int64_t share_filters;        // threads share the filters, not the tiles
};

constexpr Size divided_up(Size a, Size b) { return (a + b - 1) / b; }

// The first of `count` things that part `i` of `parts` equal ones has.
constexpr Size part_begin(Size count, Size i, Size parts) { return count * i / parts; }

// Minus zero changes no number, so compilers leave it out; plus zero would change -0.
INLINE Vector splat(Real value) { return value - Vector{}; }
INLINE Vector load(const Real *from) { return *reinterpret_cast<const Vector *>(from); }
INLINE void store(Real *to, Vector value) { *reinterpret_cast<Vector *>(to) = value; }

__attribute__((noinline)) Vector load_some(const Real *from, Size count) {
    Real lanes[kLanes] = {};
    std::copy_n(from, count, lanes);
    return load(lanes);
}

__attribute__((noinline)) void store_some(Real *to, const Vector &value, Size count) {
    Real lanes[kLanes];
    store(lanes, value);
    std::copy_n(lanes, count, to);
}

// fn(0), ..., fn(n - 1), each with a constant that indexes registers and matrices at compile time.
template <int n, class Fn> INLINE void each(Fn &&fn) {
    [&]<int... i>(std::integer_sequence<int, i...>) INLINE_LAMBDA {
        (fn(std::integral_constant<int, i>{}), ...);
    }(std::make_integer_sequence<int, n>{});
}

// Transforms along one axis

// F(outputs, taps). Points are 0, then p and -p in pairs, then infinity; F(1, 1) leaves its axis alone.
template <int outputs_, int taps_> struct Axis : Matrices<outputs_, taps_> {
    static constexpr int outputs = outputs_, taps = taps_, size = outputs + taps - 1, last = size - 1;
    static constexpr int pairs = size == 1 ? 0 : (size - 2) / 2;
};

// Row i of Bt: all of it, or what stands at even or at odd places.
template <class A, int i, int first = 0, int step = 1> struct InputRow {
    static constexpr Real at(int j) { return (j - first) % step == 0 ? A::BT[i][j] : Real(0); }
};
// Row i of At over the sums (i even) or differences (i odd) of pairs, which stand in place of the pairs.
template <class A, int i> struct OutputRow {
    static constexpr Real at(int j) {
        const bool of_pair = 0 < j && j < A::last, is_sum = j % 2 == 1;
        return !of_pair || is_sum == (i % 2 == 0) ? A::AT[i][is_sum ? j : j - (of_pair ? 1 : 0)] : Real(0);
    }
};

// The sum of Row::at(j) * x[j].
template <class Row, int n> INLINE Vector combine(const Vector *x) {
    Vector sum = {};
    bool empty = true;  // at compile time: nothing is added to zero
    each<n>([&](auto j) INLINE_LAMBDA {
        constexpr Real weight = Row::at(j);
        if constexpr (weight != 0) {
            if (empty) sum = weight == 1 ? x[j] : weight == -1 ? -x[j] : splat(weight) * x[j];
            else if (weight == 1) sum += x[j];
            else if (weight == -1) sum -= x[j];
            else sum += splat(weight) * x[j];
            empty = false;
        }
    });
    return sum;
}

// t = Bt d. The polynomials of p and -p have the same even coefficients, and the odd ones negated.
template <class A> INLINE void transform_input(const Vector *d, Vector *t) {
    t[0] = combine<InputRow<A, 0>, A::size>(d);
    t[A::last] = combine<InputRow<A, A::last>, A::size>(d);
    each<A::pairs>([&](auto pair) INLINE_LAMBDA {
        constexpr int i = 1 + 2 * pair;
        const Vector even = combine<InputRow<A, i, 0, 2>, A::size>(d), odd = combine<InputRow<A, i, 1, 2>, A::size>(d);
        t[i] = even + odd;
        t[i + 1] = even - odd;
    });
}

// y = At m. Even powers of p and -p are equal, and odd ones negated.
template <class A> INLINE void transform_output(const Vector *m, Vector *y) {
    Vector joined[A::size];
    joined[0] = m[0];
    joined[A::last] = m[A::last];
    each<A::pairs>([&](auto pair) INLINE_LAMBDA {
        constexpr int j = 1 + 2 * pair;
        joined[j] = m[j] + m[j + 1];
        joined[j + 1] = m[j] - m[j + 1];
    });
    each<A::outputs>([&](auto i) INLINE_LAMBDA { y[i] = combine<OutputRow<A, i>, A::size>(joined); });
}

// The product of matrices

// m[n][row] = sum over c of v[block][row][c] * u[block][c][n], lanes of channels a block, for so many rows and vectors.
template <int rows, int vectors>
void multiply_rows(Size blocks, const Real *v, Size v_block, const Real *u, Real *m, Size m_block) {
    Vector sums[rows][vectors] = {};
    for (Size block = 0; block < blocks; ++block, v += v_block)
        for (int c = 0; c < kLanes; ++c, u += kPanel) {
            Vector panel[vectors];
            each<vectors>([&](auto n) INLINE_LAMBDA { panel[n] = load(u + n * kLanes); });
            each<rows>([&](auto row) INLINE_LAMBDA {
                const Vector factor = splat(v[row * kLanes + c]);
                each<vectors>([&](auto n) INLINE_LAMBDA { sums[row][n] += factor * panel[n]; });
            });
        }
    each<vectors>([&](auto n) INLINE_LAMBDA {
        each<rows>([&](auto row) INLINE_LAMBDA { store(m + n * m_block + row * kLanes, sums[row][n]); });
    });
}

// The same for any number of rows up to kMostRows.
template <int vectors>
void multiply_some(Size rows, Size blocks, const Real *v, Size v_block, const Real *u, Real *m, Size m_block) {
    static constexpr auto of_rows = []<int... i>(std::integer_sequence<int, i...>) {
        return std::array{multiply_rows<i + 1, vectors>...};
    }(std::make_integer_sequence<int, kMostRows>{});
    of_rows[static_cast<std::size_t>(rows - 1)](blocks, v, v_block, u, m, m_block);
}

// Memory of one thread, kept until the thread ends: each call would pay for fresh pages otherwise.
Real *scratch(Size count) {
    struct Free {
        void operator()(Real *memory) const { std::free(memory); }
    };
    static thread_local std::unique_ptr<Real, Free> memory;
    static thread_local Size held = 0;
    if (held < count) {
        constexpr Size page = 4096;
        const auto bytes = static_cast<std::size_t>(divided_up(count * Size{sizeof(Real)}, page) * page);
        held = 0;
        memory.reset();
        memory.reset(static_cast<Real *>(std::aligned_alloc(page, bytes)));
        if (!memory) throw std::bad_alloc();
        held = count;
    }
    return memory.get();
}

// One layer by one scheme

// Some of the tiles and some of the panels, which one thread computes.
struct Share {
    Size first_tile, end_tile, first_panel, end_panel;
};

template <class Y, class X> class Convolution {
  public:
    explicit Convolution(const Layer &layer)
        : layer_(layer),
          rows_(divided_up(layer.out_height, Y::outputs)),
          columns_(divided_up(layer.out_width, X::outputs)),
          channel_blocks_(divided_up(layer.channels, kLanes)),
          panels_(divided_up(layer.out_channels, kPanel)) {}

    void run() const {
        const Size shares = at::get_num_threads();
        at::parallel_for(0, shares, 1, [&](Size first, Size end) {
            for (Size i = first; i < end; ++i) compute(share(i, shares));
        });
    }

  private:
    static constexpr Size kSize = Size{Y::size} * X::size;

    // Where a tile begins in the output.
    struct Place {
        Size image, y, x;
    };

    // What is transformed at once: so many tiles from `first` on, in `v`; so many panels of products in `m`. Planes,
    // one for each of the kSize matrices, have a vector more than they need: at distances of a power of two they would
    // push each other out of the cache.
    struct Block {
        Size first, tiles;
        Real *v, *m;
        Size v_block, v_plane, m_block, m_plane;
    };

    Share share(Size i, Size shares) const {
        const Size tiles = layer_.batch * rows_ * columns_;
        if (layer_.share_filters) return {0, tiles, part_begin(panels_, i, shares), part_begin(panels_, i + 1, shares)};
        return {part_begin(tiles, i, shares), part_begin(tiles, i + 1, shares), 0, panels_};
    }

    void compute(const Share &share) const {
        const Size tiles = share.end_tile - share.first_tile, panels = share.end_panel - share.first_panel;
        if (tiles == 0 || panels == 0) return;
        const Size blocks = divided_up(tiles, layer_.block_tiles), most_tiles = divided_up(tiles, blocks);
        const Size most_panels = std::min<Size>(layer_.pass_panels, panels);
        const Size v_size = kSize * (channel_blocks_ * most_tiles + 1) * kLanes;
        const Size m_size = kSize * (most_panels * kPanelVectors * most_tiles + 1) * kLanes;
        Real *const memory = scratch(v_size + m_size);
        for (Size i = 0; i < blocks; ++i) {
            const Size first = part_begin(tiles, i, blocks), count = part_begin(tiles, i + 1, blocks) - first;
            const Size step = count * kLanes;
            const Block block = {share.first_tile + first, count, memory, memory + v_size, step,
                                 step * channel_blocks_ + kLanes, step, step * most_panels * kPanelVectors + kLanes};
            transform_tiles(block);
            for (Size panel = share.first_panel; panel < share.end_panel; panel += most_panels) {
                const Size count_now = std::min(most_panels, share.end_panel - panel);
                multiply(block, panel, count_now);
                finish_tiles(block, panel, count_now);
            }
        }
    }

    Place place(Size tile) const {
        return {tile / (rows_ * columns_), tile / columns_ % rows_ * Y::outputs, tile % columns_ * X::outputs};
    }

    void transform_tiles(const Block &block) const {
        for (Size i = 0; i < block.tiles; ++i) {
            const Place at = place(block.first + i);
            const Size y = at.y - layer_.padding[0], x = at.x - layer_.padding[1];
            const bool inside = 0 <= y && y + Y::size <= layer_.height && 0 <= x && x + X::size <= layer_.width;
            for (Size c = 0; c < channel_blocks_; ++c) {
                Real *const to = block.v + c * block.v_block + i * kLanes;
                const Size count = std::min<Size>(kLanes, layer_.channels - c * kLanes);
                if (inside && count == kLanes) {
                    const Real *const from = pixel(at.image, y, x) + c * kLanes;
                    transform_tile(from, layer_.input_strides[1], layer_.input_strides[2], to, block.v_plane);
                } else {
                    Vector padded[Y::size][X::size];
                    pad(at.image, y, x, c * kLanes, count, padded);
                    const Real *const from = reinterpret_cast<const Real *>(padded);
                    transform_tile(from, Size{X::size} * kLanes, kLanes, to, block.v_plane);
                }
            }
        }
    }

    const Real *pixel(Size image, Size y, Size x) const {
        const auto &strides = layer_.input_strides;
        return layer_.input + image * strides[0] + y * strides[1] + x * strides[2];
    }

    // A copy of what a tile reads, with zeros around the image and behind the last channel.
    void pad(Size image, Size y, Size x, Size channel, Size count, Vector (&padded)[Y::size][X::size]) const {
        for (Size i = 0; i < Y::size; ++i)
            for (Size j = 0; j < X::size; ++j) {
                const bool inside = 0 <= y + i && y + i < layer_.height && 0 <= x + j && x + j < layer_.width;
                if (!inside) {
                    padded[i][j] = Vector{};
                    continue;
                }
                const Real *const from = pixel(image, y + i, x + j) + channel;
                padded[i][j] = count == kLanes ? load(from) : load_some(from, count);
            }
    }

    // Bt d B for a vector of channels: columns first, then rows.
    static INLINE void transform_tile(const Real *from, Size row, Size column, Real *to, Size plane) {
        Vector half[Y::size][X::size];
        each<X::size>([&](auto j) INLINE_LAMBDA {
            Vector d[Y::size], t[Y::size];
            each<Y::size>([&](auto i) INLINE_LAMBDA { d[i] = load(from + i * row + j * column); });
            transform_input<Y>(d, t);
            each<Y::size>([&](auto i) INLINE_LAMBDA { half[i][j] = t[i]; });
        });
        each<Y::size>([&](auto i) INLINE_LAMBDA {
            Vector t[X::size];
            transform_input<X>(half[i], t);
            each<X::size>([&](auto j) INLINE_LAMBDA { store(to + (i * X::size + j) * plane, t[j]); });
        });
    }

    void multiply(const Block &block, Size first_panel, Size panels) const {
        const Size pieces = divided_up(block.tiles, kMostRows), panel_size = channel_blocks_ * kLanes * kPanel;
        for (Size plane = 0; plane < kSize; ++plane)
            for (Size panel = 0; panel < panels; ++panel)
                for (Size piece = 0; piece < pieces; ++piece) {
                    const Size row = part_begin(block.tiles, piece, pieces);
                    const Size rows = part_begin(block.tiles, piece + 1, pieces) - row;
                    const Real *const u = layer_.filters + (plane * panels_ + first_panel + panel) * panel_size;
                    const Real *const v = block.v + plane * block.v_plane + row * kLanes;
                    const Size first_vector = panel * kPanelVectors * block.m_block;
                    Real *const m = block.m + plane * block.m_plane + first_vector + row * kLanes;
                    const bool half = layer_.out_channels - (first_panel + panel) * kPanel <= kLanes;
                    const auto fn = half ? multiply_some<1> : multiply_some<kPanelVectors>;
                    fn(rows, channel_blocks_, v, block.v_block, u, m, block.m_block);
                }
    }

    void finish_tiles(const Block &block, Size first_panel, Size panels) const {
        const Size first = first_panel * kPanel, end = std::min<Size>(layer_.out_channels, first + panels * kPanel);
        const auto &strides = layer_.output_strides;
        for (Size i = 0; i < block.tiles; ++i) {
            const Place at = place(block.first + i);
            const Size rows = layer_.out_height - at.y, columns = layer_.out_width - at.x;
            Real *const pixel = layer_.output + at.image * strides[0] + at.y * strides[1] + at.x * strides[2];
            for (Size k = first; k < end; k += kLanes) {
                const Real *const m = block.m + (k - first) / kLanes * block.m_block + i * kLanes;
                finish_tile(m, block.m_plane, k, std::min<Size>(kLanes, end - k), pixel + k, rows, columns);
            }
        }
    }

    // At m A for a vector of filters, its bias and floor; what lies outside of the output is left out.
    void finish_tile(const Real *m, Size plane, Size k, Size count, Real *to, Size rows, Size columns) const {
        const Vector bias = load(layer_.bias + k), floor = load(layer_.floor + k);
        Vector half[Y::outputs][X::size];
        each<X::size>([&](auto j) INLINE_LAMBDA {
            Vector column[Y::size], y[Y::outputs];
            each<Y::size>([&](auto i) INLINE_LAMBDA { column[i] = load(m + (i * X::size + j) * plane); });
            transform_output<Y>(column, y);
            each<Y::outputs>([&](auto i) INLINE_LAMBDA { half[i][j] = y[i]; });
        });
        each<Y::outputs>([&](auto i) INLINE_LAMBDA {
            Vector y[X::outputs];
            transform_output<X>(half[i], y);
            each<X::outputs>([&](auto j) INLINE_LAMBDA {
                if (i >= rows || j >= columns) return;
                Vector value = y[j] + bias;
                value = value < floor ? floor : value;  // not a number stays what it is
                Real *const where = to + i * layer_.output_strides[1] + j * layer_.output_strides[2];
                if (count == kLanes) store(where, value);
                else store_some(where, value, count);
            });
        });
    }

    const Layer &layer_;
    const Size rows_, columns_;  // of tiles
    const Size channel_blocks_, panels_;
};

// Computes the layer if this is its scheme.
template <class Y, class X> bool runs(const Layer &layer, Tile<Y, X>) {
    if (layer.outputs[0] != Y::outputs || layer.outputs[1] != X::outputs) return false;
    if (layer.taps[0] != Y::taps || layer.taps[1] != X::taps) return false;
    Convolution<Y, X>(layer).run();
    return true;
}

template <class... Tiles> bool run(const Layer &layer, Schemes<Tiles...>) { return (runs(layer, Tiles{}) || ...); }

}  // namespace

extern "C" {

// Numbers of a panel, and of a vector: to how many filters and channels are padded.
int incdsl_winograd_panel() { return kPanel; }
int incdsl_winograd_lanes() { return kLanes; }

// 0, or 1 if there is no such scheme, or 2 if there is no memory.
int incdsl_winograd(const Layer *layer) {
    try {
        return run(*layer, AllSchemes{}) ? 0 : 1;
    } catch (const std::bad_alloc &) {
        return 2;
    }
}
}
