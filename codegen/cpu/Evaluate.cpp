// See Evaluate.h. A value's home is the outermost scope in which all that it needs is known.
#include "cpu/Evaluate.h"

#include "KilnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace kiln::codegen::cpu {
namespace {
/// arith works on signless integers.
Type valueType(Type element) {
  if (auto integer = dyn_cast<IntegerType>(element); integer && !integer.isSignless())
    return IntegerType::get(element.getContext(), integer.getWidth());
  return element;
}
} // namespace

Evaluator::Evaluator(const KernelBody& body, OpBuilder& builder, Location loc, ArrayRef<Value> buffers,
                     int lanes)
    : body_(body), builder_(builder), loc_(loc), buffers_(buffers), lanes_(lanes) {
  scopes_.push_back(Scope{nullptr, 0, llvm::SmallVector<Value, 4>(body.dims.size()), {}, false});
}

/// Remembers where the emitter stands, and returns there.
struct Evaluator::Visit {
  explicit Visit(Evaluator& evaluator) : evaluator(evaluator), guard(evaluator.builder_) {
    if (evaluator.depth_++ == 0) evaluator.here_ = evaluator.builder_.saveInsertionPoint();
  }
  ~Visit() { --evaluator.depth_; }
  Evaluator& evaluator;
  OpBuilder::InsertionGuard guard;
};

