// RUN: kiln-opt --verify-diagnostics %s
// kiln.yield ends a fusion and nothing else.

func.func @wrong(%x: tensor<4xf32>) {
  // expected-error @+1 {{'kiln.yield' op expects parent op 'kiln.fusion'}}
  kiln.yield %x : tensor<4xf32>
}
