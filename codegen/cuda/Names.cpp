// See Names.h.
#include "cuda/Names.h"

#include "llvm/ADT/StringExtras.h"

namespace kiln::codegen::cuda {
namespace {

/// Words that mean something in CUDA C++ or in the prelude, and so cannot name a variable.
bool isReserved(llvm::StringRef name) {
  static const llvm::StringSet<> words = [] {
    llvm::StringSet<> set;
    for (llvm::StringRef word :
         {"abs",      "alignas",  "and",       "asm",     "auto",     "bfloat16", "bits",     "bool",
          "break",    "case",     "catch",     "char",    "class",    "compl",    "const",    "continue",
          "ceil",     "cos",      "cosh",      "default", "delete",   "do",       "double",   "else",
          "enum",     "erf",      "exp",       "export",  "extern",   "fabs",     "false",    "float",
          "floor",    "fma",      "fmax",      "fmin",    "for",      "friend",   "goto",     "half16",
          "if",       "infinity", "inline",    "int",     "int64",    "isnan",    "load",     "log",
          "long",     "max",      "maximum",   "min",     "minimum",  "mutable",  "nan",      "new",
          "not",      "operator", "or",        "pow",     "pointers", "private",  "public",   "register",
          "return",   "rint",     "round",     "rsqrt",   "short",    "signed",   "sin",      "sinh",
          "sizeof",   "sqrt",     "static",    "store",   "struct",   "switch",   "tan",      "tanh",
          "template", "this",     "throw",     "true",    "trunc",    "try",      "typedef",  "uint64",
          "union",    "unsigned", "using",     "vec",     "virtual",  "void",     "volatile", "while",
          "xor",      "typename", "namespace", "index"})
      set.insert(word);
    return set;
  }();
  return words.contains(name);
}

} // namespace

std::string identifier(llvm::StringRef hint) {
  std::string name;
  for (char c : hint)
    if (llvm::isAlnum(c) || !name.empty()) name += llvm::isAlnum(c) ? c : '_';
  while (!name.empty() && name.back() == '_')
    name.pop_back();
  if (name.empty()) return "value";
  return llvm::isDigit(name.front()) ? "v" + name : name;
}

std::string Names::unique(llvm::StringRef hint) {
  std::string base = identifier(hint), name = base;
  for (int n = isReserved(base) ? 1 : 2; isReserved(name) || !used_.insert(name).second; ++n)
    name = base + (llvm::isDigit(base.back()) ? "_" : "") + std::to_string(n);
  order_.push_back(name);
  return name;
}

void Names::release(std::size_t mark) {
  for (; order_.size() > mark; order_.pop_back())
    used_.erase(order_.back());
}

} // namespace kiln::codegen::cuda
