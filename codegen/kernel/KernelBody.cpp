// Properties of a KernelBody. The analysis that makes one is Analyse.cpp.
#include "kernel/KernelBody.h"

#include "KilnOps.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace kiln::codegen {

bool Access::operator==(const Access& other) const {
  auto sameTerm = [](const IndexTerm& a, const IndexTerm& b) {
    return a.index == b.index && a.stride == b.stride && a.size == b.size;
  };
  return offset == other.offset && strides == other.strides && terms.size() == other.terms.size() &&
         std::equal(terms.begin(), terms.end(), other.terms.begin(), sameTerm);
}

bool KernelBody::dynamic() const {
  return ShapedType::isDynamic(dims.back().size);
}

std::int64_t KernelBody::points() const {
  std::int64_t product = 1;
  for (const Dim& dim : dims)
    product *= dim.size;
  return product;
}

std::int64_t KernelBody::keptPoints() const {
  std::int64_t product = 1;
  for (const Dim& dim : dims)
    product *= dim.reduced ? 1 : dim.size;
  return product;
}

std::int64_t KernelBody::flops() const {
  std::int64_t total = 0;
  for (const auto& expr : exprs) {
    std::int64_t each = 0;
    if (auto scalar = dyn_cast_or_null<ir::ScalarExpandable>(expr->op))
      each = scalar.flopsPerElement();
    else if (expr->kind == Expr::Kind::Reduce)
      each = 1;
    else if (expr->kind == Expr::Kind::Generate)
      each = 8; // a counter-based generator shared by several elements
    const Expr& walked = expr->kind == Expr::Kind::Reduce ? *expr->operands[0] : *expr;
    std::int64_t times = 1;
    for (auto [d, dim] : llvm::enumerate(dims))
      if (walked.dependsOn(d) && !dynamic()) times *= dim.size;
    total += each * times;
  }
  return total;
}

namespace {
/// Numbers buffers in order of first mention.
struct Renumber {
  llvm::DenseMap<int, int> seen;
  int operator()(int number) { return seen.try_emplace(number, static_cast<int>(seen.size())).first->second; }
};

void print(llvm::raw_ostream& out, const Access& access) {
  out << '@' << access.offset;
  for (std::int64_t stride : access.strides)
    out << ',' << stride;
  for (const IndexTerm& term : access.terms)
    out << '+' << term.stride << '*' << term.index->id << '<' << term.size;
}
} // namespace

std::string KernelBody::structure() const {
  std::string text;
  llvm::raw_string_ostream out(text);
  Renumber inputs, results;
  for (auto [d, dim] : llvm::enumerate(dims))
    out << (dim.reduced ? 'r' : 'k') << (dims.size() == 1 && !dim.reduced ? -1 : dim.size) << ' ';
  for (const auto& expr : exprs) {
    out << '\n' << static_cast<int>(expr->kind) << ' ' << expr->type;
    if (expr->op) out << ' ' << expr->op->getName() << expr->op->getAttrDictionary();
    if (expr->kind == Expr::Kind::Constant) out << ' ' << expr->constant;
    if (expr->input >= 0) out << " i" << inputs(expr->input);
    print(out, expr->access);
    for (const Expr* operand : expr->operands)
      out << " %" << operand->id;
  }
  for (const Output& output : outputs) {
    out << "\no" << results(output.result) << " %" << output.value->id;
    print(out, output.access);
  }
  return text;
}

void collapse(KernelBody& body) {
  llvm::SmallVector<Access*> accesses;
  for (auto& expr : body.exprs)
    if (!expr->access.strides.empty()) accesses.push_back(&expr->access);
  for (Output& output : body.outputs)
    accesses.push_back(&output.access);
  for (int d = static_cast<int>(body.dims.size()) - 2; d >= 0; --d) {
    Dim &outer = body.dims[d], inner = body.dims[d + 1];
    bool together = outer.reduced == inner.reduced && llvm::all_of(accesses, [&](const Access* access) {
                      return access->strides[d] == access->strides[d + 1] * inner.size;
                    });
    if (!together) continue;
    outer.size *= inner.size;
    body.dims.erase(body.dims.begin() + d + 1);
    for (Access* access : accesses)
      access->strides.erase(access->strides.begin() + d);
    std::uint64_t low = (std::uint64_t(1) << (d + 1)) - 1;
    for (auto& expr : body.exprs)
      expr->dims = (expr->dims & low) | ((expr->dims >> 1) & ~(low >> 1));
  }
}

} // namespace kiln::codegen
