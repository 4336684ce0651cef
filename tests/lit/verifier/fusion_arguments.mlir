// RUN: kiln-opt --verify-diagnostics %s
// A fusion's body takes the inputs.

func.func @wrong(%x: tensor<4xf32>) {
  // expected-error @+1 {{'kiln.fusion' op body's arguments differ in type from the inputs}}
  %0 = "kiln.fusion"(%x) <{kind = #kiln<kind loop>, name = "f"}> ({
  ^bb0(%a: tensor<3xf32>):
    "kiln.yield"(%a) : (tensor<3xf32>) -> ()
  }) : (tensor<4xf32>) -> tensor<3xf32>
  return
}
