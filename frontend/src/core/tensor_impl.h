// What a Tensor handle points to.
//
// A Storage holds one immutable value and a version: a device buffer in eager mode, a value of the current
// trace under capture. Writing gives the storage another value. A TensorImpl is a storage seen through a
// lens: a chain of shape ops (none for a whole tensor). Reading a view applies the chain; writing to one
// updates the storage, so aliases see it.
#pragma once

#include "kiln/ir/program.h"
#include "kiln/runtime/buffer.h"
#include "kiln/tensor.h"

#include <atomic>
#include <memory>
#include <vector>

namespace kiln::internal {

struct TapeNode;
struct Edge;
struct Hooks;

struct Storage : std::enable_shared_from_this<Storage> {
  // What a compiled call looks at and changes comes first, in one cache line with the count of references.
  runtime::Buffer buffer; ///< empty while the value exists only in a trace
  std::uint32_t version = 0;
  std::atomic<std::uint32_t> plans{0}; ///< references held by compiled programs (Plan)
  bool pinned = false;   ///< its address was handed out: writes copy into the buffer instead of replacing it
  bool constant = false; ///< the library's own, nobody will write it: captured, it is not looked for again
  TensorType type;
  std::string name;               ///< "fc1.weight": in dumps
  const void* borrowed = nullptr; ///< memory of the caller's, without a deleter, that `buffer` began with

  // Capture: `value` is this storage's present value in the trace whose serial is `trace` (0: none).
  std::uint64_t trace = 0;
  ir::ValueId value = 0;

  // Autograd. A leaf has requires_grad and no grad_fn.
  bool requires_grad = false;
  bool retains_grad = false;
  std::uint32_t grad_output = 0; ///< which result of grad_fn this is
  std::shared_ptr<TapeNode> grad_fn;
  std::weak_ptr<TapeNode> accumulator;
  std::shared_ptr<Hooks> hooks; ///< of a leaf, or registered on what grad_fn gives
  Tensor grad;

  bool needs_grad() const { return requires_grad || grad_fn != nullptr; }
};
using StoragePtr = std::shared_ptr<Storage>;

/// One shape op of a lens: it reads with `op`; a write inverts it.
struct ViewOp {
  std::string op; ///< one whose record has `restride`
  std::vector<ir::NamedAttr> attrs;
  TensorType before; ///< type of what it is applied to
};

struct TensorImpl {
  StoragePtr storage;
  TensorType type;
  std::vector<ViewOp> lens;

  // The lens applied to the storage's value, kept while the storage's version and trace stay the same.
  Tensor cached;
  std::uint32_t cached_version = 0;
  std::uint64_t cached_trace = 0; ///< the trace that `cached` is a value of: kept for a view with hooks alone
  ir::ValueId cached_base = 0;    ///< the storage's value then
  bool cached_grad = false;
};

/// A whole tensor over a storage, and over a new one.
Tensor whole(const StoragePtr& storage);
Tensor make_tensor(TensorType type, runtime::Buffer buffer);
/// Another view of x: the lens grows by one op. Reshape, transpose and slice of a whole tensor share its
/// storage. called: as in `apply`.
Tensor make_view(const Tensor& x, std::string op, std::vector<ir::NamedAttr> attrs,
                 std::string_view called = {});
/// The value behind x as a whole tensor (x itself when it has no lens).
Tensor read(const Tensor& x);
/// As `read`, and further reads of x in this state give the same tensor: what hooks are registered on.
Tensor read_and_keep(const Tensor& x);
/// Gives a whole tensor a copy of its bytes that it shares with nobody.
void unshare(const Tensor& whole);
/// Gives the storage behind x the value of `value`, which has x's type; views write through. op: who asks.
void write(const Tensor& x, const Tensor& value, const char* op);
/// Makes x hold another value, perhaps of another type: every handle to it, an optimizer's too, sees that.
void set_data(Tensor& x, const Tensor& value);
/// What lies behind a storage's value is now `edge`. Programs that took it for a tensor with a gradient, or
/// for one without, look again when that has changed.
void set_edge(Storage& storage, const Edge& edge);
/// The bytes of x on the host, contiguous. Under capture this runs what was recorded so far.
runtime::Buffer host_value(const Tensor& x);

/// Throws Error("op: argument is undefined").
const TensorImpl& checked(const Tensor& x, std::string_view op = "tensor");
std::int64_t wrap_dim(std::int64_t dim, std::size_t rank, const char* op);

} // namespace kiln::internal
