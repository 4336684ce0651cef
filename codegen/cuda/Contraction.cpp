// A matrix product with its epilogue: C = lhs x rhs through tiles in shared memory, each thread a block of
// the tile in registers, then the fusion's elementwise expressions on the result's elements before they are
// stored. How operands come to shared memory: OperandTile.h.
#include "cuda/OperandTile.h"

#include "KilnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {

Tile chooseTile(std::int64_t batch, std::int64_t m, std::int64_t n) {
  auto blocks = [&](std::int64_t side) { return batch * ceilDiv(m, side) * ceilDiv(n, side); };
  if (std::min(m, n) >= 128 && blocks(128) >= 132) return {128, 8};
  if (std::min(m, n) >= 48 && blocks(64) >= 32) return {64, 16};
  return {32, 32};
}

class Emitter {
public:
  Emitter(Emission& emission, const KernelBody& body, Operand& lhs, Operand& rhs, Tile tile,
          const runtime::CudaLaunch& launch, ArrayRef<int> buffers)
      : kernel(emission, emission.name, buffers, launch), body(body), lhs(lhs), rhs(rhs), tile(tile) {}

  void run(const Expr* product);

private:
  Values batchIndices() { return kernel.delinearise(batch, batchSizes()); }
  llvm::SmallVector<std::int64_t> batchSizes() const {
    llvm::SmallVector<std::int64_t> sizes;
    for (const Dim& dim : ArrayRef(body.dims).drop_back(2))
      sizes.push_back(dim.size);
    return sizes.empty() ? llvm::SmallVector<std::int64_t>{1} : sizes;
  }
  Bounds boundBatch() {
    Bounds bound;
    Values at = batchIndices();
    for (unsigned d = 0; d + 2 < body.dims.size(); ++d)
      bound.push_back({d, at[d]});
    return bound;
  }
  void multiply(Value accumulators, Value half);
  Value fragment(Value memory, Value first, Value row, StringRef name);
  void epilogue(const Expr* product, Value accumulators);

  KernelBuilder kernel;
  const KernelBody& body;
  Operand &lhs, &rhs;
  Tile tile;
  Type type;
  Value batch, rowStart, columnStart, thread, threadRow, threadColumn, lhsTile, rhsTile;
  Bounds ofBatch;
};

/// This thread's elements of one row of a tile: vectors of four where there are as many.
Value Emitter::fragment(Value memory, Value first, Value row, StringRef name) {
  auto vector = VectorType::get({tile.part()}, type);
  return vector::LoadOp::create(kernel.b, kernel.at(name), vector, memory, kernel.add(row, first));
}

/// accumulators += lhs tile x rhs tile, as the half of their memory that begins at `half` holds them.
void Emitter::multiply(Value accumulators, Value half) {
  int each = tile.each(), part = tile.part(), parts = each / part;
  KernelBuilder::Range range{kernel.index(0), kernel.index(tile.depth), 1, true, "k"};
  kernel.loop(range, [&](scf::ForOp loop) {
    Value row = kernel.add(half, kernel.mul(loop.getInductionVar(), tile.pitch()));
    // Thread t takes elements 4t … 4t+3 of each group of 64, so that a warp's loads have no bank conflicts.
    Values as, bs;
    for (int p = 0; p < parts; ++p) {
      as.push_back(fragment(lhsTile, kernel.add(threadRow, p * part * Tile::kSide), row, "a"));
      bs.push_back(fragment(rhsTile, kernel.add(threadColumn, p * part * Tile::kSide), row, "b"));
    }
    for (int p = 0; p < parts; ++p)
      for (int q = 0; q < parts; ++q) {
        KernelBuilder::Range rows{kernel.index(0), kernel.index(part), 1, true, "i"};
        kernel.loop(rows, [&](scf::ForOp iLoop) {
          KernelBuilder::Range columns{kernel.index(0), kernel.index(part), 1, true, "j"};
          kernel.loop(columns, [&](scf::ForOp jLoop) {
            Value i = iLoop.getInductionVar(), j = jLoop.getInductionVar();
            Value at =
                kernel.add(kernel.add(kernel.mul(i, each), j), std::int64_t(p) * part * each + q * part);
            Value a = vector::ExtractOp::create(kernel.b, kernel.loc, as[p], OpFoldResult(i));
            Value b = vector::ExtractOp::create(kernel.b, kernel.loc, bs[q], OpFoldResult(j));
            Value sum = memref::LoadOp::create(kernel.b, kernel.loc, accumulators, at);
            Value next = math::FmaOp::create(kernel.b, kernel.loc, a, b, sum);
            memref::StoreOp::create(kernel.b, kernel.loc, next, accumulators, at);
          });
        });
      }
  });
}

