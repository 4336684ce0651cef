// RUN: kiln-opt %s --verify-stage=stage=fusd --verify-diagnostics
// A stage that does not exist is an error.

// expected-error @+1 {{no stage is called fusd}}
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
