// The progress bar: as text, in a file, and on a terminal made for the test.
#include "kiln/watch/progress.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <stdexcept>
#include <sys/ioctl.h>
#include <thread>
#include <unistd.h>

using namespace kiln::watch;
using Catch::Contains;

namespace {

/// What a loop writes to a file.
template <class Body> std::string in_file(Body body) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), std::fclose);
  REQUIRE(file);
  body(file.get());
  std::string text(4000, '\0');
  std::rewind(file.get());
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  return text;
}

/// What a loop writes to a terminal of `width` columns.
template <class Body> std::string on_terminal(unsigned short width, Body body) {
  setenv("TERM", "xterm", 1);
  int leader = posix_openpt(O_RDWR | O_NOCTTY);
  REQUIRE(leader >= 0);
  REQUIRE((grantpt(leader) == 0 && unlockpt(leader) == 0));
  std::FILE* terminal = std::fopen(ptsname(leader), "w");
  REQUIRE(terminal);
  winsize size{};
  size.ws_col = width, size.ws_row = 24;
  REQUIRE(ioctl(leader, TIOCSWINSZ, &size) == 0);
  body(terminal);
  std::string text;
  for (pollfd wait{leader, POLLIN, 0}; poll(&wait, 1, 0) == 1 && (wait.revents & POLLIN);) {
    char piece[4096];
    ssize_t n = read(leader, piece, sizeof piece);
    if (n <= 0) break;
    text.append(piece, static_cast<std::size_t>(n));
  }
  std::fclose(terminal);
  close(leader);
  return text;
}

ProgressView view() {
  ProgressView view{"epoch 1", 120, 300, 4, 30, {}};
  view.fields = {{"loss", "0.4321"}};
  return view;
}

} // namespace

TEST_CASE("the line shows how far, how long, how fast, and the user's fields") {
  CHECK(progress_line(view(), 200, false) ==
        "epoch 1   40 % [############                  ]  120/300  0:04 < 0:06  30.0/s  loss 0.4321");
  CHECK(progress_line(view(), 200, true) ==
        "epoch 1   40 % ▕████████████                  ▏  120/300  0:04 < 0:06  30.0/s  loss 0.4321");
}

TEST_CASE("the line fits any width") {
  auto columns = [](const std::string& text) {
    int n = 0;
    for (char c : text)
      n += (c & 0xC0) != 0x80;
    return n;
  };
  for (bool unicode : {false, true})
    for (int width = 1; width < 120; ++width)
      CHECK(columns(progress_line(view(), width, unicode)) <= width);
  // What matters most goes last.
  CHECK(progress_line(view(), 41, false) == "epoch 1   40 %  120/300  loss 0.4321");
}

TEST_CASE("without a total there is a count, no bar and no time left") {
  auto open = view();
  open.total = -1;
  CHECK(progress_line(open, 200, false) == "epoch 1  120  0:04  30.0/s  loss 0.4321");
}

