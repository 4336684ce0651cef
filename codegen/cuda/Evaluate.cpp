// See Evaluate.h. A value's home is the outermost scope in which all that it needs is known.
#include "cuda/Evaluate.h"

#include "cuda/Printer.h"

#include "KilnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <algorithm>

using namespace mlir;

namespace kiln::codegen::cuda {
namespace {

constexpr int kVectorBytes = 16, kMaxWidth = 8;
constexpr int kMaxInlineGenerator = 8; ///< operations of a generator that need no function of their own

int bytesOf(Type type) {
  return std::max(1u, type.getIntOrFloatBitWidth() / 8);
}

bool termsDependOn(const Access& access, unsigned dim) {
  return llvm::any_of(access.terms, [&](const IndexTerm& t) { return t.index->dependsOn(dim); });
}

} // namespace

bool isVectorAccess(const Access& access, unsigned dim, int width) {
  if (access.strides.empty() || access.strides[dim] != 1 || access.offset % width ||
      termsDependOn(access, dim))
    return false;
  for (auto [d, stride] : llvm::enumerate(access.strides))
    if (d != dim && stride % width) return false;
  return llvm::all_of(access.terms, [&](const IndexTerm& t) { return t.stride % width == 0; });
}

int Evaluator::vectorWidth(const KernelBody& body, unsigned dim) {
  if (body.dynamic()) return 1;
  for (int width = kMaxWidth; width > 1; width /= 2) {
    if (body.dims[dim].size % width) continue;
    int widest = 0;
    for (const auto& expr : body.exprs)
      if (expr->kind == Expr::Kind::Load && isVectorAccess(expr->access, dim, width))
        widest = std::max(widest, bytesOf(expr->type));
    for (const Output& output : body.outputs)
      if (isVectorAccess(output.access, dim, width)) widest = std::max(widest, bytesOf(output.value->type));
    if (widest && widest * width <= kVectorBytes) return width;
  }
  return 1;
}

Evaluator::Evaluator(const KernelBody& body, KernelBuilder& kernel) : body_(body), kernel_(kernel) {
  scopes_.push_back({nullptr, 0, llvm::SmallVector<Value, 4>(body.dims.size()), {}, {}, {}, {}, {}});
}

void Evaluator::enter(Operation* op, Bound bound, Value linear) {
  const Scope& outer = scopes_.back();
  Scope scope{op, outer.dims, outer.indices, bound.empty() ? outer.linear : linear, {}, {}, {}, {}};
  for (auto [dim, index] : bound) {
    scope.dims |= std::uint64_t(1) << dim;
    scope.indices[dim] = index;
  }
  scopes_.push_back(std::move(scope));
  levels_.clear();
}

void Evaluator::leave() {
  scopes_.pop_back();
  levels_.clear();
}

void Evaluator::bind(const Expr* expr, Value value) {
  scopes_.back().values[expr->id] = value;
  levels_.clear();
}

/// The outermost scope that binds all of these dims as the innermost one does.
int Evaluator::levelOf(std::uint64_t dims) const {
  int level = static_cast<int>(scopes_.size()) - 1;
  auto same = [&](const Scope& scope) {
    if ((scope.dims & dims) != dims) return false;
    for (std::size_t d = 0; d < body_.dims.size(); ++d)
      if ((dims >> d & 1) && scope.indices[d] != scopes_.back().indices[d]) return false;
    return true;
  };
  assert(same(scopes_.back()) && "an index is needed that no scope binds");
  while (level > 0 && same(scopes_[level - 1]))
    --level;
  return level;
}

int Evaluator::levelOf(const Access& access) {
  std::uint64_t dims = 0;
  for (auto [d, stride] : llvm::enumerate(access.strides))
    if (stride) dims |= std::uint64_t(1) << d;
  int level = levelOf(dims);
  for (const IndexTerm& term : access.terms)
    level = std::max(level, levelOf(term.index));
  return level;
}

int Evaluator::levelOf(const Expr* expr) {
  if (expr->kind == Expr::Kind::Reduce || expr->kind == Expr::Kind::Bound) {
    for (int level = static_cast<int>(scopes_.size()); level-- > 0;)
      if (scopes_[level].values.count(expr->id)) return level;
    llvm_unreachable("a reduction or matmul is used before the emitter has bound it");
  }
  if (auto found = levels_.find(expr->id); found != levels_.end()) return found->second;
  int level = 0;
  if (!expr->access.strides.empty()) level = levelOf(expr->access);
  for (const Expr* operand : expr->operands)
    level = std::max(level, levelOf(operand));
  return levels_[expr->id] = level;
}

Value Evaluator::in(int level, llvm::function_ref<Value()> make) {
  OpBuilder::InsertionGuard guard(kernel_.b);
  for (std::size_t inner = level + 1; inner < scopes_.size(); ++inner)
    if (scopes_[inner].op) {
      kernel_.b.setInsertionPoint(scopes_[inner].op);
      break;
    }
  return make();
}

bool Evaluator::isFullAccess(const Access& access) const {
  std::int64_t stride = 1;
  for (std::size_t d = body_.dims.size(); d-- > 0; stride *= body_.dims[d].size)
    if (access.strides[d] != stride) return false;
  return access.terms.empty();
}

Value Evaluator::address(const Access& access) {
  int level = levelOf(access);
  for (auto& [known, value] : scopes_[level].addresses)
    if (known == access) return value;
  Scope& scope = scopes_[level];
  Value result;
  if (scope.linear && isFullAccess(access)) {
    result = in(level, [&] { return kernel_.add(scope.linear, access.offset); });
  } else {
    Values terms; // operands first: they may belong to outer scopes
    for (const IndexTerm& term : access.terms)
      terms.push_back(value(term.index));
    result = in(level, [&] {
      Value sum = kernel_.index(0);
      for (auto [d, stride] : llvm::enumerate(access.strides))
        if (stride) sum = kernel_.add(sum, kernel_.mul(scope.indices[d], stride));
      for (auto [term, chosen] : llvm::zip_equal(access.terms, terms)) {
        OpBuilder& b = kernel_.b;
        auto bound = [&](std::int64_t n) { return kernel_.constant(b.getIntegerAttr(chosen.getType(), n)); };
        Value clamped = arith::MaxSIOp::create(b, kernel_.loc, chosen, bound(0));
        clamped = arith::MinSIOp::create(b, kernel_.loc, clamped, bound(term.size - 1));
        Value element = arith::IndexCastOp::create(b, kernel_.at("chosen"), b.getIndexType(), clamped);
        sum = kernel_.add(sum, kernel_.mul(element, term.stride));
      }
      return kernel_.add(sum, access.offset);
    });
  }
  scopes_[level].addresses.push_back({access, result});
  return result;
}

Value Evaluator::value(const Expr* expr) {
  int level = levelOf(expr);
  if (auto found = scopes_[level].values.find(expr->id); found != scopes_[level].values.end())
    return found->second;
  Value result = compute(expr, level);
  scopes_[level].values[expr->id] = result;
  return result;
}

Value Evaluator::compute(const Expr* expr, int level) {
  OpBuilder& b = kernel_.b;
  if (expr->kind == Expr::Kind::Constant) return in(level, [&] { return kernel_.constant(expr->constant); });
  if (expr->kind == Expr::Kind::Load) {
    const Scope& scope = scopes_[level];
    if (auto vector = scope.vectors.find(expr->id); vector != scope.vectors.end())
      return in(level, [&]() -> Value {
        return vector::ExtractOp::create(b, kernel_.loc, vector->second, OpFoldResult(scope.lane));
      });
    Value element = address(expr->access);
    return in(level, [&]() -> Value {
      return memref::LoadOp::create(b, kernel_.at(kernel_.nameOf(expr->input) + "_at"),
                                    kernel_.buffers[expr->input], element);
    });
  }
  Values operands;
  for (const Expr* operand : expr->operands)
    operands.push_back(value(operand));
  if (expr->kind == Expr::Kind::Generate) {
    Value element = address(expr->access);
    operands.insert(operands.begin(), in(level, [&]() -> Value {
                      return arith::IndexCastOp::create(b, kernel_.loc, b.getI64Type(), element);
                    }));
    return in(level, [&] { return generate(expr, operands); });
  }
  assert(expr->kind == Expr::Kind::Compute);
  return in(level, [&] {
    Block* block = b.getInsertionBlock();
    Operation* before =
        b.getInsertionPoint() == block->begin() ? nullptr : &*std::prev(b.getInsertionPoint());
    Value result = cast<ir::ScalarExpandable>(expr->op).expandScalar(b, operands);
    // All that the expansion made is called after the op, not after the user's module.
    for (auto it = before ? std::next(before->getIterator()) : block->begin(); it != b.getInsertionPoint();
         ++it)
      it->setLoc(kernel_.at(expr->op->getName().stripDialect()));
    return result;
  });
}

/// A long generator (random bits) becomes a device function, so that the kernel reads well.
Value Evaluator::generate(const Expr* expr, ValueRange scalars) {
  OpBuilder& b = kernel_.b;
  auto op = cast<ir::IndexExpandable>(expr->op);
  gpu::GPUModuleOp module = kernel_.emission.module;
  std::string base = expr->op->getName().stripDialect().str(), name = base;
  for (int n = 2; module.lookupSymbol(name); ++n)
    name = base + std::to_string(n);
  OpBuilder outer(module.getContext());
  outer.setInsertionPointToStart(module.getBody());
  auto function = func::FuncOp::create(outer, kernel_.loc, name,
                                       outer.getFunctionType(TypeRange(scalars), {valueType(expr->type)}));
  Block* block = function.addEntryBlock();
  OpBuilder inside(block, block->begin());
  Value result = op.expandIndex(inside, block->getArgument(0), block->getArguments().drop_front());
  if (std::distance(block->begin(), block->end()) <= kMaxInlineGenerator) {
    function.erase();
    return op.expandIndex(b, scalars.front(), scalars.drop_front());
  }
  func::ReturnOp::create(inside, kernel_.loc, result);
  static const char* const kNames[] = {"element", "seed", "offset"};
  for (unsigned i = 0; i < std::min<unsigned>(3, function.getNumArguments()); ++i)
    function.setArgAttr(i, kNameAttr, b.getStringAttr(kNames[i]));
  KernelBuilder(kernel_.emission, function, inside).finish();
  return func::CallOp::create(b, kernel_.at(base + "_value"), function, scalars).getResult(0);
}

void Evaluator::store(const Output& output, Value value) {
  Value buffer = kernel_.buffers[kernel_.emission.inputs() + output.result];
  memref::StoreOp::create(kernel_.b, kernel_.loc, value, buffer, address(output.access));
}

void Evaluator::gatherLoads(const Expr* expr, unsigned dim, int width,
                            llvm::SmallVectorImpl<const Expr*>& loads) {
  if (expr->kind == Expr::Kind::Reduce || expr->kind == Expr::Kind::Bound) return;
  if (expr->kind == Expr::Kind::Load && isVectorAccess(expr->access, dim, width) &&
      !llvm::is_contained(loads, expr))
    loads.push_back(expr);
  for (const Expr* operand : expr->operands)
    gatherLoads(operand, dim, width, loads);
  for (const IndexTerm& term : expr->access.terms)
    gatherLoads(term.index, dim, width, loads);
}

Values Evaluator::lanes(unsigned dim, Value start, int width, ArrayRef<const Expr*> exprs, ValueRange carried,
                        ArrayRef<std::string> names, llvm::function_ref<Values(ValueRange, ValueRange)> each,
                        Value linear, llvm::function_ref<void(Value)> begin) {
  auto evaluate = [&](ValueRange carriedNow) {
    Values values;
    for (const Expr* expr : exprs)
      values.push_back(value(expr));
    return each(values, carriedNow);
  };
  enter(nullptr, {{dim, start}}, linear); // where the vector starts
  if (width == 1) {
    if (begin) begin(kernel_.index(0));
    Values next = evaluate(carried);
    leave();
    return next;
  }
  llvm::SmallVector<const Expr*> loads;
  for (const Expr* expr : exprs)
    gatherLoads(expr, dim, width, loads);
  std::map<int, Value> vectors;
  for (const Expr* load : loads)
    vectors[load->id] = loadVector(load, width);
  KernelBuilder::Range range{kernel_.index(0), kernel_.index(width), 1, true, "k"};
  Values result = kernel_.loop(range, carried, names, [&](scf::ForOp loop, ValueRange carriedNow) {
    Value k = loop.getInductionVar();
    enter(loop, {{dim, kernel_.add(start, k)}}, linear ? kernel_.add(linear, k) : Value());
    scopes_.back().lane = k;
    scopes_.back().vectors = vectors;
    if (begin) begin(k);
    Values next = evaluate(carriedNow);
    leave();
    return next;
  });
  leave();
  return result;
}

Value Evaluator::loadVector(const Expr* load, int width) {
  auto type = VectorType::get({width}, valueType(load->type));
  Value element = address(load->access);
  return vector::LoadOp::create(kernel_.b, kernel_.at(kernel_.nameOf(load->input) + "_vector"), type,
                                kernel_.buffers[load->input], element);
}

Value Evaluator::vector(unsigned dim, Value start, const Expr* expr, VectorType type,
                        const std::string& name) {
  int width = static_cast<int>(type.getNumElements());
  if (expr->kind == Expr::Kind::Load && isVectorAccess(expr->access, dim, width) &&
      valueType(expr->type) == type.getElementType()) {
    enter(nullptr, {{dim, start}});
    Value vector = loadVector(expr, width);
    leave();
    return vector;
  }
  OpBuilder& b = kernel_.b;
  Values empty{ub::PoisonOp::create(b, kernel_.loc, type)};
  return lanes(dim, start, width, {expr}, empty, {name}, [&](ValueRange values, ValueRange carried) {
    Value element = values[0];
    if (element.getType() != type.getElementType())
      element = arith::ExtFOp::create(b, kernel_.loc, type.getElementType(), element);
    return Values{
        vector::InsertOp::create(b, kernel_.loc, element, carried[0], OpFoldResult(scopes_.back().lane))};
  })[0];
}

void Evaluator::storeLanes(unsigned dim, Value start, int width, ArrayRef<const Output*> outputs,
                           Value linear, llvm::function_ref<void(Value)> begin) {
  OpBuilder& b = kernel_.b;
  llvm::SmallVector<const Expr*> exprs;
  llvm::SmallVector<const Output*> vectors;
  Values carried;
  llvm::SmallVector<std::string> names;
  for (const Output* output : outputs) {
    exprs.push_back(output->value);
    if (width == 1 || !isVectorAccess(output->access, dim, width)) continue;
    vectors.push_back(output);
    auto type = VectorType::get({width}, valueType(output->value->type));
    carried.push_back(ub::PoisonOp::create(b, kernel_.loc, type));
    names.push_back(kernel_.nameOf(static_cast<int>(kernel_.emission.inputs()) + output->result) + "_vector");
  }
  Values results = lanes(
      dim, start, width, exprs, carried, names,
      [&](ValueRange values, ValueRange carriedNow) {
        Values next;
        // All values exist before the first store: an output may share an input's memory.
        for (auto [output, value] : llvm::zip_equal(outputs, values)) {
          if (!llvm::is_contained(vectors, output)) {
            store(*output, value);
            continue;
          }
          next.push_back(vector::InsertOp::create(b, kernel_.loc, value, carriedNow[next.size()],
                                                  OpFoldResult(scopes_.back().lane)));
        }
        return next;
      },
      linear, begin);
  if (vectors.empty()) return;
  enter(nullptr, {{dim, start}}, linear);
  for (auto [output, vector] : llvm::zip_equal(vectors, results))
    vector::StoreOp::create(b, kernel_.loc, vector,
                            kernel_.buffers[kernel_.emission.inputs() + output->result],
                            address(output->access));
  leave();
}

} // namespace kiln::codegen::cuda
