// Outputs that are filled in parts: concat, slice_update, and updates at
// positions held in a tensor. A launch copies what the
// parts leave (none when the result is written over its input), others write the parts. Additions at
// positions held in a tensor walk them in order, one thread for all additions that may meet: deterministic,
// without atomics.
#include "cuda/Evaluate.h"
#include "cuda/Sort.h"

#include "KilnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {

constexpr int kThreads = 128;
constexpr AnalyseOptions kEveryDim{/*collapse=*/false};

ArrayRef<std::int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

llvm::SmallVector<std::int64_t, 4> rowMajorStrides(Value value) {
  auto shape = shapeOf(value);
  llvm::SmallVector<std::int64_t, 4> strides(shape.size(), 1);
  for (std::size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  return strides;
}

/// A kernel that stores element (i0, i1, …) of `value` at offset + sum(strides * i) of the result.
LogicalResult place(Emission& emission, Value value, std::int64_t offset, ArrayRef<std::int64_t> strides,
                    const std::string& symbol) {
  auto body = analyseValue(emission.fusion, value, kEveryDim);
  if (failed(body)) return failure();
  Access& access = body->outputs[0].access;
  access.offset = offset;
  access.strides.assign(strides.begin(), strides.end());
  if (access.strides.empty()) access.strides.push_back(0);
  if (body->points() > 0) emitLoopOver(emission, *body, symbol);
  return success();
}

/// The result starts as a copy of x, unless the plan writes it over x's own buffer.
LogicalResult copy(Emission& emission, Value x) {
  auto slots = emission.fusion.getSlots();
  auto argument = dyn_cast<BlockArgument>(x);
  if (argument && slots && (*slots)[argument.getArgNumber()] == slots->back()) return success();
  return place(emission, x, 0, rowMajorStrides(x), emission.name + "_copy");
}

LogicalResult concat(Emission& emission, ir::ConcatOp op) {
  auto strides = rowMajorStrides(op.getResult());
  std::int64_t along = 0;
  for (auto [i, input] : llvm::enumerate(op.getInputs())) {
    std::string symbol = emission.name + "_part" + std::to_string(i);
    if (failed(place(emission, input, along * strides[op.getDim()], strides, symbol))) return failure();
    along += shapeOf(input)[op.getDim()];
  }
  return success();
}

LogicalResult sliceUpdate(Emission& emission, ir::SliceUpdateOp op) {
  if (failed(copy(emission, op.getX()))) return failure();
  auto strides = rowMajorStrides(op.getResult());
  std::int64_t offset = 0;
  for (auto [stride, start, step] : llvm::zip_equal(strides, op.getStarts(), op.getSteps())) {
    offset += stride * start;
    stride *= step;
  }
  return place(emission, op.getUpdate(), offset, strides, emission.name);
}

/// result[…, indices[i], …] += update[…, i, …] along `dim`.
struct Addition {
  Value result, indices, update;
  unsigned dim;
  bool elements; ///< indices have the update's shape; else an index moves a whole slice
  bool replaces; ///< the update is written, not added
};

class Adder {
public:
  Adder(KernelBuilder& kernel, const Addition& add, const KernelBody& updates, const KernelBody& places)
      : kernel(kernel), add(add), updates(updates), places(places), update(updates, kernel),
        chosen(places, kernel), indices(shapeOf(add.update).size()),
        after(add.dim + (add.elements ? 1 : shapeOf(add.indices).size())) {}

  /// Update dimensions [dim, after) are walked in order; threads share out the others.
  static llvm::SmallVector<unsigned> parallelDims(const Addition& add) {
    unsigned after = add.dim + (add.elements ? 1 : shapeOf(add.indices).size());
    llvm::SmallVector<unsigned> dims;
    for (unsigned d = 0; d < shapeOf(add.update).size(); ++d)
      if (d < add.dim || d >= after) dims.push_back(d);
    return dims;
  }

  void run(Operation* scope, Value point) {
    auto dims = parallelDims(add);
    llvm::SmallVector<std::int64_t> sizes;
    for (unsigned d : dims)
      sizes.push_back(shapeOf(add.update)[d]);
    if (!dims.empty())
      for (auto [d, index] : llvm::zip_equal(dims, kernel.delinearise(point, sizes)))
        indices[d] = index;
    enter(scope, dims);
    walk(add.dim);
    leave();
  }

private:
  void enter(Operation* scope, ArrayRef<unsigned> dims) {
    llvm::SmallVector<std::pair<unsigned, Value>> ofUpdate, ofPlace;
    for (unsigned d : dims) {
      ofUpdate.push_back({d, indices[d]});
      if (add.elements)
        ofPlace.push_back({d, indices[d]});
      else if (d >= add.dim && d < after)
        ofPlace.push_back({d - add.dim, indices[d]});
    }
    update.enter(scope, ofUpdate);
    chosen.enter(scope, ofPlace);
  }
  void leave() {
    update.leave();
    chosen.leave();
  }

  void walk(unsigned d) {
    if (d == after) return addOne();
    KernelBuilder::Range range{kernel.index(0), kernel.index(shapeOf(add.update)[d]), 1, false, "n"};
    kernel.loop(range, [&](scf::ForOp loop) {
      indices[d] = loop.getInductionVar();
      enter(loop, {d});
      walk(d + 1);
      leave();
    });
  }

  void addOne() {
    OpBuilder& b = kernel.b;
    auto shape = shapeOf(add.result);
    Value index = chosen.value(places.outputs[0].value);
    auto bound = [&](std::int64_t n) { return kernel.constant(b.getIntegerAttr(index.getType(), n)); };
    index = arith::MaxSIOp::create(b, kernel.loc, index, bound(0));
    index = arith::MinSIOp::create(b, kernel.loc, index, bound(shape[add.dim] - 1));
    index = arith::IndexCastOp::create(b, kernel.at("chosen"), b.getIndexType(), index);
    Value at = kernel.index(0);
    std::int64_t stride = 1;
    for (unsigned r = shape.size(); r-- > 0; stride *= shape[r]) {
      unsigned d = r > add.dim ? r + after - add.dim - 1 : r; // dimension of the update
      at = kernel.add(at, kernel.mul(r == add.dim ? index : indices[d], stride));
    }
    kernel.named(at, "at");
    Value more = update.value(updates.outputs[0].value);
    Value memory = kernel.buffers[kernel.emission.inputs()];
    if (add.replaces) {
      memref::StoreOp::create(b, kernel.loc, more, memory, at);
      return;
    }
    Value old = memref::LoadOp::create(b, kernel.at("old"), memory, at);
    Value sum = isa<FloatType>(old.getType()) ? Value(arith::AddFOp::create(b, kernel.loc, old, more))
                                              : Value(arith::AddIOp::create(b, kernel.loc, old, more));
    memref::StoreOp::create(b, kernel.loc, sum, memory, at);
  }

  KernelBuilder& kernel;
  const Addition& add;
  const KernelBody &updates, &places;
  Evaluator update, chosen;
  Values indices; ///< of the update's dimensions in the loops entered
  unsigned after;
};

LogicalResult indexedAdd(Emission& emission, Value x, const Addition& add) {
  if (failed(copy(emission, x))) return failure();
  auto updates = analyseValue(emission.fusion, add.update, kEveryDim);
  auto places = analyseValue(emission.fusion, add.indices, kEveryDim);
  if (failed(updates) || failed(places)) return failure();
  std::int64_t points = 1;
  for (unsigned d : Adder::parallelDims(add))
    points *= shapeOf(add.update)[d];
  auto buffers = llvm::to_vector(llvm::seq<int>(0, static_cast<int>(emission.types.size())));
  runtime::CudaLaunch launch{{std::int32_t(ceilDiv(points, kThreads)), 1, 1}, {kThreads, 1, 1}, 0};
  KernelBuilder kernel(emission, emission.name, buffers, launch);
  Adder adder(kernel, add, *updates, *places);
  Value point = kernel.named(kernel.add(kernel.mul(kernel.block(), kThreads), kernel.thread()), "point");
  kernel.when(kernel.less(point, kernel.index(points)), [&](scf::IfOp guard) { adder.run(guard, point); });
  kernel.finish();
  if (points > 0) emission.kernels.launches.push_back({emission.name, buffers, launch, points, 0});
  return success();
}

} // namespace

