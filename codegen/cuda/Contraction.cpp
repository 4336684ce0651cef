// A matrix product with its epilogue: C = lhs x rhs through tiles in shared memory, each thread a block of
// the tile in registers, then the fusion's elementwise expressions on the result's elements before they are
// stored. Operands are read through their own expressions, so that transposes, slices and casts cost nothing
// extra.
#include "cuda/Evaluate.h"

#include "cuda/Printer.h"

#include "KilnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {

constexpr int kThreads = 256, kSide = 16; ///< a block is 16 x 16 threads

/// Tile of one block: `side` rows and columns of the result, `depth` of the inner dimension; a thread
/// computes (side / 16)^2 elements.
struct Tile {
  int side, depth;
  int each() const { return side / kSide; }
};

Tile chooseTile(std::int64_t batch, std::int64_t m, std::int64_t n) {
  auto blocks = [&](std::int64_t side) { return batch * ceilDiv(m, side) * ceilDiv(n, side); };
  if (std::min(m, n) >= 128 && blocks(128) >= 132) return {128, 8};
  if (std::min(m, n) >= 48 && blocks(64) >= 32) return {64, 16};
  return {32, 32};
}

/// One operand: its elements, and which of its two last dimensions is the inner one.
struct Operand {
  KernelBody body;
  bool innerLast; ///< [.., side, inner] rather than [.., inner, side]
  std::int64_t side, inner;

  unsigned innerDim() const { return body.dims.size() - (innerLast ? 1 : 2); }
  unsigned sideDim() const { return body.dims.size() - (innerLast ? 2 : 1); }
  /// Whether consecutive threads should take consecutive elements of the inner dimension when loading.
  bool walksInner() const {
    for (const auto& expr : body.exprs)
      if (expr->kind == Expr::Kind::Load && expr->access.strides[sideDim()] == 1) return false;
    return true;
  }
};

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
  llvm::SmallVector<std::pair<unsigned, Value>> boundBatch() {
    llvm::SmallVector<std::pair<unsigned, Value>> bound;
    Values at = batchIndices();
    for (unsigned d = 0; d + 2 < body.dims.size(); ++d)
      bound.push_back({d, at[d]});
    return bound;
  }
  void stage(Operand& operand, Value memory, Value sideStart, Value innerStart, StringRef name);
  void multiply(Value accumulators);
  Value fragment(Value memory, Value first, Value k, StringRef name);
  void epilogue(const Expr* product, Value accumulators);

  int pitch() const {
    return tile.side + 4;
  } ///< a row of a tile in shared memory: 4 more, against bank conflicts

  KernelBuilder kernel;
  const KernelBody& body;
  Operand &lhs, &rhs;
  Tile tile;
  Type type;
  Value batch, rowStart, columnStart, thread, threadRow, threadColumn, lhsTile, rhsTile;
};

/// Loads side x depth elements of an operand, as memory[inner][side]; zeros beyond its edges.
void Emitter::stage(Operand& operand, Value memory, Value sideStart, Value innerStart, StringRef name) {
  bool walksInner = operand.walksInner();
  int perThread = tile.side * tile.depth / kThreads;
  int fast = walksInner ? tile.depth : tile.side;
  Evaluator evaluator(operand.body, kernel);
  KernelBuilder::Range range{kernel.index(0), kernel.index(perThread), 1, true, "piece"};
  kernel.loop(range, [&](scf::ForOp loop) {
    Value number = kernel.add(kernel.mul(loop.getInductionVar(), kThreads), thread);
    Value low = kernel.rem(number, fast), high = kernel.div(number, fast);
    Value side = walksInner ? high : low, inner = walksInner ? low : high;
    Value at = kernel.named(kernel.add(kernel.mul(inner, pitch()), side), name.str() + "_slot");
    Value globalSide = kernel.named(kernel.add(sideStart, side), name == "a" ? "row" : "column");
    Value globalInner = kernel.named(kernel.add(innerStart, inner), "inner");
    auto bound = boundBatch();
    bound.push_back({operand.sideDim(), globalSide});
    bound.push_back({operand.innerDim(), globalInner});
    const Expr* value = operand.body.outputs.front().value;
    auto load = [&](Operation* scope) {
      evaluator.enter(scope, bound);
      Value element = evaluator.value(value);
      evaluator.leave();
      return element.getType() == type ? element
                                       : Value(arith::ExtFOp::create(kernel.b, kernel.loc, type, element));
    };
    bool evenSide = operand.side % tile.side == 0, evenInner = operand.inner % tile.depth == 0;
    Value inside;
    if (!evenSide) inside = kernel.less(globalSide, kernel.index(operand.side));
    if (!evenInner) {
      Value below = kernel.less(globalInner, kernel.index(operand.inner));
      inside = inside ? Value(arith::AndIOp::create(kernel.b, kernel.loc, inside, below)) : below;
    }
    Value element;
    if (!inside) {
      element = load(nullptr);
    } else {
      auto choice = scf::IfOp::create(kernel.b, kernel.at(name.str() + "_value"), type, inside, true);
      OpBuilder::InsertionGuard guard(kernel.b);
      kernel.b.setInsertionPointToEnd(choice.thenBlock());
      Value read = load(choice);
      scf::YieldOp::create(kernel.b, kernel.loc, read);
      kernel.b.setInsertionPointToEnd(choice.elseBlock());
      Value zero = kernel.constant(kernel.b.getFloatAttr(type, 0));
      scf::YieldOp::create(kernel.b, kernel.loc, zero);
      element = choice.getResult(0);
    }
    memref::StoreOp::create(kernel.b, kernel.loc, element, memory, at);
  });
}

