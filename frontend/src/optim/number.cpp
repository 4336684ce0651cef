// Guards on options that decide what a step computes.
#include "optim/number.h"

namespace kiln::optim {

namespace {

template <class T> class OptionGuard : public internal::Guard {
public:
  OptionGuard(const T* option, std::shared_ptr<const void> keepalive, const char* name)
      : option_(option), keepalive_(std::move(keepalive)), name_(name), was_set_(*option != T{}) {}
  bool holds() const override { return (*option_ != T{}) == was_set_; }
  std::string describe() const override {
    return std::string("the optimizer's ") + name_ + (was_set_ ? " was set" : " was not set");
  }

private:
  const T* option_;
  std::shared_ptr<const void> keepalive_;
  const char* name_;
  bool was_set_;
};

template <class T>
bool guarded(const T& value, const std::shared_ptr<const void>& keepalive, const char* name) {
  if (internal::is_capturing())
    internal::record_guard(std::make_shared<OptionGuard<T>>(&value, keepalive, name));
  return value != T{};
}

} // namespace

bool Hyper::is_set(const double& value, const char* name) const {
  return guarded(value, keepalive_, name);
}
bool Hyper::is_set(const bool& value, const char* name) const {
  return guarded(value, keepalive_, name);
}

void check_option(bool valid, const char* optimizer, const char* what, double value) {
  if (valid) return;
  std::string number = std::to_string(value);
  number.erase(number.find_last_not_of('0') + 1);
  if (number.back() == '.') number.pop_back();
  throw Error(std::string(optimizer) + ": Invalid " + what + ": " + number);
}

} // namespace kiln::optim