LogicalResult emitScatter(Emission& emission) {
  ir::FusionOp fusion = emission.fusion;
  if (fusion->getNumResults() != 1) return fusion.emitOpError("of kind scatter has more than one result");
  Value yielded = fusion.getBody().front().getTerminator()->getOperand(0);
  while (auto reshape = yielded.getDefiningOp<ir::ReshapeOp>())
    yielded = reshape.getX();
  Operation* op = yielded.getDefiningOp();
  if (!op) return fusion.emitOpError("of kind scatter holds nothing to fill in parts");
  return llvm::TypeSwitch<Operation*, LogicalResult>(op)
      .Case([&](ir::ConcatOp each) { return concat(emission, each); })
      .Case([&](ir::SliceUpdateOp each) { return sliceUpdate(emission, each); })
      .Case([&](ir::ArgsortOp each) { return emitSort(emission, each); })
      .Case([&](ir::IndexedUpdate each) {
        return indexedAdd(emission, each->getOperand(0),
                          {each->getResult(0), each->getOperand(1), each->getOperand(2),
                           unsigned(each.updatedDim()), each.byElement(), each.replaces()});
      })
      .Default(
          [&](Operation* other) { return other->emitOpError("cannot be the root of a scatter fusion"); });
}

} // namespace kiln::codegen::cuda
