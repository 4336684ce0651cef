// The iterator of a data loader: an input iterator that asks for a batch when it is first looked at.
#pragma once

#include "kiln/runtime/error.h"

#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>

namespace kiln::data {

/// Copies share their place. Equal to the end when, and only when, the loader has no further batch.
template <class Batch> class Iterator {
public:
  using difference_type = std::ptrdiff_t;
  using value_type = Batch;
  using pointer = Batch*;
  using reference = Batch&;
  using iterator_category = std::input_iterator_tag;
  using BatchProducer = std::function<std::optional<Batch>()>;

  Iterator() = default; ///< past the end
  explicit Iterator(BatchProducer next) : place_(std::make_shared<Place>(std::move(next))) {}

  /// Throws Error past the end.
  Iterator& operator++() {
    if (!place_) throw Error("Incrementing the DataLoader's past-the-end iterator is not allowed");
    place_->look();
    if (!place_->batch) throw Error("Attempted to increment iterator past the end");
    place_->batch = place_->next();
    return *this;
  }
  Batch& operator*() const {
    if (!place_) throw Error("Dereferencing the DataLoader's past-the-end iterator is not allowed");
    place_->look();
    if (!place_->batch) throw Error("Attempted to dereference iterator that was past the end");
    return *place_->batch;
  }
  Batch* operator->() const { return &**this; }

  bool operator==(const Iterator& other) const {
    if (place_ && other.place_) return place_ == other.place_;
    return at_end() && other.at_end();
  }

private:
  struct Place {
    explicit Place(BatchProducer next) : next(std::move(next)) {}
    void look() {
      if (!looked) batch = next();
      looked = true;
    }
    BatchProducer next;
    std::optional<Batch> batch;
    bool looked = false;
  };
  bool at_end() const {
    if (!place_) return true;
    place_->look();
    return !place_->batch;
  }
  std::shared_ptr<Place> place_;
};

} // namespace kiln::data
