/* A 3x3 convolution without padding, the largest of each 2x2 window, and ReLU; and the gradients of all three.

   x is float32 [images][height][width][inputs]. What comes out, high = (height - 2) / 2 by wide = (width - 2) / 2, has
   its channels last where x has one channel, as the next convolution wants it, and first where x has more, as dense
   layers do. places, in the same order, say which of its window's four a maximum was, 0 1 over 2 3, or CUT.

   Forward, one window of a few channels at a time stays in registers, from the first product to the maximum, so that
   what was convolved is never written. Backward, one value of four got a gradient, and after ReLU often not even that
   one: each that did adds a multiple of its patch to the weights' gradient, and of its weights to the inputs'.

   Vectors are written in the extension that GCC and Clang share, as wide as the processor's. */

#include <stddef.h>
#include <string.h>

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
#define CUT 4 /* by ReLU; the most windows of an image, MOST, are said to the compiler */

#define INLINE static inline __attribute__((always_inline))

/* Counts of loops marked so are constants; each of their values has a register of its own. */
#if defined(__clang__)
#define ALL _Pragma("clang loop unroll(full)")
#define TWICE _Pragma("clang loop unroll_count(2)")
#else
#define ALL _Pragma("GCC unroll 24")
#define TWICE _Pragma("GCC unroll 2")
#endif

typedef float floats __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int ints __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef short shorts __attribute__((vector_size(2 * LANES)));
typedef unsigned char bytes __attribute__((vector_size(LANES), aligned(1), may_alias));

typedef struct {
  int images, height, width, inputs, outputs;
  const float *x, *weight, *bias; /* weight: [3][3][inputs][outputs] forward, [outputs][3][3][inputs] backward */
  float *pooled;
  unsigned char *places; /* or NULL, where no gradients are wanted */
  const float *arrives; /* at pooled */
  float *into_x; /* or NULL */
} job;

/* One window, or several side by side, from `first` on as many channels as `vectors` hold; `at` is the window's number
   in its image. */
INLINE void window(const job *j, int inputs, int vectors, int windows, const float *x, int first, size_t image, int at) {
  floats sum[8][2];
  const int width = j->width, outputs = j->outputs;
  ALL for (int p = 0; p < 4 * windows; p++)
    ALL for (int v = 0; v < vectors; v++) sum[p][v] = (floats){0};
  ALL for (int row = 0; row < 3; row++)
    ALL for (int column = 0; column < 3; column++) {
      const float *from = x + (row * width + column) * inputs;
      const float *by = j->weight + (row * 3 + column) * inputs * outputs + first;
      TWICE for (int i = 0; i < inputs; i++, from++, by += outputs) {
        ALL for (int p = 0; p < 4 * windows; p++) {
          const float one = from[(p / 2 % 2 * width + p / 4 * 2 + p % 2) * inputs];
          ALL for (int v = 0; v < vectors; v++) sum[p][v] += one * *(const floats *)(by + v * LANES);
        }
      }
    }
  ALL for (int p = 0; p < windows; p++)
    ALL for (int v = 0; v < vectors; v++) {
      const int channel = first + v * LANES, all = (j->height - 2) / 2 * ((width - 2) / 2);
      floats value = sum[4 * p][v];
      ints place = {0};
      ALL for (int q = 1; q < 4; q++) {
        const floats other = sum[4 * p + q][v];
        const ints larger = (other > value) | (other != other); /* what is no number goes on, as in torch */
        value = (floats)((larger & (ints)other) | (~larger & (ints)value));
        place = (larger & q) | (~larger & place);
      }
      value += *(const floats *)(j->bias + channel);
      const ints cut = value <= 0;
      value = (floats)(~cut & (ints)value);
      /* by way of shorts: GCC would take a vector of integers apart to make bytes of them at once */
      const shorts said = __builtin_convertvector((cut & CUT) | (~cut & place), shorts);
      const bytes noted = __builtin_convertvector(said, bytes);
      if (inputs == 1) {
        const size_t to = image * all * outputs + (size_t)(at + p) * outputs + channel;
        *(floats *)(j->pooled + to) = value;
        if (j->places) *(bytes *)(j->places + to) = noted;
      } else {
        const size_t to = (image * outputs + channel) * all + at + p;
        for (int l = 0; l < LANES; l++) j->pooled[to + l * all] = value[l];
        if (j->places)
          for (int l = 0; l < LANES; l++) j->places[to + l * all] = noted[l];
      }
    }
}

INLINE void forward_image(const job *j, size_t n, int inputs, int vectors, int windows) {
  const int high = (j->height - 2) / 2, wide = (j->width - 2) / 2;
  const float *x = j->x + n * j->height * j->width * inputs;
  for (int first = 0; first < j->outputs; first += vectors * LANES)
    for (int row = 0; row < high; row++) {
      const float *from = x + 2 * row * j->width * inputs;
      int column = 0;
      for (; column + windows <= wide; column += windows)
        window(j, inputs, vectors, windows, from + 2 * column * inputs, first, n, row * wide + column);
      for (; column < wide; column++)
        window(j, inputs, vectors, 1, from + 2 * column * inputs, first, n, row * wide + column);
    }
}

