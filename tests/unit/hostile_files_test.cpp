// Files that are cut, foreign or hostile: each is a clear Error, and what was being loaded stays as it was.
#include <kiln/kiln.h>
#include <kiln/serialize.h>

#include <catch2/catch.hpp>
#include <zlib.h>

#include <cstring>
#include <sstream>

using namespace kiln;
using Catch::Contains;

namespace {

template <class T> std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}
std::string safetensors(const std::string& header, const std::string& data = {}) {
  return raw(std::uint64_t{header.size()}) + header + data;
}

struct ZipPart {
  std::string name, data;
  std::uint16_t method = 0, flags = 0;
  std::uint32_t extra_size = 0; ///< claimed beyond what is there
};
std::string zip(const std::vector<ZipPart>& parts) {
  std::string out, directory;
  for (const ZipPart& part : parts) {
    const auto size = static_cast<std::uint32_t>(part.data.size()) + part.extra_size;
    const auto crc = static_cast<std::uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(part.data.data()), part.data.size()));
    const std::string common = raw(std::uint16_t{20}) + raw(part.flags) + raw(part.method) +
                               raw(std::uint32_t{0}) + raw(crc) + raw(size) + raw(size) +
                               raw(static_cast<std::uint16_t>(part.name.size())) + raw(std::uint16_t{0});
    directory += "PK\1\2" + raw(std::uint16_t{20}) + common + std::string(10, '\0') +
                 raw(static_cast<std::uint32_t>(out.size())) + part.name;
    out += "PK\3\4" + common + part.name + part.data;
  }
  const auto begin = static_cast<std::uint32_t>(out.size());
  const auto count = static_cast<std::uint16_t>(parts.size());
  return out + directory + "PK\5\6" + raw(std::uint32_t{0}) + raw(count) + raw(count) +
         raw(static_cast<std::uint32_t>(directory.size())) + raw(begin) + raw(std::uint16_t{0});
}
std::string pytorch(const std::string& pickle, const std::string& storage = std::string(16, '\1')) {
  return zip({{"archive/data.pkl", "\x80\x02" + pickle}, {"archive/data/0", storage}});
}
std::string text(const std::string& value) {
  return "X" + raw(static_cast<std::uint32_t>(value.size())) + value;
}
std::string integer(std::int64_t value) {
  return "\x8a\x08" + raw(value);
}
// A tensor of float32: its storage's elements, its only dimension and its stride as claimed.
std::string tensor_of(std::int64_t storage, std::int64_t size, std::int64_t stride) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" + text("0") +
         text("cpu") + integer(storage) + "tQK" + std::string(1, '\0') + "(" + integer(size) + "t(" +
         integer(stride) + "t\x89}tR";
}

std::string message_of(const std::string& bytes) {
  nn::Linear net(2, 1);
  const Tensor before = net->weight.detach().clone();
  std::string message = "no error";
  try {
    load(net, bytes.data(), bytes.size());
  } catch (const Error& error) {
    message = error.what();
  }
  CHECK(net->weight.equal(before));
  return message;
}

const char* const kWeight = R"("weight":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]})";

} // namespace

TEST_CASE("a file that is cut anywhere is an error") {
  nn::Linear net(2, 1);
  std::stringstream stream;
  save(net, stream);
  const std::string whole = stream.str(), zipped = pytorch("}(" + text("weight") + tensor_of(2, 2, 1) + "u.");
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK(message_of(whole.substr(0, size)) != "no error");
  for (std::size_t size = 0; size < zipped.size(); ++size)
    CHECK(message_of(zipped.substr(0, size)) != "no error");
  CHECK_THAT(message_of(whole.substr(0, whole.size() - 1)), Contains("memory: tensor '"));
  CHECK_THAT(message_of(zipped.substr(0, zipped.size() - 1)), Contains("it is cut: it has no end record"));
}

