@0xb25f0c8de4a76f13;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("blindsight::wire::schema");

struct Hello {
  wireVersion @0 :UInt32;
  softwareVersion @1 :Text;
  role @2 :UInt8;
  publicKey @3 :Data;
  choice @4 :Text;         # protocol and way of dealing, as protocol::spelling() writes it
  deploymentId @5 :Data;   # 16 bytes, or none
  planDigest @6 :Data;     # 32 bytes, or none
  maxFrameBytes @7 :UInt32;
}

struct Confirm {
  sessionId @0 :Data;      # 32 bytes
  model @1 :UInt32;        # number under which a model is served; 0: none
}

struct Number1 { number @0 :UInt64; }

struct QueryName {
  queryId @0 :Data;
  jobDigest @1 :Data;      # 32 bytes, or none: of the job's header, where the servers compare it
}

struct Failure {
  queryId @0 :Data;        # 16 bytes of zeros: about no query
  fault @1 :UInt8;         # protocol::Fault
  what @2 :Text;
  retryAfterMs @3 :UInt32; # 0: not told
}

struct Predict {
  queryId @0 :Data;        # up to here and from client on: the job's header, equal in both halves
  planDigest @1 :Data;
  inputShare @2 :Data;
  timeline @3 :Bool;       # whether the answer shall have intervals
  client @4 :Data;         # fingerprint of the key that asks, 32 bytes
  nonce @5 :Data;          # 32 bytes
  notAfterMs @6 :UInt64;   # Unix time
  server @7 :UInt8;        # the role that this half is for
}

struct Interval {
  kind @0 :UInt8;          # wire::Interval::Kind
  band @1 :UInt32;
  beginUs @2 :UInt32;
  endUs @3 :UInt32;
  bytes @4 :UInt64;
}

struct LayerReport {
  name @0 :Text;
  computeS @1 :Float64;
  waitS @2 :Float64;
  offlineComputeS @3 :Float64;
  sentBytes @4 :UInt64;
  dealtBytes @5 :UInt64;
  rounds @6 :UInt64;
  intervals @7 :List(Interval);
  fromProducerBytes @8 :UInt64;
  toProducerBytes @9 :UInt64;
  value @10 :UInt16;
}

struct Predicted {
  queryId @0 :Data;
  outputShare @1 :Data;
  onlineS @2 :Float64;
  offlineS @3 :Float64;
  pack @4 :UInt64;
  clientBytes @5 :UInt64;
  offlineSentBytes @6 :UInt64;
  layers @7 :List(LayerReport);
  attempt @8 :Data;        # 32 bytes
}

struct DeployBegin {
  deploymentId @0 :Data;
  plan @1 :Data;
  name @2 :Text;           # of the model, as its right to be deployed is given
}

struct Status {
  version @0 :Text;
  wireVersion @1 :UInt32;
  role @2 :UInt8;
  choice @3 :Text;         # as in Hello
  inSession @4 :Bool;
  session @5 :Text;
  deployment @6 :Text;
  planDigest @7 :Text;
  serving @8 :Bool;
  packsReady @9 :UInt64;
  packDepth @10 :UInt64;
  queriesInFlight @11 :UInt64;
  clockUnixNs @12 :Int64;
  cores @13 :UInt32;
  isa @14 :Text;
  diskFreeBytes @15 :UInt64;
  plaintextLinksAllowed @16 :Bool;
}
