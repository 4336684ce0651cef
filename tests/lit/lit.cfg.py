# Run by ctest (`ctest -R lit`) or by hand: lit -v tests/lit --param kiln_tools=build/release/bin
import os
import lit.formats

config.name = "kiln"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.test_source_root = os.path.dirname(__file__)

root = os.path.join(config.test_source_root, "..", "..")
kiln_tools = os.path.abspath(lit_config.params.get("kiln_tools", os.path.join(root, "build", "release", "bin")))
llvm_tools = lit_config.params.get("llvm_tools", "/usr/lib/llvm-22/bin")
config.test_exec_root = lit_config.params.get("work", os.path.join(root, "build", "lit"))
config.environment["PATH"] = os.pathsep.join([kiln_tools, llvm_tools, os.environ["PATH"]])
