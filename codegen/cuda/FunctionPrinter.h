// One function to text, in one pass: values become text (Expressions.h), a value used once goes into its
// user's expression (Inlining.h), any other gets a name and a line. What a loop carries is a variable that
// the loop assigns.
#pragma once

#include "cuda/Expressions.h"
#include "cuda/Names.h"
#include "cuda/Printer.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/raw_ostream.h"

namespace kiln::codegen::cuda {

class FunctionPrinter {
public:
  FunctionPrinter(mlir::FunctionOpInterface function, std::string& out)
      : function(function), os(out), wide(function->hasAttr(kWideIndexAttr)) {}

  mlir::LogicalResult print();
  std::vector<std::string> callees;

private:
  // Statements (Statements.cpp).
  mlir::LogicalResult statement(mlir::Operation* op);
  mlir::LogicalResult block(mlir::Block& block);
  mlir::LogicalResult forLoop(mlir::scf::ForOp loop);
  mlir::LogicalResult conditional(mlir::scf::IfOp op);
  mlir::LogicalResult call(mlir::func::CallOp op);
  mlir::LogicalResult allocate(mlir::memref::AllocaOp op);
  mlir::LogicalResult insert(mlir::vector::InsertOp op);
  mlir::LogicalResult value(mlir::Operation* op, Text text, bool mayInline);
  void assign(mlir::ValueRange variables, mlir::ValueRange values);

  // Names and expressions.
  std::string name(mlir::Value value, llvm::StringRef fallback);
  std::string declare(mlir::Value value, llvm::StringRef fallback, bool isUnsigned = false);
  bool inlines(mlir::Operation* op, const Text& text);
  bool mentions(mlir::Value value, mlir::Value variable);
  Text text(mlir::Value value) { return values.lookup(value); }
  std::string type(mlir::Type t) { return typeName(t, wide); }
  std::string element(mlir::Value pointer, mlir::Value index);
  std::string address(mlir::Value pointer, mlir::Value index);
  llvm::raw_ostream& line() { return os.indent(2 * depth); }

  // What stands before the body.
  std::string parameter(mlir::BlockArgument argument);
  void signature();
  mlir::LogicalResult sharedMemory(mlir::BlockArgument argument);

  mlir::FunctionOpInterface function;
  llvm::raw_string_ostream os;
  Names names;
  llvm::DenseMap<mlir::Value, Text> values;
  unsigned depth = 0;
  bool wide;
};

} // namespace kiln::codegen::cuda
