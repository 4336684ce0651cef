// See Squares.h. A block reads a cache line of each column and writes two of each row, so that what is read
// stays in the nearest cache even where the columns lie a power of two apart and share its sets.
#include "cpu/Squares.h"

#include "cpu/Transpose.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {

/// Multiples of the lanes of any target.
constexpr std::int64_t kSquareRows = 16, kSquareColumns = 32;

bool isAcross(const Expr& expr) {
  return expr.kind == Expr::Kind::Load && expr.access.strides.back() > 1;
}

class Emitter {
public:
  Emitter(Frame& frame, const KernelBody& body, unsigned dim, ValueRange inputs, ValueRange results)
      : frame(frame), body(body), dim(dim), inputs(inputs), results(results),
        evaluator(body, frame.builder, frame.loc, Values(inputs), chooseLanes(body, frame.target)),
        rows(body.dims[dim].size), columns(body.dims.back().size) {}

  void emit(Value begin, Value end) {
    llvm::SmallVector<std::int64_t> sizes;
    for (auto [d, size] : llvm::enumerate(body.dims))
      sizes.push_back(d == dim                     ? llvm::divideCeil(rows, kSquareRows)
                      : d == evaluator.vectorDim() ? llvm::divideCeil(columns, kSquareColumns)
                                                   : size.size);
    frame.loop(begin, end, 1, {}, [&](scf::ForOp loop, ValueRange) {
      Values at = frame.delinearise(loop.getInductionVar(), sizes);
      llvm::SmallVector<std::pair<unsigned, Value>> bound;
      for (auto [d, index] : llvm::enumerate(at))
        if (d != dim && d != evaluator.vectorDim()) bound.push_back({static_cast<unsigned>(d), index});
      evaluator.enter(loop, bound);
      block(frame.mul(at[dim], kSquareRows), frame.mul(at.back(), kSquareColumns));
      evaluator.leave();
      return Values();
    });
  }

private:
  /// In squares where the block is whole, else row by row.
  void block(Value row, Value column) {
    if (rows % kSquareRows == 0 && columns % kSquareColumns == 0) return squares(row, column);
    auto fits = [&](Value from, std::int64_t step, std::int64_t size) -> Value {
      return arith::CmpIOp::create(frame.builder, frame.loc, arith::CmpIPredicate::sle, from,
                                   frame.index(size - step));
    };
    Value isWhole = arith::AndIOp::create(frame.builder, frame.loc, fits(row, kSquareRows, rows),
                                          fits(column, kSquareColumns, columns));
    auto branch = scf::IfOp::create(frame.builder, frame.loc, isWhole, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(frame.builder);
    // What neither the rows nor the columns change is made before the branch.
    evaluator.enter(branch, {});
    frame.builder.setInsertionPointToStart(branch.thenBlock());
    squares(row, column);
    frame.builder.setInsertionPointToStart(branch.elseBlock());
    edge(row, column);
    evaluator.leave();
  }

  void squares(Value row, Value column) {
    int lanes = evaluator.lanes();
    frame.loop(row, frame.add(row, frame.index(kSquareRows)), lanes, {}, [&](scf::ForOp outer, ValueRange) {
      evaluator.enter(outer, {});
      frame.loop(column, frame.add(column, frame.index(kSquareColumns)), lanes, {},
                 [&](scf::ForOp inner, ValueRange) {
                   evaluator.enter(inner, {{evaluator.vectorDim(), inner.getInductionVar()}});
                   square(outer.getInductionVar());
                   evaluator.leave();
                   return Values();
                 });
      evaluator.leave();
      return Values();
    });
  }

  void square(Value row) {
    llvm::SmallVector<std::pair<const Expr*, llvm::SmallVector<Value>>> turned;
    for (const auto& expr : body.exprs)
      if (isAcross(*expr)) turned.push_back({expr.get(), turn(*expr, row)});
    for (int k = 0; k < evaluator.lanes(); ++k) {
      evaluator.enter(nullptr, {{dim, frame.add(row, frame.index(k))}});
      for (auto& [expr, values] : turned)
        evaluator.bind(expr, values[k]);
      storeOutputs(evaluator, body.outputs, results, Lanes{});
      evaluator.leave();
    }
  }

  /// The operand's values in each row of the square that begins at `row` and the inner loop's column.
  llvm::SmallVector<Value> turn(const Expr& expr, Value row) {
    evaluator.enter(nullptr, {{dim, row}});
    Value first = evaluator.address(expr.access);
    evaluator.leave();
    Value buffer = inputs[expr.input];
    Type element = cast<MemRefType>(buffer.getType()).getElementType();
    llvm::SmallVector<Value> vectors;
    for (int lane = 0; lane < evaluator.lanes(); ++lane)
      vectors.push_back(
          vector::LoadOp::create(frame.builder, frame.loc, evaluator.vectorType(element), buffer,
                                 frame.add(first, frame.index(lane * expr.access.strides.back()))));
    transpose(frame.builder, frame.loc, vectors, element.getIntOrFloatBitWidth() / 8);
    return vectors;
  }

  void edge(Value row, Value column) {
    Value lastRow = frame.min(frame.add(row, frame.index(kSquareRows)), frame.index(rows));
    Value lastColumn = frame.min(frame.add(column, frame.index(kSquareColumns)), frame.index(columns));
    frame.loop(row, lastRow, 1, {}, [&](scf::ForOp loop, ValueRange) {
      evaluator.enter(loop, {{dim, loop.getInductionVar()}});
      walk(frame, evaluator, {column, lastColumn, std::nullopt, false}, 1,
           [&](ArrayRef<Lanes> group, ValueRange) {
             storeOutputs(evaluator, body.outputs, results, group);
             return Values();
           });
      evaluator.leave();
      return Values();
    });
  }

  Frame& frame;
  const KernelBody& body;
  unsigned dim;
  ValueRange inputs, results;
  Evaluator evaluator;
  std::int64_t rows, columns;
};

} // namespace

std::optional<unsigned> squareDim(const KernelBody& body) {
  if (body.dynamic() || body.dims.back().size < kSquareColumns) return {};
  std::optional<unsigned> found;
  for (const auto& expr : body.exprs) {
    if (!isAcross(*expr)) continue;
    ArrayRef<std::int64_t> strides = expr->access.strides;
    unsigned dim = llvm::find(strides, 1) - strides.begin();
    unsigned bits = expr->type.getIntOrFloatBitWidth();
    if (dim == strides.size() || body.dims[dim].size < kSquareRows || (found && *found != dim) || bits < 16 ||
        !expr->access.terms.empty())
      return {};
    found = dim;
  }
  return found;
}

std::int64_t squareItems(const KernelBody& body, unsigned dim) {
  std::int64_t rows = body.dims[dim].size, columns = body.dims.back().size;
  return body.points() / (rows * columns) * llvm::divideCeil(rows, kSquareRows) *
         llvm::divideCeil(columns, kSquareColumns);
}

void emitSquares(Frame& frame, const KernelBody& body, unsigned dim, ValueRange inputs, ValueRange results,
                 Value begin, Value end) {
  Emitter(frame, body, dim, inputs, results).emit(begin, end);
}

} // namespace kiln::codegen::cpu