void Evaluator::enter(Operation* loop, ArrayRef<std::pair<unsigned, Value>> bound, bool aligned) {
  Scope scope{loop, scopes_.back().dims, scopes_.back().indices, {}, aligned};
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

void Evaluator::bind(const Expr* expr, Value value, int unroll) {
  scopes_.back().values[{expr->id, isa<VectorType>(value.getType()) ? unroll : kScalar}] = value;
  levels_.clear();
}

Value Evaluator::known(int id, int unroll) const {
  for (const Scope& scope : llvm::reverse(scopes_))
    if (auto found = scope.values.find({id, unroll}); found != scope.values.end()) return found->second;
  return {};
}

int Evaluator::levelOf(std::uint64_t dims) const {
  int level = 0;
  while ((scopes_[level].dims & dims) != dims) {
    ++level;
    assert(level < static_cast<int>(scopes_.size()) && "an index is needed that no loop binds");
  }
  return level;
}

/// Bound values (finished reductions) hold their users inside the scope that binds them.
int Evaluator::levelOf(const Expr* expr) const {
  if (expr->kind == Expr::Kind::Reduce || expr->kind == Expr::Kind::Bound) {
    for (int level = static_cast<int>(scopes_.size()); level-- > 0;)
      for (int unroll : {kScalar, 0})
        if (scopes_[level].values.count({expr->id, unroll})) return level;
    llvm_unreachable("a reduction is used before it is finished");
  }
  if (auto found = levels_.find(expr->id); found != levels_.end()) return found->second;
  int level = levelOf(expr->dims);
  if (hasBound(expr)) {
    for (const Expr* operand : expr->operands)
      level = std::max(level, levelOf(operand));
    for (const IndexTerm& term : expr->access.terms)
      level = std::max(level, levelOf(term.index));
  }
  return levels_[expr->id] = level;
}

/// Whether it is made from anything that an emitter binds.
bool Evaluator::hasBound(const Expr* expr) const {
  if (boundCache_.empty()) {
    boundCache_.resize(body_.exprs.size());
    for (const auto& each : body_.exprs) { // operands come first
      bool bound = each->kind == Expr::Kind::Reduce || each->kind == Expr::Kind::Bound;
      for (const Expr* operand : each->operands)
        bound |= boundCache_[operand->id];
      for (const IndexTerm& term : each->access.terms)
        bound |= boundCache_[term.index->id];
      boundCache_[each->id] = bound;
    }
  }
  return boundCache_[expr->id];
}

void Evaluator::moveTo(int level) {
  for (std::size_t inner = level + 1; inner < scopes_.size(); ++inner)
    if (scopes_[inner].loop) return builder_.setInsertionPoint(scopes_[inner].loop);
  builder_.restoreInsertionPoint(here_);
}

Value Evaluator::vector(const Expr* expr, Lanes lanes) {
  bool splat = !expr->dependsOn(vectorDim());
  int unroll = splat ? 0 : lanes.unroll;
  if (Value value = known(expr->id, unroll)) return value;
  int level = levelOf(expr);
  Visit visit(*this);
  Value value;
  if (expr->kind == Expr::Kind::Constant) {
    moveTo(level);
    auto type = vectorType(valueType(expr->type));
    value = arith::ConstantOp::create(builder_, loc_, type,
                                      DenseElementsAttr::get(type, signless(expr->constant)));
  } else if (splat) {
    Value one = scalar(expr);
    moveTo(level);
    value = vector::BroadcastOp::create(builder_, loc_, vectorType(one.getType()), one);
  } else if (expr->kind == Expr::Kind::Compute) {
    llvm::SmallVector<Value> operands;
    for (const Expr* operand : expr->operands)
      operands.push_back(vector(operand, lanes));
    moveTo(level);
    value = compute(expr, operands);
  } else if (expr->kind == Expr::Kind::Generate) {
    value = generate(expr, lanes, level);
  } else {
    assert(expr->kind == Expr::Kind::Load && "reductions and matmuls are bound by the emitter");
    value = load(expr, lanes, level);
  }
  scopes_[level].values[{expr->id, unroll}] = value;
  return value;
}

Value Evaluator::scalar(const Expr* expr) {
  if (Value value = known(expr->id, kScalar)) return value;
  int level = levelOf(expr);
  Visit visit(*this);
  Value value;
  switch (expr->kind) {
  case Expr::Kind::Constant:
    moveTo(level);
    value = arith::ConstantOp::create(builder_, loc_, signless(expr->constant));
    break;
  case Expr::Kind::Load: {
    Value element = address(expr->access);
    moveTo(level);
    value = fromMemory(memref::LoadOp::create(builder_, loc_, buffers_[expr->input], element), expr->type);
    break;
  }
  case Expr::Kind::Compute: {
    llvm::SmallVector<Value> operands;
    for (const Expr* operand : expr->operands)
      operands.push_back(scalar(operand));
    moveTo(level);
    value = compute(expr, operands);
    break;
  }
  case Expr::Kind::Generate: {
    llvm::SmallVector<Value> scalars;
    for (const Expr* operand : expr->operands)
      scalars.push_back(scalar(operand));
    Value element = address(expr->access);
    moveTo(level);
    element = arith::IndexCastOp::create(builder_, loc_, builder_.getI64Type(), element);
    value = cast<ir::IndexExpandable>(expr->op).expandIndex(builder_, element, scalars);
    break;
  }
  default:
    llvm_unreachable("reductions and matmuls are bound by the emitter");
  }
  scopes_[level].values[{expr->id, kScalar}] = value;
  return value;
}

Value Evaluator::compute(const Expr* expr, ArrayRef<Value> operands) {
  return cast<ir::ScalarExpandable>(expr->op).expandScalar(builder_, operands);
}

Value Evaluator::indexConstant(std::int64_t value) {
  return arith::ConstantIndexOp::create(builder_, loc_, value);
}

/// stride * clamp(index): of the scalar, or of the vector when the index varies along it.
Value Evaluator::term(const IndexTerm& term, Value index) {
  auto constant = [&](std::int64_t number) -> Value {
    TypedAttr attr = builder_.getI64IntegerAttr(number);
    if (auto type = dyn_cast<VectorType>(index.getType()))
      attr = DenseElementsAttr::get(type, builder_.getI64IntegerAttr(number).getValue());
    return arith::ConstantOp::create(builder_, loc_, attr);
  };
  index = arith::MaxSIOp::create(builder_, loc_, index, constant(0));
  index = arith::MinSIOp::create(builder_, loc_, index, constant(term.size - 1));
  return term.stride == 1 ? index : arith::MulIOp::create(builder_, loc_, index, constant(term.stride));
}

Value Evaluator::address(const Access& access, int unroll) {
  Visit visit(*this);
  // Outer parts first, so that each partial sum is made in the scope that knows it.
  std::map<int, llvm::SmallVector<std::function<Value()>, 2>> parts;
  for (auto [d, stride] : llvm::enumerate(access.strides)) {
    if (stride == 0) continue;
    Value index = scopes_.back().indices[d];
    parts[levelOf(std::uint64_t(1) << d)].push_back([this, index, stride]() -> Value {
      return stride == 1 ? index : builder_.createOrFold<arith::MulIOp>(loc_, index, indexConstant(stride));
    });
  }
  for (const IndexTerm& each : access.terms) {
    if (each.index->dependsOn(vectorDim())) continue; // added lane by lane
    Value index = scalar(each.index);
    parts[levelOf(each.index)].push_back([this, each, index]() -> Value {
      return arith::IndexCastOp::create(builder_, loc_, builder_.getIndexType(), term(each, index));
    });
  }
  std::int64_t offset = access.offset + std::int64_t(unroll) * lanes_ * access.strides.back();
  Value sum;
  int level = 0;
  for (auto& [partLevel, makers] : parts) {
    level = partLevel;
    for (auto& make : makers) {
      moveTo(level);
      Value part = make();
      sum = sum ? arith::AddIOp::create(builder_, loc_, sum, part) : part;
    }
  }
  moveTo(level);
  if (!sum) return indexConstant(offset);
  return offset ? arith::AddIOp::create(builder_, loc_, sum, indexConstant(offset)) : sum;
}

/// Element numbers of all lanes relative to `address`, as a vector of i64.
Value Evaluator::laneOffsets(const Access& access, Lanes lanes) {
  auto type = vectorType(builder_.getI64Type());
  std::int64_t stride = access.strides.back();
  llvm::SmallVector<std::int64_t> numbers;
  for (int lane = 0; lane < lanes_; ++lane)
    numbers.push_back(lane * stride);
  Value sum = arith::ConstantOp::create(builder_, loc_, DenseElementsAttr::get(type, ArrayRef(numbers)));
  for (const IndexTerm& each : access.terms)
    if (each.index->dependsOn(vectorDim()))
      sum = arith::AddIOp::create(builder_, loc_, sum, term(each, vector(each.index, lanes)));
  return sum;
}

Value Evaluator::load(const Expr* expr, Lanes lanes, int level) {
  const Access& access = expr->access;
  Value buffer = buffers_[expr->input];
  bool indirect =
      llvm::any_of(access.terms, [&](const IndexTerm& t) { return t.index->dependsOn(vectorDim()); });
  Value element = address(access, lanes.unroll);
  auto type = vectorType(cast<MemRefType>(buffer.getType()).getElementType());
  if (access.strides.back() == 1 && !indirect) {
    moveTo(level);
    if (!lanes.mask)
      return fromMemory(vector::LoadOp::create(builder_, loc_, type, buffer, element), expr->type);
    // One, not zero: LLVM 22 takes a quotient of two known zeros for zero, so idle lanes that hold NaN then
    // escape the mask of a reduction; and an integer division would trap.
    Value one = arith::ConstantOp::create(builder_, loc_, builder_.getOneAttr(type));
    return fromMemory(vector::MaskedLoadOp::create(builder_, loc_, type, buffer, element, lanes.mask, one),
                      expr->type);
  }
  for (const IndexTerm& each : access.terms) // operands before moving to where they are used
    if (each.index->dependsOn(vectorDim())) vector(each.index, lanes);
  moveTo(level);
  Value offsets = laneOffsets(access, lanes);
  Value one = arith::ConstantOp::create(builder_, loc_, builder_.getOneAttr(type));
  Value mask = lanes.mask ? lanes.mask : allTrue();
  return fromMemory(vector::GatherOp::create(builder_, loc_, type, buffer, element, offsets, mask, one),
                    expr->type);
}

Value Evaluator::generate(const Expr* expr, Lanes lanes, int level) {
  llvm::SmallVector<Value> scalars;
  for (const Expr* operand : expr->operands)
    scalars.push_back(scalar(operand));
  auto generator = cast<ir::IndexExpandable>(expr->op);
  bool grouped = scopes_[level].aligned && isAligned(expr->access);
  Value element = address(expr->access, grouped ? 0 : lanes.unroll);
  moveTo(level);
  element = arith::IndexCastOp::create(builder_, loc_, builder_.getI64Type(), element);
  if (grouped) {
    auto group = generator.expandGroup(builder_, element, lanes_, scalars);
    for (auto [unroll, value] : llvm::enumerate(group))
      scopes_[level].values[{expr->id, static_cast<int>(unroll)}] = value;
    if (lanes.unroll < static_cast<int>(group.size())) return group[lanes.unroll];
    element = address(expr->access, lanes.unroll);
    moveTo(level);
    element = arith::IndexCastOp::create(builder_, loc_, builder_.getI64Type(), element);
  }
  Value offsets = laneOffsets(expr->access, lanes);
  Value base = vector::BroadcastOp::create(builder_, loc_, offsets.getType(), element);
  Value indices = arith::AddIOp::create(builder_, loc_, base, offsets);
  return generator.expandIndex(builder_, indices, scalars);
}

bool Evaluator::isAligned(const Access& access) {
  return access.strides.back() == 1 && access.terms.empty() && access.offset % 64 == 0 &&
         llvm::all_of(ArrayRef(access.strides).drop_back(),
                      [](std::int64_t stride) { return stride % 64 == 0; });
}

void Evaluator::store(Value value, const Output& output, Value buffer, Lanes lanes) {
  Value element = address(output.access, lanes.unroll);
  value = toMemory(value);
  if (output.access.strides.back() != 1) {
    Value mask = lanes.mask ? lanes.mask : allTrue();
    vector::ScatterOp::create(builder_, loc_, Type(), buffer, element, laneOffsets(output.access, lanes),
                              mask, value);
  } else if (lanes.mask) {
    vector::MaskedStoreOp::create(builder_, loc_, buffer, element, lanes.mask, value);
  } else if (output.isStreamed) {
    auto type = cast<VectorType>(value.getType());
    vector::StoreOp::create(builder_, loc_, value, buffer, element, /*nontemporal=*/true,
                            llvm::Align(type.getNumElements() * type.getElementTypeBitWidth() / 8));
  } else {
    vector::StoreOp::create(builder_, loc_, value, buffer, element);
  }
}

Value Evaluator::allTrue() {
  auto type = vectorType(builder_.getI1Type());
  return arith::ConstantOp::create(builder_, loc_, DenseElementsAttr::get(type, true));
}

void Evaluator::storeScalar(Value value, const Output& output, Value buffer) {
  memref::StoreOp::create(builder_, loc_, toMemory(value), buffer, address(output.access));
}

TypedAttr Evaluator::signless(TypedAttr constant) {
  if (auto integer = dyn_cast<IntegerAttr>(constant))
    return IntegerAttr::get(valueType(integer.getType()), integer.getValue());
  return constant;
}

Value Evaluator::fromMemory(Value value, Type element) {
  if (!element.isInteger(1)) return value;
  Value zero = arith::ConstantOp::create(builder_, loc_, builder_.getZeroAttr(value.getType()));
  return arith::CmpIOp::create(builder_, loc_, arith::CmpIPredicate::ne, value, zero);
}

Value Evaluator::toMemory(Value value) {
  if (!getElementTypeOrSelf(value.getType()).isInteger(1)) return value;
  Type byte = builder_.getI8Type();
  if (isa<VectorType>(value.getType())) byte = vectorType(byte);
  return arith::ExtUIOp::create(builder_, loc_, byte, value);
}

} // namespace kiln::codegen::cpu
