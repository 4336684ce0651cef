// RUN: kiln-opt --split-input-file --verify-diagnostics %s
// Outputs and their seeds are among the operands.

func.func @wrong1(%x: tensor<4xf32>) {
  // expected-error @+1 {{'kiln.gradient' op does not type-check: gradient: 2 outputs and their seeds do not fit in 3 operands}}
  %0 = kiln.gradient %x, %x, %x {outputs = 2 : i64} : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @wrong2(%x: tensor<4xf32>) {
  // expected-error @+1 {{'kiln.gradient' op does not type-check: gradient: 0 outputs and their seeds do not fit in 1 operands}}
  %0 = kiln.gradient %x {outputs = 0 : i64} : (tensor<4xf32>) -> tensor<4xf32>
  return
}