/* rows: how many of the patch's three are summed at once; as many as there are registers for. */
INLINE void backward_image(const job *j, size_t n, int inputs, int rows, float *into_weight, float *into_bias) {
  const int high = (j->height - 2) / 2, wide = (j->width - 2) / 2, outputs = j->outputs, all = high * wide;
  const int line = j->width * inputs, across = 3 * inputs / LANES;
  const int place[5] = {0, inputs, line, line + inputs};
  const size_t image = n * j->height * line;
  int corner[MOST], at[MOST];
  float value[MOST];
  for (int p = 0; p < all; p++) corner[p] = p / wide * 2 * line + p % wide * 2 * inputs;
  if (j->into_x) memset(j->into_x + image, 0, sizeof(float) * j->height * line);
  for (int o = 0; o < outputs; o++) {
    const float *arrives = j->arrives + (n * outputs + o) * all;
    const unsigned char *places = j->places + (n * outputs + o) * all;
    int many = 0; /* listed first, so that no jump depends on a value */
    for (int p = 0; p < all; p++) {
      at[many] = corner[p] + place[places[p]];
      value[many] = arrives[p];
      many += (places[p] != CUT) & (arrives[p] != 0);
    }
    for (int k = 0; k < many; k++) into_bias[o] += value[k];
    for (int row = 0; row < 3; row += rows) {
      floats sum[24];
      const float *x = j->x + image + row * line;
      float *into = into_weight + (o * 9 + row * 3) * inputs;
      ALL for (int v = 0; v < rows * across; v++) sum[v] = *(floats *)(into + v * LANES);
      for (int k = 0; k < many; k++)
        ALL for (int v = 0; v < rows * across; v++)
          sum[v] += value[k] * *(const floats *)(x + at[k] + v / across * line + v % across * LANES);
      ALL for (int v = 0; v < rows * across; v++) *(floats *)(into + v * LANES) = sum[v];
    }
    if (!j->into_x) continue;
    for (int row = 0; row < 3; row += rows) {
      floats by[24];
      float *into = j->into_x + image + row * line;
      ALL for (int v = 0; v < rows * across; v++)
        by[v] = *(const floats *)(j->weight + (o * 9 + row * 3) * inputs + v * LANES);
      for (int k = 0; k < many; k++)
        ALL for (int v = 0; v < rows * across; v++)
          *(floats *)(into + at[k] + v / across * line + v % across * LANES) += value[k] * by[v];
    }
  }
}

/* Of one input channel, by vectors of outputs; nothing into x. */
INLINE void backward_first(const job *j, size_t n, float *into_weight, float *into_bias) {
  const int high = (j->height - 2) / 2, wide = (j->width - 2) / 2, outputs = j->outputs, width = j->width;
  for (int first = 0; first < outputs; first += LANES) {
    floats sum[9], total = {0};
    ALL for (int t = 0; t < 9; t++) sum[t] = (floats){0};
    for (int row = 0; row < high; row++)
      for (int column = 0; column < wide; column++) {
        const float *x = j->x + (n * j->height + 2 * row) * width + 2 * column;
        const size_t at = ((n * high + row) * wide + column) * outputs + first;
        const floats value = *(const floats *)(j->arrives + at);
        const ints place = __builtin_convertvector(*(const bytes *)(j->places + at), ints);
        total += (floats)((place != CUT) & (ints)value);
        floats here[4];
        ALL for (int q = 0; q < 4; q++) here[q] = (floats)((place == q) & (ints)value);
        ALL for (int r = 0; r < 4; r++) /* each of the patch's values is read once */
          ALL for (int c = 0; c < 4; c++)
            ALL for (int q = 0; q < 4; q++)
              if (r >= q / 2 && r < q / 2 + 3 && c >= q % 2 && c < q % 2 + 3)
                sum[(r - q / 2) * 3 + c - q % 2] += x[r * width + c] * here[q];
      }
    for (int l = 0; l < LANES; l++)
      for (int t = 0; t < 9; t++) into_weight[(first + l) * 9 + t] += sum[t][l];
    *(floats *)(into_bias + first) += total;
  }
}

void convolve_pool(int images, int height, int width, int inputs, int outputs, const float *x, const float *weight,
                   const float *bias, float *pooled, unsigned char *places) {
  const job j = {images, height, width, inputs, outputs, x, weight, bias, pooled, places, NULL, NULL};
  const int paired = outputs % (2 * LANES) == 0;
  for (size_t n = 0; n < (size_t)images; n++)
    if (inputs == 1 && LANES == 16) forward_image(&j, n, 1, 1, 2);
    else if (inputs == 1) forward_image(&j, n, 1, 2, 1);
    else if (inputs == 16 && paired) forward_image(&j, n, 16, 2, 1);
    else if (inputs == 16) forward_image(&j, n, 16, 1, 2);
    else if (paired) forward_image(&j, n, 32, 2, 1);
    else forward_image(&j, n, 32, 1, 2);
}

/* sums: [outputs][3][3][inputs], the weights' gradient, and [outputs], the biases'. */
void convolve_pool_backward(int images, int height, int width, int inputs, int outputs, const float *x,
                            const float *weight, unsigned char *places, const float *arrives, float *into_x,
                            float *sums) {
  const job j = {images, height, width, inputs, outputs, x, weight, NULL, NULL, places, arrives, into_x};
  float *into_bias = sums + (size_t)outputs * 9 * inputs;
  memset(sums, 0, sizeof(float) * ((size_t)outputs * 9 * inputs + outputs));
  for (size_t n = 0; n < (size_t)images; n++)
    if (inputs == 1) backward_first(&j, n, sums, into_bias);
    else if (inputs == 16) backward_image(&j, n, 16, LANES == 16 ? 3 : 1, sums, into_bias);
    else backward_image(&j, n, 32, 1, sums, into_bias);
}
