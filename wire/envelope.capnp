@0xd1b7c1a0a35e9c41;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("blindsight::wire::schema");

# One frame. A message longer than a frame travels in parts that arrive in order; parts of different messages may alternate.
struct Envelope {
  session @0 :UInt64;     # first eight bytes of the session id, 0 outside a session
  query @1 :UInt64;       # number of the pack that the query uses
  kind @2 :UInt16;        # wire::Kind
  stage @3 :UInt16;
  tile @4 :UInt32;
  round @5 :UInt16;
  lane @6 :UInt16;        # wire::Lane
  message @7 :UInt32;     # numbers the messages of one sender on one connection
  part @8 :UInt32;
  parts @9 :UInt32;
  totalBytes @10 :UInt64; # of the whole message
  payload @11 :Data;
}
