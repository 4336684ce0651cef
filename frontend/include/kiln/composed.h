// Functions of ATen that are compositions of those in kiln/ops.h, in ATen's names and argument order.
// Gradients flow through all that give numbers of floating point.
#pragma once

#include "kiln/ops.h"

namespace kiln {

// Other names.
Tensor greater(const Tensor& x, const Tensor& y), greater(const Tensor& x, Scalar y);
Tensor greater_equal(const Tensor& x, const Tensor& y), greater_equal(const Tensor& x, Scalar y);
Tensor less(const Tensor& x, const Tensor& y), less(const Tensor& x, Scalar y);
Tensor less_equal(const Tensor& x, const Tensor& y), less_equal(const Tensor& x, Scalar y);
Tensor not_equal(const Tensor& x, const Tensor& y), not_equal(const Tensor& x, Scalar y);
Tensor subtract(const Tensor& x, const Tensor& y, Scalar alpha = 1);
Tensor subtract(const Tensor& x, Scalar y, Scalar alpha = 1);
Tensor multiply(const Tensor& x, const Tensor& y), multiply(const Tensor& x, Scalar y);
Tensor divide(const Tensor& x, const Tensor& y), divide(const Tensor& x, Scalar y);
Tensor moveaxis(const Tensor& x, IntArrayRef source, IntArrayRef destination); ///< movedim
Tensor concatenate(const TensorList& tensors, std::int64_t dim = 0);           ///< cat
Tensor row_stack(const TensorList& tensors);                                   ///< vstack
Tensor argwhere(const Tensor& x);                                              ///< nonzero
Tensor ger(const Tensor& x, const Tensor& y);                                  ///< outer
Tensor vdot(const Tensor& x, const Tensor& y);                                 ///< dot

// Elementwise.
Tensor asinh(const Tensor& x), acosh(const Tensor& x), atanh(const Tensor& x);
Tensor deg2rad(const Tensor& x), rad2deg(const Tensor& x);
Tensor sinc(const Tensor& x); ///< sin(pi x) / (pi x), and 1 at 0
Tensor isposinf(const Tensor& x), isneginf(const Tensor& x);
Tensor fmax(const Tensor& x, const Tensor& y),
    fmin(const Tensor& x, const Tensor& y);     ///< the number beside a NaN
Tensor xlogy(const Tensor& x, const Tensor& y); ///< x log(y), and 0 where x is
Tensor xlogy(const Tensor& x, Scalar y);
Tensor logaddexp2(const Tensor& x, const Tensor& y); ///< log2(2^x + 2^y)

// Products.
/// Sums over the pairs of dimensions that the lists name; the others follow, x's first.
Tensor tensordot(const Tensor& x, const Tensor& y, IntArrayRef dims_x, IntArrayRef dims_y);
Tensor inner(const Tensor& x, const Tensor& y); ///< over the last dimensions
Tensor kron(const Tensor& x, const Tensor& y);
Tensor cross(const Tensor& x, const Tensor& y, std::optional<std::int64_t> dim = {}); ///< the first of size 3
/// beta * x + alpha * the sum of the products a[i] b[i].
Tensor addbmm(const Tensor& x, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1);
/// x [n, n] (or [..., n, n]) times itself. Throws Error for a negative power, which needs an inverse.
Tensor matrix_power(const Tensor& x, std::int64_t n);
Tensor dist(const Tensor& x, const Tensor& y, Scalar p = 2); ///< norm of the difference

// Elements in other places.
Tensor atleast_1d(const Tensor& x), atleast_2d(const Tensor& x), atleast_3d(const Tensor& x);
Tensor column_stack(const TensorList& tensors), dstack(const TensorList& tensors);
Tensor fliplr(const Tensor& x), flipud(const Tensor& x);
Tensor rot90(const Tensor& x, std::int64_t k = 1,
             IntArrayRef dims = {0, 1}); ///< k quarter turns, from the first to the second
/// x: [..., n]: matrices with rows of x on a diagonal; they lie in dimensions dim1 and dim2 of the result.
Tensor diag_embed(const Tensor& x, std::int64_t offset = 0, std::int64_t dim1 = -2, std::int64_t dim2 = -1);
Tensor diagflat(const Tensor& x, std::int64_t offset = 0); ///< the matrix with all of x on a diagonal
Tensor block_diag(const TensorList& tensors);
Tensor cartesian_prod(const TensorList& tensors); ///< of 1-D tensors: a row for each choice of one of each
/// Of a 1-D tensor: a row for each choice of r elements.
Tensor combinations(const Tensor& x, std::int64_t r = 2, bool with_replacement = false);
/// i64 [2, n]: rows and columns of the elements on and below (above) a diagonal.
Tensor tril_indices(std::int64_t row, std::int64_t col, std::int64_t offset = 0,
                    const TensorOptions& options = kInt64);
Tensor triu_indices(std::int64_t row, std::int64_t col, std::int64_t offset = 0,
                    const TensorOptions& options = kInt64);
/// Differences of neighbours, n times.
Tensor diff(const Tensor& x, std::int64_t n = 1, std::int64_t dim = -1,
            const std::optional<Tensor>& prepend = {}, const std::optional<Tensor>& append = {});

// Statistics.
Tensor nanmean(const Tensor& x, IntArrayRef dims = {}, bool keepdim = false, std::optional<DType> dtype = {});
std::tuple<Tensor, Tensor> aminmax(const Tensor& x, std::optional<std::int64_t> dim = {},
                                   bool keepdim = false);
/// x: [variables, observations], or one variable: their covariances, over observations - correction.
Tensor cov(const Tensor& x, std::int64_t correction = 1);
Tensor corrcoef(const Tensor& x);
Tensor trapezoid(const Tensor& y, Scalar dx = 1, std::int64_t dim = -1);
Tensor trapezoid(const Tensor& y, const Tensor& x, std::int64_t dim = -1);
/// Slices along `dim` whose p-norm is above maxnorm, scaled down to it.
Tensor renorm(const Tensor& x, Scalar p, std::int64_t dim, Scalar maxnorm);
/// How many elements lie in each of `bins` equal parts of [min, max], or of the range of x where these are
/// equal; the latter is read: under capture that splits the program.
Tensor histc(const Tensor& x, std::int64_t bins = 100, Scalar min = 0, Scalar max = 0);
/// How often each number comes in x (1-D, whole numbers from 0), or the sum of its weights. Reads the
/// largest.
Tensor bincount(const Tensor& x, const std::optional<Tensor>& weights = {}, std::int64_t minlength = 0);
/// i64: how many of the sorted boundaries lie below x (`right`: or at x). In time of x times boundaries.
Tensor bucketize(const Tensor& x, const Tensor& boundaries, bool out_int32 = false, bool right = false);
/// The same with rows of their own: sorted [..., n], x [..., m], or sorted [n] for all.
Tensor searchsorted(const Tensor& sorted, const Tensor& x, bool out_int32 = false, bool right = false);

// Dtypes of results, as PyTorch promotes them.
DType promote_types(DType x, DType y);
DType result_type(const Tensor& x, const Tensor& y);

} // namespace kiln
