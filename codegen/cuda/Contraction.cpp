// A matrix product with its epilogue: C = lhs x rhs through tiles in shared memory, each thread a block of
// the tile in registers, then the fusion's elementwise expressions on the result's elements before they are
// stored. How operands come to shared memory: OperandTile.h.
//
// Where the result has too few tiles to occupy the device, the inner dimension is cut in chunks: blocks store
// their sums aside, and a second kernel adds them up in order and has the epilogue.
#include "cuda/OperandTile.h"

#include "KilnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <set>

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {

Tile chooseTile(std::int64_t batch, std::int64_t m, std::int64_t n) {
  auto blocks = [&](std::int64_t side) { return batch * ceilDiv(m, side) * ceilDiv(n, side); };
  if (std::min(m, n) >= 128 && blocks(128) >= 132) return {128, 8};
  if (std::min(m, n) >= 48 && blocks(64) >= 32) return {64, 16};
  return {32, 32};
}

/// How the inner dimension is cut.
struct Chunks {
  std::int64_t count = 1;
  std::int64_t inner; ///< of each, whole steps; the last one may be shorter
  int partial = -1;   ///< buffer of [count, batch, m, n] sums

  Chunks(Tile tile, std::int64_t blocks, std::int64_t k) : inner(k) {
    constexpr std::int64_t kWantedBlocks = 132; ///< one for each processor of an H100 or H200
    constexpr std::int64_t kLeastSteps = 4; ///< of a chunk: fewer are not worth the sums' way through memory
    std::int64_t steps = ceilDiv(k, tile.depth);
    count = std::clamp<std::int64_t>(kWantedBlocks / std::max<std::int64_t>(blocks, 1), 1,
                                     std::max<std::int64_t>(steps / kLeastSteps, 1));
    if (count == 1) return;
    inner = ceilDiv(steps, count) * tile.depth;
    count = ceilDiv(k, inner);
  }
};

llvm::SmallVector<const Output*> outputsOf(const KernelBody& body) {
  return llvm::map_to_vector(body.outputs, [](const Output& output) { return &output; });
}

/// A sum as a value of the product's type.
Value narrowed(KernelBuilder& kernel, Value sum, const Expr* product) {
  Type type = valueType(product->type);
  return sum.getType() == type ? sum : Value(arith::TruncFOp::create(kernel.b, kernel.loc, type, sum));
}

/// What sums are kept in.
Type sumType(OpBuilder& b, const Expr* product) {
  Type type = valueType(product->type);
  return type.isF64() ? type : b.getF32Type();
}

class Emitter {
public:
  Emitter(Emission& emission, const KernelBody& body, Operand& lhs, Operand& rhs, Tile tile,
          const Chunks& chunks, const runtime::CudaLaunch& launch, StringRef symbol, ArrayRef<int> buffers)
      : kernel(emission, symbol, buffers, launch), body(body), lhs(lhs), rhs(rhs), tile(tile),
        chunks(chunks) {}

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
  /// Calls `store` for `width` neighbours of a row at a time of this thread's elements of the result: with
  /// the number of the first one in the accumulators, its row and its column.
  void forEachPiece(Evaluator& evaluator, int width, llvm::function_ref<void(Value, Value, Value)> store);
  void epilogue(const Expr* product, Value accumulators);
  void storeSums(Value accumulators);
  int width() const { return body.dims.back().size % tile.part() == 0 ? tile.part() : 1; }

  KernelBuilder kernel;
  const KernelBody& body;
  Operand &lhs, &rhs;
  Tile tile;
  const Chunks& chunks;
  Type type;
  Value chunk, batch, rowStart, columnStart, thread, threadRow, threadColumn, lhsTile, rhsTile;
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

void Emitter::forEachPiece(Evaluator& evaluator, int width,
                           llvm::function_ref<void(Value, Value, Value)> store) {
  int each = tile.each(), part = tile.part();
  std::int64_t m = body.dims[body.dims.size() - 2].size, n = body.dims.back().size;
  auto position = [&](Value start, Value own, Value i) { // of element i of this thread in the result
    if (each == part) return kernel.add(kernel.add(start, own), i);
    Value group = kernel.mul(kernel.div(i, part), part * Tile::kSide);
    return kernel.add(kernel.add(kernel.add(start, own), group), kernel.rem(i, part));
  };
  auto within = [&](Operation* scope, llvm::function_ref<void()> inside) {
    evaluator.enter(scope, {});
    inside();
    evaluator.leave();
  };
  KernelBuilder::Range rows{kernel.index(0), kernel.index(each), 1, true, "i"};
  kernel.loop(rows, [&](scf::ForOp iLoop) {
    Value i = iLoop.getInductionVar(), row = kernel.named(position(rowStart, threadRow, i), "row");
    auto columnsFrom = [&](Value j) {
      Value column = kernel.named(position(columnStart, threadColumn, j), "column");
      Value first = kernel.add(kernel.mul(i, each), j), inside;
      if (m % tile.side) inside = kernel.less(row, kernel.index(m));
      if (n % tile.side) { // neighbours are within the result, or none of them is
        Value below = kernel.less(column, kernel.index(n));
        inside = inside ? Value(arith::AndIOp::create(kernel.b, kernel.loc, inside, below)) : below;
      }
      if (!inside) return store(first, row, column);
      kernel.when(inside, [&](scf::IfOp guard) { within(guard, [&] { store(first, row, column); }); });
    };
    within(iLoop, [&] {
      if (width == each) return columnsFrom(kernel.index(0));
      KernelBuilder::Range columns{kernel.index(0), kernel.index(each), width, true, "j"};
      kernel.loop(columns,
                  [&](scf::ForOp jLoop) { within(jLoop, [&] { columnsFrom(jLoop.getInductionVar()); }); });
    });
  });
}

void Emitter::epilogue(const Expr* product, Value accumulators) {
  unsigned last = body.dims.size() - 1;
  auto outputs = outputsOf(body);
  Evaluator evaluator(body, kernel);
  forEachPiece(evaluator, width(), [&](Value first, Value row, Value column) {
    Bounds bound = ofBatch;
    bound.push_back({last - 1, row});
    evaluator.enter(nullptr, bound);
    evaluator.storeLanes(last, column, width(), outputs, {}, [&](Value lane) {
      Value sum =
          memref::LoadOp::create(kernel.b, kernel.at("product"), accumulators, kernel.add(first, lane));
      evaluator.bind(product, narrowed(kernel, sum, product));
    });
    evaluator.leave();
  });
}

/// This chunk's sums, for the kernel that adds chunks up.
void Emitter::storeSums(Value accumulators) {
  std::int64_t m = body.dims[body.dims.size() - 2].size, n = body.dims.back().size;
  Value sums = kernel.buffers[chunks.partial];
  Evaluator evaluator(body, kernel);
  forEachPiece(evaluator, width(), [&](Value first, Value row, Value column) {
    Value matrix = kernel.add(kernel.mul(chunk, body.points() / (m * n)), batch);
    Value at = kernel.add(kernel.mul(kernel.add(kernel.mul(matrix, m), row), n), column);
    kernel.named(at, "at");
    KernelBuilder::Range lanes{kernel.index(0), kernel.index(width()), 1, true, "k"};
    if (width() == 1) {
      Value sum = memref::LoadOp::create(kernel.b, kernel.loc, accumulators, first);
      memref::StoreOp::create(kernel.b, kernel.loc, sum, sums, at);
      return;
    }
    Values empty{ub::PoisonOp::create(kernel.b, kernel.loc, VectorType::get({width()}, type))};
    Value vector = kernel.loop(lanes, empty, {"sums"}, [&](scf::ForOp loop, ValueRange carried) {
      Value k = loop.getInductionVar();
      Value sum = memref::LoadOp::create(kernel.b, kernel.loc, accumulators, kernel.add(first, k));
      return Values{vector::InsertOp::create(kernel.b, kernel.loc, sum, carried[0], OpFoldResult(k))};
    })[0];
    vector::StoreOp::create(kernel.b, kernel.loc, vector, sums, at);
  });
}

void Emitter::run(const Expr* product) {
  type = sumType(kernel.b, product);
  int each = tile.each();
  thread = kernel.thread();
  columnStart =
      kernel.named(kernel.mul(kernel.block(gpu::Dimension::x, "block_x"), tile.side), "column_start");
  rowStart = kernel.named(kernel.mul(kernel.block(gpu::Dimension::y, "block_y"), tile.side), "row_start");
  batch = kernel.block(gpu::Dimension::z, chunks.count > 1 ? "block_z" : "batch");
  std::int64_t batches =
      body.points() / std::max<std::int64_t>(1, body.dims.rbegin()[0].size * body.dims.rbegin()[1].size);
  if (chunks.count > 1) {
    chunk = kernel.named(kernel.div(batch, batches), "chunk");
    batch = kernel.named(kernel.rem(batch, batches), "batch");
  }
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
    Value a = left.fetch(innerStart), b = right.fetch(innerStart);
    left.put(a, half);
    right.put(b, half);
  };
  Value from = chunk ? kernel.named(kernel.mul(chunk, chunks.inner), "from") : kernel.index(0);
  Value to = kernel.index(lhs.inner);
  if (chunk) to = kernel.named(kernel.min(kernel.add(from, chunks.inner), to), "to");
  bring(from, kernel.index(0));
  gpu::BarrierOp::create(kernel.b, kernel.loc);
  if (lhs.steps(tile) <= 1) {
    multiply(accumulators, kernel.index(0));
  } else {
    KernelBuilder::Range range{from, to, tile.depth, false, "inner_start"};
    kernel.loop(range, [&](scf::ForOp loop) {
      Value start = loop.getInductionVar(), next = kernel.named(kernel.add(start, tile.depth), "next_start");
      Value a = left.fetch(next, to), b = right.fetch(next, to);
      Value done = kernel.b.createOrFold<arith::SubIOp>(kernel.loc, start, from);
      Value odd = kernel.rem(kernel.div(done, tile.depth), 2);
      Value half = kernel.named(kernel.mul(odd, tile.stage()), "half");
      multiply(accumulators, half);
      Value other = kernel.named(
          kernel.b.createOrFold<arith::SubIOp>(kernel.loc, kernel.index(tile.stage()), half), "other");
      left.put(a, other);
      right.put(b, other);
      gpu::BarrierOp::create(kernel.b, kernel.loc);
    });
  }
  chunk ? storeSums(accumulators) : epilogue(product, accumulators);
  kernel.finish();
}

/// Fusion inputs that these bodies read.
llvm::SmallVector<int> inputsOf(ArrayRef<const KernelBody*> bodies) {
  std::set<int> inputs;
  for (const KernelBody* body : bodies)
    for (const auto& expr : body->exprs)
      if (expr->input >= 0) inputs.insert(expr->input);
  return llvm::SmallVector<int>(inputs.begin(), inputs.end());
}

/// The kernel that adds chunks up, in their order, and has the epilogue.
void emitFinish(Emission& emission, const KernelBody& body, const Expr* product, const Chunks& chunks) {
  unsigned last = body.dims.size() - 1;
  std::int64_t points = body.points();
  int width = body.dims[last].size % 4 == 0 ? 4 : 1;
  constexpr int kThreads = 256;
  runtime::CudaLaunch launch{{std::int32_t(ceilDiv(points, kThreads * width)), 1, 1}, {kThreads, 1, 1}, 0};
  llvm::SmallVector<int> buffers = inputsOf({&body});
  for (std::size_t i = emission.inputs(); i < emission.types.size(); ++i)
    buffers.push_back(static_cast<int>(i)); // results and the chunks' sums
  KernelBuilder kernel(emission, emission.name, buffers, launch);
  OpBuilder& b = kernel.b;
  Type type = sumType(b, product);
  Value point = kernel.add(kernel.mul(kernel.block(), kThreads), kernel.thread());
  point = kernel.named(kernel.mul(point, width), "point");
  kernel.when(kernel.less(point, kernel.index(points)), [&](scf::IfOp guard) {
    Value sums = memref::AllocaOp::create(b, kernel.at("sums"), MemRefType::get({width}, type));
    KernelBuilder::Range lanes{kernel.index(0), kernel.index(width), 1, true, "k"};
    Value zero = kernel.constant(b.getFloatAttr(type, 0));
    kernel.loop(lanes, [&](scf::ForOp loop) {
      memref::StoreOp::create(b, kernel.loc, zero, sums, loop.getInductionVar());
    });
    KernelBuilder::Range range{kernel.index(0), kernel.index(chunks.count), 1, false, "chunk"};
    kernel.loop(range, [&](scf::ForOp chunkLoop) {
      Value at = kernel.add(kernel.mul(chunkLoop.getInductionVar(), points), point);
      Value part = vector::LoadOp::create(b, kernel.at("part"), VectorType::get({width}, type),
                                          kernel.buffers[chunks.partial], at);
      kernel.loop(lanes, [&](scf::ForOp loop) {
        Value k = loop.getInductionVar();
        Value more = vector::ExtractOp::create(b, kernel.loc, part, OpFoldResult(k));
        Value sum = memref::LoadOp::create(b, kernel.loc, sums, k);
        memref::StoreOp::create(b, kernel.loc, arith::AddFOp::create(b, kernel.loc, sum, more), sums, k);
      });
    });
    llvm::SmallVector<std::int64_t> sizes =
        llvm::map_to_vector(body.dims, [](const Dim& dim) { return dim.size; });
    Values at = kernel.delinearise(point, sizes);
    Bounds bound;
    for (unsigned d = 0; d < last; ++d)
      bound.push_back({d, at[d]});
    Evaluator evaluator(body, kernel);
    evaluator.enter(guard, bound);
    evaluator.storeLanes(last, at[last], width, outputsOf(body), point, [&](Value lane) {
      Value sum = memref::LoadOp::create(b, kernel.at("product"), sums, lane);
      evaluator.bind(product, narrowed(kernel, sum, product));
    });
    evaluator.leave();
  });
  kernel.finish();
  emission.kernels.launches.push_back({emission.name, buffers, launch, points, 0});
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
  std::int64_t columns = ceilDiv(n, tile.side), rows = ceilDiv(m, tile.side);
  Chunks chunks(tile, batch * rows * columns, k);
  llvm::SmallVector<int> buffers;
  std::string symbol = emission.name;
  if (chunks.count > 1) {
    OpBuilder builder(fusion.getContext());
    chunks.partial = emission.addTemp(sumType(builder, product), chunks.count * body.points(), "chunk_sums");
    buffers = inputsOf({&a.body, &b.body});
    buffers.push_back(chunks.partial);
    symbol = emission.unusedSymbol(emission.name + "_chunks");
  } else {
    buffers = llvm::to_vector(llvm::seq<int>(0, static_cast<int>(emission.types.size())));
  }
  runtime::CudaLaunch launch{{std::int32_t(columns), std::int32_t(rows), std::int32_t(batch * chunks.count)},
                             {Tile::kThreads, 1, 1},
                             0};
  Emitter(emission, body, a, b, tile, chunks, launch, symbol, buffers).run(product);
  emission.kernels.launches.push_back({symbol, buffers, launch, batch * chunks.count * m * n, 0});
  if (chunks.count > 1) emitFinish(emission, body, product, chunks);
  return success();
}

} // namespace kiln::codegen::cuda