/// The results' elements of this thread, a row's neighbours together.
void Emitter::epilogue(const Expr* product, Value accumulators) {
  int each = tile.each(), part = tile.part();
  unsigned last = body.dims.size() - 1;
  std::int64_t m = body.dims[last - 1].size, n = body.dims[last].size;
  int width = n % part == 0 ? part : 1; // neighbours are within the result, or none of them is
  Evaluator evaluator(body, kernel);
  llvm::SmallVector<const Output*> outputs;
  for (const Output& output : body.outputs)
    outputs.push_back(&output);
  auto position = [&](Value start, Value own, Value i) { // of element i of this thread in the result
    if (each == part) return kernel.add(kernel.add(start, own), i);
    Value group = kernel.mul(kernel.div(i, part), part * Tile::kSide);
    return kernel.add(kernel.add(kernel.add(start, own), group), kernel.rem(i, part));
  };
  KernelBuilder::Range rows{kernel.index(0), kernel.index(each), 1, true, "i"};
  kernel.loop(rows, [&](scf::ForOp iLoop) {
    evaluator.enter(iLoop, {});
    Value i = iLoop.getInductionVar(), row = kernel.named(position(rowStart, threadRow, i), "row");
    auto columnsFrom = [&](Value j, Operation* scope) {
      Value column = kernel.named(position(columnStart, threadColumn, j), "column");
      auto store = [&](Operation* guard) {
        Bounds bound = ofBatch;
        bound.push_back({last - 1, row});
        evaluator.enter(guard, bound);
        evaluator.storeLanes(last, column, width, outputs, {}, [&](Value lane) {
          Value at = kernel.add(kernel.mul(i, each), kernel.add(j, lane));
          Value sum = memref::LoadOp::create(kernel.b, kernel.at("product"), accumulators, at);
          Type result = valueType(product->type);
          if (sum.getType() != result) sum = arith::TruncFOp::create(kernel.b, kernel.loc, result, sum);
          evaluator.bind(product, sum);
        });
        evaluator.leave();
      };
      evaluator.enter(scope, {});
      Value inside;
      if (m % tile.side) inside = kernel.less(row, kernel.index(m));
      if (n % tile.side) {
        Value below = kernel.less(column, kernel.index(n));
        inside = inside ? Value(arith::AndIOp::create(kernel.b, kernel.loc, inside, below)) : below;
      }
      if (inside)
        kernel.when(inside, [&](scf::IfOp guard) { store(guard); });
      else
        store(nullptr);
      evaluator.leave();
    };
    if (width == each) {
      columnsFrom(kernel.index(0), nullptr);
    } else {
      KernelBuilder::Range columns{kernel.index(0), kernel.index(each), width, true, "j"};
      kernel.loop(columns, [&](scf::ForOp jLoop) { columnsFrom(jLoop.getInductionVar(), jLoop); });
    }
    evaluator.leave();
  });
}

