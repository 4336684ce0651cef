// Kernel dialects to the LLVM dialect: polynomial math, progressive vector lowering, then one conversion.
// No pass manager: a kernel is small, and building a pipeline costs as much as running it.
#include "cpu/Lower.h"

#include "cpu/Divide.h"
#include "cpu/Math.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Transforms/DialectConversion.h"

#include "llvm/ADT/StringSet.h"

namespace kiln::codegen::cpu {

using namespace mlir;

namespace {

bool isMath(Operation* op) {
  return isa_and_present<math::MathDialect>(op->getDialect());
}

/// Functions that are a few machine instructions on every level, for vectors too.
bool isInstruction(Operation* op) {
  static const llvm::StringSet<> names = {"absf",  "sqrt",      "rsqrt",    "fma",  "floor", "ceil",
                                          "trunc", "roundeven", "copysign", "absi", "ctpop"};
  return names.contains(op->getName().stripDialect());
}

/// A floating-point function that is neither an instruction nor lowered yet.
bool isLibraryFunction(Operation* op) {
  return isMath(op) && !isInstruction(op) && isa<FloatType>(getElementTypeOrSelf(op->getResult(0)));
}

bool holds(ModuleOp module, bool (*what)(Operation*)) {
  return module
      .walk([&](Operation* op) { return what(op) ? WalkResult::interrupt() : WalkResult::advance(); })
      .wasInterrupted();
}

/// Functions become polynomials; one of f32 on vectors without polynomial would be a call per element.
LogicalResult expandMath(ModuleOp module, const Target& target) {
  RewritePatternSet patterns(module.getContext());
  populateMathExpansions(patterns, target);
  populateMathPolynomialApproximationPatterns(patterns, MathPolynomialApproximationOptions{});
  if (failed(applyPatternsGreedily(module, std::move(patterns)))) return failure();
  WalkResult walk = module.walk([](Operation* op) {
    if (!isLibraryFunction(op) || !isa<VectorType>(op->getResult(0).getType()) ||
        getElementTypeOrSelf(op->getResult(0)).isF64())
      return WalkResult::advance();
    op->emitOpError("has no vector form: it would run as one library call per element");
    return WalkResult::interrupt();
  });
  return failure(walk.wasInterrupted());
}

/// f64 functions and scalar f32 ones without polynomial call libm.
LogicalResult callLibm(ModuleOp module) {
  RewritePatternSet patterns(module.getContext());
  populateMathToLibmConversionPatterns(patterns);
  ConversionTarget target(*module.getContext());
  target.markUnknownOpDynamicallyLegal([](Operation* op) { return !isLibraryFunction(op); });
  return applyPartialConversion(module, target, std::move(patterns));
}

bool makesBFloat16(Operation* op) {
  return llvm::any_of(op->getResultTypes(), [](Type type) { return getElementTypeOrSelf(type).isBF16(); });
}

/// For CPUs that know no bf16, and would call a C library that knows none either: arithmetic in f32,
/// conversions by integer operations on f32's bits. convertToLLVM then holds what is left, loads and stores,
/// in i16.
LogicalResult expandBFloat16(ModuleOp module) {
  MLIRContext* context = module.getContext();
  TypeConverter converter;
  arith::populateEmulateUnsupportedFloatsConversions(converter, {BFloat16Type::get(context)},
                                                     Float32Type::get(context));
  RewritePatternSet inFloat32(context);
  arith::populateEmulateUnsupportedFloatsPatterns(inFloat32, converter);
  ConversionTarget target(*context);
  arith::populateEmulateUnsupportedFloatsLegality(target, converter);
  if (failed(applyPartialConversion(module, target, std::move(inFloat32)))) return failure();
  RewritePatternSet onBits(context);
  arith::populateExpandBFloat16Patterns(onBits);
  return applyPatternsGreedily(module, std::move(onBits));
}

/// Vectors of rank two and transfers become one-dimensional vectors and plain loads.
LogicalResult flattenVectors(ModuleOp module) {
  RewritePatternSet patterns(module.getContext());
  vector::populateVectorToVectorCanonicalizationPatterns(patterns);
  vector::populateVectorBroadcastLoweringPatterns(patterns);
  vector::populateVectorMaskOpLoweringPatterns(patterns);
  vector::populateVectorShapeCastLoweringPatterns(patterns);
  vector::populateVectorInterleaveLoweringPatterns(patterns);
  vector::populateVectorTransposeLoweringPatterns(patterns, vector::VectorTransposeLowering::Shuffle16x16);
  vector::populateVectorMultiReductionLoweringPatterns(patterns,
                                                       vector::VectorMultiReductionLowering::InnerParallel);
  vector::populateVectorTransferLoweringPatterns(patterns, /*maxTransferRank=*/1);
  vector::populateVectorMaskLoweringPatternsForSideEffectingOps(patterns);
  vector::populateVectorStepLoweringPatterns(patterns);
  vector::populateVectorMaskMaterializationPatterns(patterns, /*force32BitVectorIndices=*/true);
  vector::populateVectorRankReducingFMAPattern(patterns);
  return applyPatternsGreedily(module, std::move(patterns));
}

LogicalResult convertControlFlow(ModuleOp module) {
  RewritePatternSet patterns(module.getContext());
  populateSCFToControlFlowConversionPatterns(patterns);
  ConversionTarget target(*module.getContext());
  target.addIllegalDialect<scf::SCFDialect>();
  target.markUnknownOpDynamicallyLegal([](Operation*) { return true; });
  return applyPartialConversion(module, target, std::move(patterns));
}

/// Makes bf16 a type of 16 bits without arithmetic.
void convertBFloat16ToBits(LLVMTypeConverter& converter, RewritePatternSet& patterns) {
  Type bits = IntegerType::get(&converter.getContext(), 16);
  converter.addConversion([bits](BFloat16Type) { return bits; });
  converter.addConversion([bits](VectorType type) -> std::optional<Type> {
    if (!type.getElementType().isBF16() || type.getRank() != 1) return std::nullopt;
    return type.clone(bits);
  });
  struct ConstantBits : OpConversionPattern<arith::ConstantOp> {
    using OpConversionPattern::OpConversionPattern;
    LogicalResult matchAndRewrite(arith::ConstantOp op, OpAdaptor,
                                  ConversionPatternRewriter& rewriter) const override {
      if (!makesBFloat16(op)) return failure();
      auto bitsOf = [](const APFloat& number) { return number.bitcastToAPInt(); };
      TypedAttr value;
      if (auto many = dyn_cast<DenseFPElementsAttr>(op.getValue()))
        value = many.mapValues(rewriter.getI16Type(), bitsOf);
      else
        value =
            rewriter.getIntegerAttr(rewriter.getI16Type(), bitsOf(cast<FloatAttr>(op.getValue()).getValue()));
      rewriter.replaceOpWithNewOp<LLVM::ConstantOp>(op, value.getType(), value);
      return success();
    }
  };
  patterns.add<ConstantBits>(converter, &converter.getContext(), PatternBenefit(2));
}

LogicalResult convertToLLVM(ModuleOp module, bool knowsBFloat16) {
  MLIRContext* context = module.getContext();
  LowerToLLVMOptions options(context);
  options.useBarePtrCallConv = true;
  options.overrideIndexBitwidth(64);
  LLVMTypeConverter converter(context, options);
  RewritePatternSet patterns(context);
  if (!knowsBFloat16) convertBFloat16ToBits(converter, patterns);
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  populateMathToLLVMConversionPatterns(converter, patterns);
  memref::populateExpandStridedMetadataPatterns(patterns);
  populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
  populateVectorToLLVMConversionPatterns(converter, patterns, /*reassociateFPReductions=*/false,
                                         /*force32BitVectorIndices=*/true);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  populateFuncToLLVMConversionPatterns(converter, patterns);
  ub::populateUBToLLVMConversionPatterns(converter, patterns);
  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  return applyFullConversion(module, target, std::move(patterns));
}

/// name(args…, begin, end, scratch) becomes internal; a new `name` takes the ABI's four arguments, loads
/// the buffers' addresses and calls it.
void wrapKernel(LLVM::LLVMFuncOp body) {
  std::string name = body.getName().str();
  OpBuilder builder(body);
  Location loc = body.getLoc();
  MLIRContext* context = body.getContext();
  Type pointer = LLVM::LLVMPointerType::get(context);
  Type i64 = builder.getI64Type();
  body.setName(name + "_body");
  body.setLinkage(LLVM::Linkage::Internal);

  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {pointer, i64, i64, pointer});
  auto wrapper = LLVM::LLVMFuncOp::create(builder, loc, name, type);
  Block* block = wrapper.addEntryBlock(builder);
  builder.setInsertionPointToStart(block);
  unsigned buffers = body.getNumArguments() - 3;
  SmallVector<Value> operands;
  for (unsigned i = 0; i < buffers; ++i) {
    Value slot = LLVM::GEPOp::create(builder, loc, pointer, pointer, block->getArgument(0),
                                     ArrayRef<LLVM::GEPArg>{static_cast<std::int32_t>(i)});
    operands.push_back(LLVM::LoadOp::create(builder, loc, pointer, slot));
  }
  operands.append(block->args_begin() + 1, block->args_end());
  LLVM::CallOp::create(builder, loc, body, operands);
  LLVM::ReturnOp::create(builder, loc, ValueRange{});
}

void setFunctionAttributes(ModuleOp module, const Target& target) {
  MLIRContext* context = module.getContext();
  // Else LLVM splits 512-bit vectors in two on CPUs whose tuning prefers 256.
  std::string width = std::to_string(target.vectorBits);
  auto pair = [&](StringRef key, StringRef value) -> Attribute {
    return ArrayAttr::get(context, {StringAttr::get(context, key), StringAttr::get(context, value)});
  };
  ArrayAttr attributes =
      ArrayAttr::get(context, {pair("prefer-vector-width", width), pair("min-legal-vector-width", width),
                               StringAttr::get(context, "nounwind")});
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    if (!function.isExternal()) function.setPassthroughAttr(attributes);
}

/// Names of the kernels; all other functions become internal.
SmallVector<StringAttr> splitFunctions(ModuleOp module) {
  SmallVector<StringAttr> kernels;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal()) continue;
    if (function.isPublic())
      kernels.push_back(function.getSymNameAttr());
    else
      function->setAttr("llvm.linkage", LLVM::LinkageAttr::get(module.getContext(), LLVM::Linkage::Internal));
  }
  return kernels;
}

