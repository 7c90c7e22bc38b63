#include "apps/stop_signals.h"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <thread>

#include "tests/apps/support/forked.h"

using namespace blindsight;
using apps::StopSignals;
using tests::in_a_process_of_its_own;

TEST_CASE("an interrupt and SIGTERM are told once, from another thread, also one that came before anybody listened") {
  for (const int signal : {SIGINT, SIGTERM})
    for (const bool early : {true, false})
      CHECK(in_a_process_of_its_own([&] {
        StopSignals signals;
        if (early) ::kill(::getpid(), signal);
        std::atomic<int> calls = 0;
        std::promise<std::thread::id> told;
        signals.on_signal([&] {
          ++calls;
          told.set_value(std::this_thread::get_id());
        });
        if (!early) ::kill(::getpid(), signal);
        const bool elsewhere = told.get_future().get() != std::this_thread::get_id();
        ::kill(::getpid(), signal);
        return elsewhere && calls == 1;
      }));
}

TEST_CASE("threads that are started later do not take the signal either") {
  CHECK(in_a_process_of_its_own([] {
    StopSignals signals;
    std::promise<void> told, end;
    std::thread other([&] { end.get_future().get(); });
    signals.on_signal([&] { told.set_value(); });
    ::kill(::getpid(), SIGTERM);
    told.get_future().get();
    end.set_value();
    other.join();
    return true;
  }));
}

TEST_CASE("who waits for a signal that does not come can end all the same") {
  CHECK(in_a_process_of_its_own([] {
    bool told = false;
    {
      StopSignals signals;
      signals.on_signal([&] { told = true; });
    }
    return !told;
  }));
}