/// This thread's elements of one row of a tile: vectors of four where there are as many.
Value Emitter::fragment(Value memory, Value first, Value k, StringRef name) {
  Value at = kernel.add(kernel.mul(k, pitch()), first);
  auto vector = VectorType::get({std::min(tile.each(), 4)}, type);
  return vector::LoadOp::create(kernel.b, kernel.at(name), vector, memory, at);
}

/// accumulators += lhs tile x rhs tile.
void Emitter::multiply(Value accumulators) {
  int each = tile.each(), part = std::min(each, 4), parts = each / part;
  KernelBuilder::Range range{kernel.index(0), kernel.index(tile.depth), 1, true, "k"};
  kernel.loop(range, [&](scf::ForOp loop) {
    Value k = loop.getInductionVar();
    // Thread t takes elements 4t … 4t+3 of each group of 64, so that a warp's loads have no bank conflicts.
    Values as, bs;
    for (int p = 0; p < parts; ++p) {
      as.push_back(fragment(lhsTile, kernel.add(threadRow, p * part * kSide), k, "a"));
      bs.push_back(fragment(rhsTile, kernel.add(threadColumn, p * part * kSide), k, "b"));
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

void Emitter::epilogue(const Expr* product, Value accumulators) {
  int each = tile.each(), part = std::min(each, 4);
  unsigned last = body.dims.size() - 1;
  std::int64_t m = body.dims[last - 1].size, n = body.dims[last].size;
  Evaluator evaluator(body, kernel);
  auto position = [&](Value start, Value own, Value i) { // of element i of this thread in the result
    if (each == part) return kernel.add(kernel.add(start, own), i);
    Value group = kernel.mul(kernel.div(i, part), part * kSide);
    return kernel.add(kernel.add(kernel.add(start, own), group), kernel.rem(i, part));
  };
  KernelBuilder::Range rows{kernel.index(0), kernel.index(each), 1, true, "i"};
  kernel.loop(rows, [&](scf::ForOp iLoop) {
    evaluator.enter(iLoop, {});
    Value row = kernel.named(position(rowStart, threadRow, iLoop.getInductionVar()), "row");
    KernelBuilder::Range columns{kernel.index(0), kernel.index(each), 1, true, "j"};
    kernel.loop(columns, [&](scf::ForOp jLoop) {
      evaluator.enter(jLoop, {});
      Value column = kernel.named(position(columnStart, threadColumn, jLoop.getInductionVar()), "column");
      auto store = [&](Operation* scope) {
        auto bound = boundBatch();
        bound.push_back({last - 1, row});
        bound.push_back({last, column});
        evaluator.enter(scope, bound);
        Value at = kernel.add(kernel.mul(iLoop.getInductionVar(), each), jLoop.getInductionVar());
        Value sum = memref::LoadOp::create(kernel.b, kernel.at("product"), accumulators, at);
        Type result = valueType(product->type);
        if (sum.getType() != result) sum = arith::TruncFOp::create(kernel.b, kernel.loc, result, sum);
        evaluator.bind(product, sum);
        Values values;
        for (const Output& output : body.outputs)
          values.push_back(evaluator.value(output.value));
        for (auto [output, value] : llvm::zip_equal(body.outputs, values))
          evaluator.store(output, value);
        evaluator.leave();
      };
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
    });
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
  int part = std::min(each, 4);
  threadRow = kernel.named(kernel.mul(kernel.div(thread, kSide), part), "thread_row");
  threadColumn = kernel.named(kernel.mul(kernel.rem(thread, kSide), part), "thread_column");
  lhsTile = kernel.shared(type, std::int64_t(tile.depth) * pitch(), "lhs_tile");
  rhsTile = kernel.shared(type, std::int64_t(tile.depth) * pitch(), "rhs_tile");
  Value accumulators = memref::AllocaOp::create(kernel.b, kernel.at("accumulators"),
                                                MemRefType::get({std::int64_t(each) * each}, type));
  Value zero = kernel.constant(kernel.b.getFloatAttr(type, 0));
  KernelBuilder::Range clear{kernel.index(0), kernel.index(each * each), 1, true, "i"};
  kernel.loop(clear, [&](scf::ForOp loop) {
    memref::StoreOp::create(kernel.b, kernel.loc, zero, accumulators, loop.getInductionVar());
  });
  KernelBuilder::Range range{kernel.index(0), kernel.index(lhs.inner), tile.depth, false, "inner_start"};
  kernel.loop(range, [&](scf::ForOp loop) {
    stage(lhs, lhsTile, rowStart, loop.getInductionVar(), "a");
    stage(rhs, rhsTile, columnStart, loop.getInductionVar(), "b");
    gpu::BarrierOp::create(kernel.b, kernel.loc);
    multiply(accumulators);
    gpu::BarrierOp::create(kernel.b, kernel.loc);
  });
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
      {kThreads, 1, 1},
      0};
  auto buffers = llvm::to_vector(llvm::seq<int>(0, static_cast<int>(emission.types.size())));
  Emitter(emission, body, a, b, tile, launch, buffers).run(product);
  emission.kernels.launches.push_back({emission.name, buffers, launch, batch * m * n, 0});
  return success();
}

} // namespace kiln::codegen::cuda
