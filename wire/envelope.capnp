@0xd1b7c1a0a35e9c41;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("blindsight::wire::schema");

# One frame. A message longer than a frame travels in parts that arrive in order; parts of different messages may alternate.
struct Envelope {
  session @0 :UInt64;       # first eight bytes of the session id, 0 outside a session
  work :group {             # protocol::Work: what the message is about
    pack @1 :UInt64;
    model @2 :UInt32;
    band @3 :UInt32;
    value @4 :UInt16;
    layer @5 :UInt16 = 65535;
  }
  kind @6 :UInt16;          # wire::Kind
  lane @7 :UInt16;          # wire::Lane
  round @8 :UInt16;
  message @9 :UInt32;       # numbers the messages of one sender on one connection
  part @10 :UInt32;
  parts @11 :UInt32;
  totalBytes @12 :UInt64;   # of the whole message
  payload @13 :Data;
  # Room for a batch (packs that travel together) and for which attempt of a job this is. A reader of this version refuses
  # a frame in which they are not 0.
  batch @14 :UInt32;
  attempt @15 :UInt32;
}
