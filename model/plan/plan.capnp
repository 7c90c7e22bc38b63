# What a compiled model is on disk and on the wire. Shapes are rows, columns, channels.
@0xd2b5b6d9c7e1a4f3;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("blindsight::model::schema");

struct Shape {
  height @0 :UInt32;
  width @1 :UInt32;
  channels @2 :UInt32;
}

struct Window {
  height @0 :UInt32;
  width @1 :UInt32;
  strideY @2 :UInt32;
  strideX @3 :UInt32;
  padTop @4 :UInt32;
  padLeft @5 :UInt32;
  padBottom @6 :UInt32;
  padRight @7 :UInt32;
}

enum Algorithm {
  direct @0;
  winograd2 @1;
  winograd4 @2;
}

# See OutputKind in plan.h.
enum OutputKind {
  softmax @0;
  sigmoid @1;
  independent @2;
  none @3;
}

enum Orientation {
  ignored @0;
  exif @1;
}

struct Layer {
  name @0 :Text;
  in @1 :Shape;
  outChannels @2 :UInt32;
  kernel @3 :Window;
  algorithm @4 :Algorithm;
  maxPools @5 :List(Window);
  relu @6 :Bool;
  averagePools @7 :List(Window);
  fractionBits @8 :UInt8;
  activationBits @9 :UInt8;
  headroomBits @10 :UInt8;
  # Of version 2, which told them to everybody though no reader needs them. Not read, not written.
  formerlyScale @11 :Float64;
  formerlyLargestReal @12 :Float64;
  # See Plan.worst_calibrated.
  worst @13 :Float64;
  # See protocol::ReluFit; no coefficients: the layer has none.
  reluEven @14 :List(Float64);
  reluWorst @15 :Float64;
  reluRms @16 :Float64;
  # One bias for each element of the linear result instead of one for each channel.
  biasPerPosition @17 :Bool;
}

struct Plan {
  # 3. Readers also take 2, and refuse any other.
  version @0 :UInt32;
  modelName @1 :Text;
  # See Plan.weights_commitment. In version 2 it was a hash without a nonce.
  weightsCommitment @2 :Data;
  input @3 :Shape;
  layers @4 :List(Layer);
  pixelScale @5 :Float32;
  mean @6 :List(Float32);
  deviation @7 :List(Float32);
  inputScale @8 :Float64;
  inputBits @9 :UInt8;
  outputScale @10 :Float64;
  statedError @11 :Float64;
  output @12 :OutputKind;
  labels @13 :List(Text);
  calibrationImages @14 :UInt32;
  # Above this probability an output of a sigmoid is a yes.
  threshold @15 :Float64;
  # What is done about pictures that say by EXIF that they are turned.
  orientation @16 :Orientation;
  # What a reader must know beyond the version to evaluate this plan, by name. One that does not know all of it refuses
  # the plan and says the name: new fields and meanings come with a new name here, not with a new version.
  requires @17 :List(Text);
}

struct LayerWeights {
  filter @0 :List(Int32);
  bias @1 :List(Int64);
  # Ulps of the truncated result per real unit, exactly.
  scale @2 :Float64;
}

struct Weights {
  # 3. Readers refuse any other.
  version @0 :UInt32;
  layers @1 :List(LayerWeights);
  nonce @2 :Data;
}
