# Content hash of every source that determines compiled code, as a header. Part of the cache keys: an artifact made by
# another build of the compiler is never run. Run as a script: cmake -DROOT=… -DOUTPUT=… -P KilnFingerprint.cmake
file(GLOB_RECURSE sources ${ROOT}/ir/*.cpp ${ROOT}/ir/*.h ${ROOT}/ir/*.td ${ROOT}/passes/*.cpp ${ROOT}/passes/*.h
  ${ROOT}/passes/*.td ${ROOT}/codegen/*.cpp ${ROOT}/codegen/*.h ${ROOT}/runtime/include/*.h)
list(SORT sources)
set(hashes "")
foreach(source ${sources})
  file(SHA256 ${source} hash)
  string(APPEND hashes ${hash})
endforeach()
string(SHA256 fingerprint "${hashes}")
string(SUBSTRING ${fingerprint} 0 32 fingerprint)
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "// Of the compiler's sources.\n#define KILN_FINGERPRINT \"${fingerprint}\"\n")