TEST_CASE("files of something else are told apart") {
  CHECK_THAT(message_of(""), Contains("it is empty"));
  CHECK_THAT(message_of("short"), Contains("cut"));
  CHECK_THAT(message_of("\x89PNG\r\n\x1a\n and so on"), Contains("not safetensors"));
  CHECK_THAT(message_of("\x80\x02}."), Contains("a bare pickle"));
  CHECK_THAT(message_of(std::string("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15)),
             Contains("before 1.6"));
  CHECK_THAT(message_of(zip({{"word/document.xml", "<x/>"}})), Contains("it has no data.pkl"));
}

TEST_CASE("headers that claim too much cost nothing") {
  CHECK_THAT(message_of(raw(std::uint64_t{1} << 42) + "{}"),
             Contains("its header claims 4398046511104 bytes"));
  CHECK_THAT(message_of(safetensors(
                 R"({"weight":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}})")),
             Contains("lies at [0, 4398046511104)"));
  CHECK_THAT(message_of(safetensors(
                 R"({"weight":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})")),
             Contains("its size and its place do not agree"));
  CHECK_THAT(message_of(safetensors(std::string("{") + kWeight + "," + kWeight + "}", std::string(8, '\0'))),
             Contains("overlaps another"));
  CHECK_THAT(message_of(safetensors(std::string("{") + kWeight + "}", std::string(9, '\0'))),
             Contains("got 9 bytes of data"));
  CHECK_THAT(message_of(safetensors(R"({"weight":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}})")),
             Contains("dtype C64 is not supported"));
  CHECK_THAT(message_of(safetensors(std::string(100000, '['))), Contains("wanted '{'"));
  CHECK_THAT(message_of(pytorch("}(" + text("weight") + tensor_of(std::int64_t{1} << 40, 2, 1) + "u.")),
             Contains("claims a storage of 1099511627776 elements, its record has 4"));
  CHECK_THAT(message_of(pytorch("}(" + text("weight") + tensor_of(4, std::int64_t{1} << 40, 1) + "u.")),
             Contains("reaches beyond its storage of 4 elements"));
  // A stride of 0 repeats one element as often as one likes.
  CHECK_THAT(message_of(pytorch("}(" + text("weight") + tensor_of(4, std::int64_t{1} << 40, 0) + "u.")),
             Contains("times the memory of the file"));
}

TEST_CASE("a dictionary with a key and no value") {
  CHECK_THAT(message_of(pytorch("(K\x01"
                                "d.")),
             Contains("sets items of something that is no dictionary"));
}

TEST_CASE("pickles that would call something are refused by name") {
  CHECK_THAT(message_of(pytorch("cposix\nsystem\n(" + text("true") + "tR.")),
             Contains("refused: the pickle asks for posix.system"));
  CHECK_THAT(message_of(pytorch("cbuiltins\neval\n(" + text("1") + "tR.")),
             Contains("asks for builtins.eval"));
  CHECK_THAT(message_of(pytorch("ctorch\nFloatStorage\n)R.")), Contains("calls torch.FloatStorage"));
  CHECK_THAT(message_of(pytorch("ctorch\nSize\n)\x81.")), Contains("makes an object"));
  CHECK_THAT(message_of(pytorch("(ios\nsystem\n.")), Contains("refused: the pickle uses opcode"));
  CHECK_THAT(message_of(pytorch("]q" + std::string(1, '\0') + "h" + std::string(1, '\0') + "a.")),
             Contains("nested more than"));
}

TEST_CASE("zip archives that lie are refused") {
  CHECK_THAT(message_of(zip({{"archive/data.pkl", "\x80\x02}."}, {"archive/../../etc/passwd", "x"}})),
             Contains("leads out of the archive"));
  CHECK_THAT(message_of(zip({{"/archive/data.pkl", "\x80\x02}."}})), Contains("leads out of the archive"));
  CHECK_THAT(message_of(zip({{"archive/data.pkl", "\x80\x02}.", 8}})), Contains("is compressed"));
  CHECK_THAT(message_of(zip({{"archive/data.pkl", "\x80\x02}(" + text("weight") + tensor_of(4, 2, 1) + "u."},
                             {"archive/data/0", std::string(16, '\0'), 8}})),
             Contains("entry 'archive/data/0' is compressed"));
  CHECK_THAT(message_of(zip({{"archive/data.pkl", "\x80\x02}.", 0, 1}})), Contains("is encrypted"));
  CHECK_THAT(message_of(zip({{"archive/data.pkl", "\x80\x02}.", 0, 0, 0x7FFFFFFF}})),
             Contains("lies outside the file"));
  CHECK_THAT(message_of(zip({{"archive/data.pkl", "\x80\x02}."}, {"archive/data.pkl", "\x80\x02}."}})),
             Contains("comes twice"));
  std::string flipped = pytorch("}(" + text("weight") + tensor_of(2, 2, 1) + "u.");
  flipped[flipped.find("weight")] = 'h';
  CHECK_THAT(message_of(flipped), Contains("does not have its checksum"));
}
