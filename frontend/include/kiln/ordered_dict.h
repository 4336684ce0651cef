// OrderedDict: a dictionary that is walked in order of insertion. Modules keep what they own in one.
#pragma once

#include "kiln/runtime/error.h"

#include <cstddef>
#include <initializer_list>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace kiln {

template <class Key, class Value> class OrderedDict {
public:
  /// A key and its value; acts as a pointer to the value.
  class Item {
  public:
    Item(Key key, Value value) : pair_(std::move(key), std::move(value)) {}
    const Key& key() const noexcept { return pair_.first; }
    Value& value() noexcept { return pair_.second; }
    const Value& value() const noexcept { return pair_.second; }
    Value& operator*() { return pair_.second; }
    const Value& operator*() const { return pair_.second; }
    Value* operator->() { return &pair_.second; }
    const Value* operator->() const { return &pair_.second; }
    const std::pair<Key, Value>& pair() const noexcept { return pair_; }

  private:
    std::pair<Key, Value> pair_;
  };
  using Iterator = typename std::vector<Item>::iterator;
  using ConstIterator = typename std::vector<Item>::const_iterator;

  /// `key_description` is what errors call a key: "Parameter 'w' already defined".
  explicit OrderedDict(std::string key_description = "Key") : key_description_(std::move(key_description)) {}
  OrderedDict(std::initializer_list<Item> items) : OrderedDict() {
    for (const Item& item : items)
      insert(item.key(), item.value());
  }

  const std::string& key_description() const noexcept { return key_description_; }
  std::size_t size() const noexcept { return items_.size(); }
  bool is_empty() const noexcept { return items_.empty(); }
  bool contains(const Key& key) const noexcept { return index_.contains(key); }

  Iterator begin() { return items_.begin(); }
  Iterator end() { return items_.end(); }
  ConstIterator begin() const { return items_.begin(); }
  ConstIterator end() const { return items_.end(); }

  /// These throw Error when there is nothing.
  Item& front() {
    check_not_empty("front");
    return items_.front();
  }
  const Item& front() const { return const_cast<OrderedDict*>(this)->front(); }
  Item& back() {
    check_not_empty("back");
    return items_.back();
  }
  const Item& back() const { return const_cast<OrderedDict*>(this)->back(); }
  /// By position. Throws Error when there is none.
  Item& operator[](std::size_t index) { return at(index); }
  const Item& operator[](std::size_t index) const { return at(index); }
  /// By key. Throws Error when it is not defined.
  Value& operator[](const Key& key) { return at(key); }
  const Value& operator[](const Key& key) const { return at(key); }
  /// By key; nullptr when it is not defined.
  Value* find(const Key& key) noexcept {
    auto found = index_.find(key);
    return found == index_.end() ? nullptr : &items_[found->second].value();
  }
  const Value* find(const Key& key) const noexcept { return const_cast<OrderedDict*>(this)->find(key); }

  /// Throws Error when the key is defined already.
  template <class V = Value> Value& insert(Key key, V&& value) {
    if (contains(key)) throw Error(key_description_ + " '" + key + "' already defined");
    index_.emplace(key, items_.size());
    items_.emplace_back(std::move(key), std::forward<V>(value));
    return items_.back().value();
  }
  void update(const OrderedDict& other) {
    reserve(size() + other.size());
    for (const Item& item : other)
      insert(item.key(), item.value());
  }
  void update(OrderedDict&& other) {
    reserve(size() + other.size());
    for (Item& item : other)
      insert(item.key(), std::move(item.value()));
  }
  /// Throws Error when the key is not defined.
  void erase(const Key& key) {
    auto found = index_.find(key);
    if (found == index_.end()) missing(key);
    const std::size_t position = found->second;
    index_.erase(found);
    items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(position));
    for (auto& [_, index] : index_)
      if (index > position) --index;
  }
  void clear() {
    index_.clear();
    items_.clear();
  }
  void reserve(std::size_t capacity) {
    index_.reserve(capacity);
    items_.reserve(capacity);
  }

  const std::vector<Item>& items() const noexcept { return items_; }
  std::vector<Key> keys() const {
    std::vector<Key> keys;
    keys.reserve(size());
    for (const Item& item : items_)
      keys.push_back(item.key());
    return keys;
  }
  std::vector<Value> values() const {
    std::vector<Value> values;
    values.reserve(size());
    for (const Item& item : items_)
      values.push_back(item.value());
    return values;
  }
  std::vector<std::pair<Key, Value>> pairs() const {
    std::vector<std::pair<Key, Value>> pairs;
    pairs.reserve(size());
    for (const Item& item : items_)
      pairs.push_back(item.pair());
    return pairs;
  }

private:
  Item& at(std::size_t index) {
    if (index >= items_.size()) throw Error("Index " + std::to_string(index) + " is out of bounds");
    return items_[index];
  }
  const Item& at(std::size_t index) const { return const_cast<OrderedDict*>(this)->at(index); }
  Value& at(const Key& key) {
    if (Value* value = find(key)) return *value;
    missing(key);
  }
  const Value& at(const Key& key) const { return const_cast<OrderedDict*>(this)->at(key); }
  void check_not_empty(const char* method) const {
    if (is_empty()) throw Error("Called " + std::string(method) + "() on an empty OrderedDict");
  }
  [[noreturn]] void missing(const Key& key) const {
    throw Error(key_description_ + " '" + key + "' is not defined");
  }

  std::unordered_map<Key, std::size_t> index_;
  std::vector<Item> items_;
  std::string key_description_;
};

} // namespace kiln
