// See IndexedAdd.h. The dimensions that an index replaces are walked in order inside a work item; items share
// out the others (for slices: blocks of the last dimension, in vectors).
#include "cpu/IndexedAdd.h"

#include "KilnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

ArrayRef<std::int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

class Adder {
public:
  Adder(Frame& frame, const IndexedAdd& add, const KernelBody& updates, const KernelBody& places)
      : frame(frame), add(add), updates(updates), places(places) {
    rank = shapeOf(add.update).size();
    after = add.dim + (add.elements ? 1 : shapeOf(add.indices).size());
    vectors = !add.elements && after < rank && shapeOf(add.update).back() > 1;
    lanes = vectors ? chooseLanes(updates, frame.target) : 1;
    for (unsigned d = 0; d < rank; ++d) {
      if (d >= add.dim && d < after) {
        serial.push_back(d);
      } else if (!vectors || d + 1 < rank) {
        parallel.push_back(d);
        sizes.push_back(shapeOf(add.update)[d]);
      }
    }
    columns = vectors ? shapeOf(add.update).back() : 1;
    sizes.push_back((columns + width() - 1) / width());
  }

  std::int64_t items() const {
    std::int64_t product = 1;
    for (std::int64_t size : sizes)
      product *= size;
    return product;
  }

  void emit(ValueRange inputs, Value result, Value begin, Value end) {
    Evaluator update(updates, frame.builder, frame.loc, Values(inputs), lanes);
    Evaluator place(places, frame.builder, frame.loc, Values(inputs), 1);
    output = result;
    indices.resize(rank);
    frame.loop(begin, end, 1, {}, [&](scf::ForOp loop, ValueRange) {
      Values at = frame.delinearise(loop.getInductionVar(), sizes);
      for (auto [d, index] : llvm::zip(parallel, at))
        indices[d] = index;
      enter(update, place, loop, parallel);
      Value column = frame.mul(at.back(), width());
      walkSerial(update, place, serial, [&] {
        Value start = destination(place);
        if (vectors)
          addVectors(update, start, column);
        else
          addOne(update, start);
      });
      leave(update, place);
      return Values();
    });
  }

private:
  std::int64_t width() const { return vectors ? std::int64_t(4) * lanes : 1; }

  void enter(Evaluator& update, Evaluator& place, Operation* loop, ArrayRef<unsigned> dims) {
    llvm::SmallVector<std::pair<unsigned, Value>> ofUpdate, ofPlace;
    for (unsigned d : dims) {
      ofUpdate.push_back({d, indices[d]});
      if (add.elements)
        ofPlace.push_back({d, indices[d]});
      else if (d >= add.dim && d < after)
        ofPlace.push_back({d - static_cast<unsigned>(add.dim), indices[d]});
    }
    update.enter(loop, ofUpdate);
    place.enter(loop, ofPlace);
  }
  void leave(Evaluator& update, Evaluator& place) {
    update.leave();
    place.leave();
  }

  void walkSerial(Evaluator& update, Evaluator& place, ArrayRef<unsigned> dims,
                  llvm::function_ref<void()> body) {
    if (dims.empty()) return body();
    Value size = frame.index(shapeOf(add.update)[dims.front()]);
    frame.loop(frame.index(0), size, 1, {}, [&](scf::ForOp loop, ValueRange) {
      indices[dims.front()] = loop.getInductionVar();
      enter(update, place, loop, dims.front());
      walkSerial(update, place, dims.drop_front(), body);
      leave(update, place);
      return Values();
    });
  }

  /// Element of the result that the current index and the bound dimensions name (column 0 for vectors).
  Value destination(Evaluator& place) {
    auto shape = shapeOf(add.result);
    Value chosen = place.scalar(places.outputs[0].value);
    chosen = arith::IndexCastOp::create(frame.builder, frame.loc, frame.builder.getIndexType(), chosen);
    chosen = frame.min(frame.max(chosen, frame.index(0)), frame.index(shape[add.dim] - 1));
    Value sum = frame.index(0);
    std::int64_t stride = 1;
    for (std::size_t r = shape.size(); r-- > 0;) {
      unsigned d = r > add.dim ? r + after - add.dim - 1 : r; // dimension of the update
      Value index = r == add.dim ? chosen : vectors && d + 1 == rank ? Value() : indices[d];
      if (index) sum = frame.add(sum, frame.mul(index, stride));
      stride *= shape[r];
    }
    return sum;
  }

