#include "wire/job.h"

#include <doctest/doctest.h>

#include <set>

using namespace blindsight::wire;

TEST_CASE("a job's digest changes with every part of its header") {
  const JobHeader header{{1}, {2}, {3}, {4}, 5};
  std::set<JobDigest> seen{digest(header)};
  const auto is_new = [&](auto change) {
    auto other = header;
    change(other);
    CHECK(seen.insert(digest(other)).second);
  };
  is_new([](JobHeader& h) { h.job[15] = 1; });
  is_new([](JobHeader& h) { h.plan[31] = 1; });
  is_new([](JobHeader& h) { h.client[31] = 1; });
  is_new([](JobHeader& h) { h.nonce[31] = 1; });
  is_new([](JobHeader& h) { h.not_after_ms = 6; });
  is_new([](JobHeader& h) { h.not_after_ms = std::uint64_t{5} << 56; });
  CHECK(digest(header) == digest(JobHeader{{1}, {2}, {3}, {4}, 5}));
}

TEST_CASE("an attempt is one pack of one session, and no job's digest") {
  const SessionId session{1}, other{2};
  const std::set<Attempt> all{attempt_of(session, 1), attempt_of(session, 2), attempt_of(session, 257),
                              attempt_of(other, 1), digest({})};
  CHECK(all.size() == 5);
}