/// Without FMA instructions `llvm.intr.fma` is a library call; a multiplication and an addition serve.
void relaxFma(ModuleOp module) {
  module.walk([](LLVM::FMAOp fma) {
    OpBuilder builder(fma);
    Value relaxed = LLVM::FMulAddOp::create(builder, fma.getLoc(), fma.getA(), fma.getB(), fma.getC());
    fma.replaceAllUsesWith(relaxed);
    fma.erase();
  });
}

} // namespace

void loadKernelDialects(MLIRContext& context) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  context.appendDialectRegistry(registry);
  context.loadDialect<func::FuncDialect, scf::SCFDialect, arith::ArithDialect, math::MathDialect,
                      memref::MemRefDialect, vector::VectorDialect, ub::UBDialect, cf::ControlFlowDialect,
                      LLVM::LLVMDialect>();
}

LogicalResult lowerToLLVMDialect(ModuleOp module, const Target& target) {
  if (holds(module, dividesVectors) && failed(expandDivisions(module, target))) return failure();
  if (holds(module, isMath) && (failed(expandMath(module, target)) || failed(callLibm(module))))
    return failure();
  if (!target.bfloat16 && holds(module, makesBFloat16) && failed(expandBFloat16(module))) return failure();
  SmallVector<StringAttr> kernels = splitFunctions(module);
  if (failed(flattenVectors(module)) || failed(convertControlFlow(module)) ||
      failed(convertToLLVM(module, target.bfloat16)))
    return failure();
  if (!target.fma) relaxFma(module);
  for (StringAttr kernel : kernels)
    wrapKernel(module.lookupSymbol<LLVM::LLVMFuncOp>(kernel));
  setFunctionAttributes(module, target);
  return success();
}

} // namespace kiln::codegen::cpu