  Value plus(Value a, Value b) {
    if (isa<FloatType>(getElementTypeOrSelf(a.getType())))
      return arith::AddFOp::create(frame.builder, frame.loc, a, b);
    return arith::AddIOp::create(frame.builder, frame.loc, a, b);
  }

  void addOne(Evaluator& update, Value at) {
    Value more = update.scalar(updates.outputs[0].value);
    if (add.replaces) {
      memref::StoreOp::create(frame.builder, frame.loc, update.toMemory(more), output, at);
      return;
    }
    Value old = memref::LoadOp::create(frame.builder, frame.loc, output, at);
    memref::StoreOp::create(frame.builder, frame.loc, plus(old, more), output, at);
  }

  void addVectors(Evaluator& update, Value start, Value column) {
    VectorRange range{column, frame.min(frame.add(column, frame.index(width())), frame.index(columns)), {}};
    if (columns <= width()) range.size = columns;
    Access along;
    along.strides.assign(updates.dims.size(), 0);
    along.strides.back() = 1;
    walk(frame, update, range, 4, [&](ArrayRef<Lanes> group, ValueRange) {
      for (const Lanes& each : group) {
        Value more = update.vector(updates.outputs[0].value, each);
        Value at = frame.add(start, update.address(along, each.unroll));
        auto type = cast<VectorType>(more.getType());
        if (add.replaces) {
          Value written = update.toMemory(more);
          if (each.mask)
            vector::MaskedStoreOp::create(frame.builder, frame.loc, output, at, each.mask, written);
          else
            vector::StoreOp::create(frame.builder, frame.loc, written, output, at);
        } else if (each.mask) {
          Value zero = arith::ConstantOp::create(frame.builder, frame.loc, frame.builder.getZeroAttr(type));
          Value old =
              vector::MaskedLoadOp::create(frame.builder, frame.loc, type, output, at, each.mask, zero);
          vector::MaskedStoreOp::create(frame.builder, frame.loc, output, at, each.mask, plus(old, more));
        } else {
          Value old = vector::LoadOp::create(frame.builder, frame.loc, type, output, at);
          vector::StoreOp::create(frame.builder, frame.loc, plus(old, more), output, at);
        }
      }
      return Values();
    });
  }

  Frame& frame;
  const IndexedAdd& add;
  const KernelBody &updates, &places;
  unsigned rank, after; ///< update dimensions [add.dim, after) are walked in order
  bool vectors;
  int lanes;
  std::int64_t columns;
  llvm::SmallVector<unsigned> parallel, serial;
  llvm::SmallVector<std::int64_t> sizes; ///< of the work items' dimensions: parallel, then blocks of columns
  Value output;
  Values indices; ///< of the update's dimensions in the loops entered
};

} // namespace

LogicalResult emitIndexedAdd(ir::FusionOp fusion, const IndexedAdd& add, const Target& target, int threads,
                             CpuKernel& kernel) {
  auto updates = analyseValue(fusion, add.update, {/*collapse=*/false});
  auto places = analyseValue(fusion, add.indices, {/*collapse=*/false});
  if (failed(updates) || failed(places)) return failure();
  OpBuilder builder(fusion.getContext());
  Frame frame{builder, fusion.getLoc(), target};
  Adder adder(frame, add, *updates, *places);
  KernelFunction function =
      createKernel(builder, *kernel.module, fusion.getName(), bufferTypes(fusion), 0, fusion.getLoc());
  std::size_t inputs = fusion->getNumOperands();
  adder.emit(ValueRange(function.buffers).take_front(inputs), function.buffers[inputs], function.begin,
             function.end);

  int buffers = static_cast<int>(function.buffers.size());
  KernelLaunch launch{fusion.getName().str(), llvm::to_vector(llvm::seq<int>(0, buffers)), adder.items(), 0};
  double nanoseconds = estimateNanoseconds(*updates) * (add.elements ? 20 : 2);
  launch.grain = chooseGrain(launch.items, nanoseconds / std::max<std::int64_t>(launch.items, 1), threads);
  if (launch.items > 0) kernel.launches.push_back(std::move(launch));
  return success();
}

} // namespace kiln::codegen::cpu