TEST_CASE("long times and slow steps are readable") {
  ProgressView slow{"", 10, 1000, 36'000, 1.0 / 3600, {}};
  CHECK(progress_line(slow, 70, false).find("10:00:00 < 990:00:00") != std::string::npos);
  CHECK_THAT(progress_line(slow, 70, false), Contains("3600.0 s each"));
}

TEST_CASE("a file gets one line when the loop is over") {
  std::vector<int> data{1, 2, 3};
  int sum = 0;
  std::string text = in_file([&](std::FILE* file) {
    auto bar = progress(data, "epoch 1", ProgressOptions().out(file));
    for (int& x : bar) {
      sum += x;
      bar.set("loss", 0.25);
      bar.set("sum", std::to_string(sum));
    }
  });
  CHECK(sum == 6);
  CHECK_THAT(text, Contains("epoch 1  3/3  in 0.0 s") && Contains("loss 0.2500  sum 6\n"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  CHECK_THAT(text, !Contains("\r") && !Contains("\x1b"));
  CHECK(in_file([&](std::FILE* file) {
          for (int x : progress(data, "quiet", ProgressOptions().out(file).leave(false)))
            (void)x;
        }).empty());
}

TEST_CASE("a loop that is left early says how far it came") {
  std::vector<int> data(10);
  std::string text = in_file([&](std::FILE* file) {
    try {
      int steps = 0;
      for (int x : progress(data, "epoch 1", ProgressOptions().out(file)))
        if (++steps > 4) throw std::runtime_error(std::to_string(x));
    } catch (const std::runtime_error&) {
    }
  });
  CHECK_THAT(text, Contains("epoch 1  4/10"));
}

TEST_CASE("pointers, temporaries and ranges that know no size can be walked") {
  auto held = std::make_unique<std::vector<int>>(3, 7);
  struct Countdown { // ends where a sentinel of another type says, like many a generator
    int n = 3;
    struct Iterator {
      int n;
      int operator*() const { return n; }
      void operator++() { --n; }
      bool operator!=(int end) const { return n != end; }
    };
    Iterator begin() const { return {n}; }
    int end() const { return 0; }
  };
  auto quiet = [](std::FILE* file) { return ProgressOptions().out(file); };
  int sum = 0;
  CHECK_THAT(in_file([&](std::FILE* file) {
               for (int x : progress(held, "p", quiet(file)))
                 sum += x;
             }),
             Contains("p  3/3"));
  CHECK_THAT(in_file([&](std::FILE* file) {
               for (int x : progress(std::vector{1, 2}, "t", quiet(file)))
                 sum += x;
             }),
             Contains("t  2/2"));
  CHECK_THAT(in_file([&](std::FILE* file) {
               for (int x : progress(Countdown(), "c", quiet(file)))
                 sum += x;
             }),
             Contains("c  3  in"));
  CHECK_THAT(in_file([&](std::FILE* file) {
               for (int x : progress(Countdown(), "c", quiet(file).total(3)))
                 sum += x;
             }),
             Contains("c  3/3  in"));
  CHECK(sum == 21 + 3 + 6 + 6);
}

TEST_CASE("elements are the range's own, not copies") {
  std::vector<int> data(3);
  in_file([&](std::FILE* file) {
    for (int& x : progress(data, "", ProgressOptions().out(file)))
      x = 5;
  });
  CHECK(data == std::vector<int>{5, 5, 5});
}

TEST_CASE("on a terminal every drawing fits, and the cursor is never left hidden") {
  std::vector<int> data(5);
  std::string text = on_terminal(40, [&](std::FILE* terminal) {
    auto bar = progress(data, "a label that is long", ProgressOptions().out(terminal));
    for (int x : bar) {
      std::this_thread::sleep_for(std::chrono::milliseconds(60 + x));
      bar.set("some field", 1.0);
    }
  });
  REQUIRE_THAT(text, Contains("\r"));
  int hidden = 0, drawings = 0, column = 0, widest = 0;
  for (std::size_t i = 0; i < text.size() && text[i] != '\n'; ++i) {
    if (text.compare(i, 6, "\x1b[?25l") == 0)
      ++hidden, ++drawings, i += 5;
    else if (text.compare(i, 6, "\x1b[?25h") == 0)
      --hidden, i += 5;
    else if (text.compare(i, 3, "\x1b[K") == 0)
      i += 2;
    else if (text[i] == '\r')
      column = 0;
    else if ((text[i] & 0xC0) != 0x80 && ++column > widest && hidden)
      widest = column;
  }
  CHECK(hidden == 0);
  CHECK(drawings >= 3); // at the start, and more than one in 300 ms
  CHECK(widest < 40);
  CHECK_THAT(text, Contains("5/5") && Catch::EndsWith("\n"));
}

TEST_CASE("a note is printed above the bar") {
  std::string text = on_terminal(60, [&](std::FILE* terminal) {
    Progress bar("train", ProgressOptions().out(terminal).total(2));
    bar.note("saved");
  });
  CHECK_THAT(text, Contains("\rsaved\x1b[K\r\n"));
  CHECK_THAT(in_file([](std::FILE* file) { Progress("train", ProgressOptions().out(file)).note("saved"); }),
             Contains("saved\n"));
}