void Emitter::run(const Expr* product) {
  Type element = valueType(product->type);
  type = element.isF64() ? element : Type(kernel.b.getF32Type());
  int each = tile.each();
  thread = kernel.thread();
  columnStart =
      kernel.named(kernel.mul(kernel.block(gpu::Dimension::x, "block_x"), tile.side), "column_start");
  rowStart = kernel.named(kernel.mul(kernel.block(gpu::Dimension::y, "block_y"), tile.side), "row_start");
  batch = kernel.block(gpu::Dimension::z, "batch");
  ofBatch = boundBatch();
  threadRow = kernel.named(kernel.mul(kernel.div(thread, Tile::kSide), tile.part()), "thread_row");
  threadColumn = kernel.named(kernel.mul(kernel.rem(thread, Tile::kSide), tile.part()), "thread_column");
  Carrier left(kernel, lhs, tile, type, thread, rowStart, ofBatch, "lhs");
  Carrier right(kernel, rhs, tile, type, thread, columnStart, ofBatch, "rhs");
  lhsTile = left.memory, rhsTile = right.memory;
  Value accumulators = memref::AllocaOp::create(kernel.b, kernel.at("accumulators"),
                                                MemRefType::get({std::int64_t(each) * each}, type));
  Value zero = kernel.constant(kernel.b.getFloatAttr(type, 0));
  KernelBuilder::Range clear{kernel.index(0), kernel.index(each * each), 1, true, "i"};
  kernel.loop(clear, [&](scf::ForOp loop) {
    memref::StoreOp::create(kernel.b, kernel.loc, zero, accumulators, loop.getInductionVar());
  });
  auto bring = [&](Value innerStart, Value half) {
    Value a = left.fetch(innerStart, false), b = right.fetch(innerStart, false);
    left.put(a, half);
    right.put(b, half);
  };
  bring(kernel.index(0), kernel.index(0));
  gpu::BarrierOp::create(kernel.b, kernel.loc);
  if (lhs.steps(tile) <= 1) {
    multiply(accumulators, kernel.index(0));
  } else {
    KernelBuilder::Range range{kernel.index(0), kernel.index(lhs.inner), tile.depth, false, "inner_start"};
    kernel.loop(range, [&](scf::ForOp loop) {
      Value start = loop.getInductionVar(), next = kernel.named(kernel.add(start, tile.depth), "next_start");
      Value a = left.fetch(next, true), b = right.fetch(next, true);
      Value odd = kernel.rem(kernel.div(start, tile.depth), 2);
      Value half = kernel.named(kernel.mul(odd, tile.stage()), "half");
      multiply(accumulators, half);
      Value other = kernel.named(
          kernel.b.createOrFold<arith::SubIOp>(kernel.loc, kernel.index(tile.stage()), half), "other");
      left.put(a, other);
      right.put(b, other);
      gpu::BarrierOp::create(kernel.b, kernel.loc);
    });
  }
  epilogue(product, accumulators);
  kernel.finish();
}

} // namespace

LogicalResult emitContraction(Emission& emission) {
  AnalyseOptions options;
  options.collapse = false;
  ir::FusionOp fusion = emission.fusion;
  auto bodies = analyse(fusion, options);
  if (failed(bodies)) return failure();
  const KernelBody& body = bodies->front();
  auto products = llvm::to_vector(fusion.getBody().front().getOps<ir::MatmulOp>());
  if (products.size() != 1)
    return fusion.emitOpError("of kind contraction needs one matmul, has ") << products.size();
  ir::MatmulOp matmul = products.front();
  const Expr* product = nullptr;
  for (const auto& expr : body.exprs)
    if (expr->kind == Expr::Kind::Bound) product = expr.get();
  if (!product || !isa<FloatType>(product->type))
    return matmul.emitOpError("must be of floating-point type and used by the fusion's results");
  auto lhs = analyseValue(fusion, matmul.getLhs(), options),
       rhs = analyseValue(fusion, matmul.getRhs(), options);
  if (failed(lhs) || failed(rhs)) return failure();

  unsigned last = body.dims.size() - 1;
  std::int64_t m = body.dims[last - 1].size, n = body.dims[last].size,
               batch = body.points() / std::max<std::int64_t>(m * n, 1);
  unsigned inner = last - (matmul.getTransposeLhs() ? 1 : 0);
  std::int64_t k = lhs->dims[inner].size;
  Operand a{std::move(*lhs), !matmul.getTransposeLhs(), m, k},
      b{std::move(*rhs), matmul.getTransposeRhs(), n, k};
  Tile tile = chooseTile(batch, m, n);
  runtime::CudaLaunch launch{
      {std::int32_t(ceilDiv(n, tile.side)), std::int32_t(ceilDiv(m, tile.side)), std::int32_t(batch)},
      {Tile::kThreads, 1, 1},
      0};
  auto buffers = llvm::to_vector(llvm::seq<int>(0, static_cast<int>(emission.types.size())));
  Emitter(emission, body, a, b, tile, launch, buffers).run(product);
  emission.kernels.launches.push_back({emission.name, buffers, launch, batch * m * n, 0});
  return success();
}

} // namespace kiln::codegen::cuda
