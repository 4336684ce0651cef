// ska::flat_hash_map: here the standard's map, which is as fast as the few entries of an optimizer's state
// need.
#pragma once

#include <unordered_map>

namespace ska {
template <class Key, class Value> using flat_hash_map = std::unordered_map<Key, Value>;
}
