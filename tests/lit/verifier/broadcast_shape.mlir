// RUN: kiln-opt --verify-diagnostics %s
// broadcast only grows.

func.func @wrong(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'kiln.broadcast' op does not type-check: broadcast: [2, 3] does not broadcast to [3]}}
  %0 = kiln.broadcast %x {shape = array<i64: 3>} : (tensor<2x3xf32>) -> tensor<3xf32>
  return
}
