// See OperandTile.h.
#include "cuda/OperandTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace kiln::codegen::cuda {

bool Operand::walksInner() const {
  return llvm::none_of(body.exprs, [&](const auto& expr) {
    return expr->kind == Expr::Kind::Load && expr->access.strides[sideDim()] == 1;
  });
}

bool Operand::isVector() const {
  unsigned fast = walksInner() ? innerDim() : sideDim();
  return body.dims[fast].size % Tile::kFetched == 0 && llvm::any_of(body.exprs, [&](const auto& expr) {
           return expr->kind == Expr::Kind::Load && isVectorAccess(expr->access, fast, Tile::kFetched);
         });
}

Carrier::Carrier(KernelBuilder& kernel, Operand& operand, Tile tile, Type type, Value thread, Value sideStart,
                 const Bounds& batch, StringRef name)
    : kernel(kernel), operand(operand), tile(tile), type(VectorType::get({Tile::kFetched}, type)),
      thread(thread), sideStart(sideStart), batch(batch), name(name.str()), isVector(operand.isVector()),
      walksInner(operand.walksInner()) {
  memory =
      kernel.shared(type, operand.steps(tile) > 1 ? 2 * tile.stage() : tile.stage(), this->name + "_tile");
  if (!isVector) return;
  int fast = (walksInner ? tile.depth : tile.side) / Tile::kFetched;
  Value low = kernel.mul(kernel.rem(thread, fast), Tile::kFetched), high = kernel.div(thread, fast);
  side = kernel.named(walksInner ? high : low, this->name + "_side");
  inner = kernel.named(walksInner ? low : high, this->name + "_inner");
}

std::pair<Value, Value> Carrier::place(Value piece) const {
  Value number = kernel.add(kernel.mul(piece, Tile::kThreads), thread);
  int fast = walksInner ? tile.depth : tile.side;
  Value low = kernel.rem(number, fast), high = kernel.div(number, fast);
  return walksInner ? std::pair(high, low) : std::pair(low, high);
}

/// `read` where the element lies within the operand, else zero.
Value Carrier::guarded(Value globalSide, Value globalInner, Value end, Type result,
                       llvm::function_ref<Value(Operation*)> read) {
  Value inside;
  if (operand.side % tile.side) inside = kernel.less(globalSide, kernel.index(operand.side));
  if (end || operand.inner == 0 || operand.inner % tile.depth) {
    Value below = kernel.less(globalInner, end ? end : kernel.index(operand.inner));
    inside = inside ? Value(arith::AndIOp::create(kernel.b, kernel.loc, inside, below)) : below;
  }
  if (!inside) return read(nullptr);
  auto choice = scf::IfOp::create(kernel.b, kernel.at(name + "_next"), result, inside, true);
  OpBuilder::InsertionGuard guard(kernel.b);
  kernel.b.setInsertionPointToEnd(choice.thenBlock());
  Value value = read(choice);
  scf::YieldOp::create(kernel.b, kernel.loc, value);
  kernel.b.setInsertionPointToEnd(choice.elseBlock());
  Value zero = kernel.constant(cast<TypedAttr>(kernel.b.getZeroAttr(result)));
  scf::YieldOp::create(kernel.b, kernel.loc, zero);
  return choice.getResult(0);
}

Value Carrier::fetch(Value innerStart, Value end) {
  OpBuilder& b = kernel.b;
  const Expr* value = operand.body.outputs.front().value;
  Evaluator evaluator(operand.body, kernel);
  std::string sideName = name == "lhs" ? "row" : "column";
  if (isVector) {
    Value globalSide = kernel.named(kernel.add(sideStart, side), sideName);
    Value globalInner = kernel.named(kernel.add(innerStart, inner), "inner");
    return guarded(globalSide, globalInner, end, type, [&](Operation* scope) {
      Bounds bound = batch;
      bound.push_back(walksInner ? std::pair(operand.sideDim(), globalSide)
                                 : std::pair(operand.innerDim(), globalInner));
      evaluator.enter(scope, bound);
      Value elements = evaluator.vector(walksInner ? operand.innerDim() : operand.sideDim(),
                                        walksInner ? globalInner : globalSide, value, type, name + "_next");
      evaluator.leave();
      return elements;
    });
  }
  KernelBuilder::Range range{kernel.index(0), kernel.index(Tile::kFetched), 1, true, "piece"};
  Values empty{ub::PoisonOp::create(b, kernel.loc, type)};
  return kernel.loop(range, empty, {name + "_next"}, [&](scf::ForOp loop, ValueRange carried) {
    auto [ownSide, ownInner] = place(loop.getInductionVar());
    Value globalSide = kernel.named(kernel.add(sideStart, ownSide), sideName);
    Value globalInner = kernel.named(kernel.add(innerStart, ownInner), "inner");
    Value element = guarded(globalSide, globalInner, end, type.getElementType(), [&](Operation* scope) {
      Bounds bound = batch;
      bound.push_back({operand.sideDim(), globalSide});
      bound.push_back({operand.innerDim(), globalInner});
      evaluator.enter(scope, bound);
      Value read = evaluator.value(value);
      evaluator.leave();
      return read.getType() == type.getElementType()
                 ? read
                 : Value(arith::ExtFOp::create(b, kernel.loc, type.getElementType(), read));
    });
    return Values{
        vector::InsertOp::create(b, kernel.loc, element, carried[0], OpFoldResult(loop.getInductionVar()))};
  })[0];
}

void Carrier::put(Value elements, Value half) {
  auto slot = [&](Value ownSide, Value ownInner) {
    return kernel.named(kernel.add(half, kernel.add(kernel.mul(ownInner, tile.pitch()), ownSide)), "slot");
  };
  if (isVector && !walksInner) {
    vector::StoreOp::create(kernel.b, kernel.loc, elements, memory, slot(side, inner));
    return;
  }
  KernelBuilder::Range range{kernel.index(0), kernel.index(Tile::kFetched), 1, true,
                             isVector ? "k" : "piece"};
  kernel.loop(range, [&](scf::ForOp loop) {
    Value i = loop.getInductionVar();
    auto [ownSide, ownInner] = isVector ? std::pair(side, kernel.add(inner, i)) : place(i);
    Value element = vector::ExtractOp::create(kernel.b, kernel.loc, elements, OpFoldResult(i));
    memref::StoreOp::create(kernel.b, kernel.loc, element, memory, slot(ownSide, ownInner));
  });
}

} // namespace kiln::codegen::cuda
