"""The networks that are measured."""

import json
import os
import struct
from dataclasses import dataclass

from out import progress
from parties import ROOT, needed_program, program, run

ZOO = os.path.join(ROOT, "model", "zoo")
_SKIN = os.path.join(ZOO, "skin-vgg16-avgpool-v2-int8.onnx")
_LESION = os.path.join(ZOO, "images", "malignant")


@dataclass
class Workload:
    name: str
    model: str
    input: str
    pooling: str
    file: str
    calibration: str
    image: str
    make: list

    def one_image(self, folder):
        """The image, alone in a file: of an IDX file the first one."""
        if not self.image.endswith("idx3-ubyte"):
            return self.image
        path = os.path.join(folder, "first.idx3-ubyte")
        with open(self.image, "rb") as many, open(path, "wb") as one:
            magic, unused_count, rows, columns = struct.unpack(">4I", many.read(16))
            one.write(struct.pack(">4I", magic, 1, rows, columns) + many.read(rows * columns))
        return path

    def model_file(self, build, folder):
        """The ONNX file, written into `folder` when it is not in the zoo."""
        if self.make is None:
            return self.file
        path = os.path.join(folder, self.file)
        run([needed_program(build, "untrained_vgg16"), path, *self.make])
        return path


def _vgg(name, model, size, pooling, make):
    lesion = os.path.join(_LESION, sorted(os.listdir(_LESION))[0])
    return Workload(name, model, f"{size}x{size}x3", pooling, _SKIN if make is None else name + ".onnx",
                    os.path.join(ZOO, "calibration"), lesion, make)


def all_workloads():
    listed = [
        _vgg("seed-avg", "VGG16, trained", 200, "average", None),
        _vgg("seed-max", "VGG16, trained with average pooling", 200, "max", ["--pooling", "max", "--like", _SKIN]),
        _vgg("vgg16-224-max", "VGG16, untrained", 224, "max", ["--pooling", "max", "--size", "224"]),
        _vgg("vgg16-224-avg", "VGG16, untrained", 224, "average", ["--pooling", "average", "--size", "224"]),
        Workload("mnist", "MNIST-8, trained", "28x28x1", "max", os.path.join(ZOO, "mnist-8.onnx"),
                 os.path.join(ZOO, "mnist-calibration.idx3-ubyte"), os.path.join(ZOO, "mnist-100.idx3-ubyte"), None),
    ]
    return {w.name: w for w in listed}


def plaintext(build, model, runs):
    """Median seconds of an image in the clear with oneDNN; None when that benchmark was not built."""
    bench = program(build, "bench_plaintext")
    if bench is None:
        progress("  bench_plaintext was not built (libdnnl-dev is missing): no time in plaintext")
        return None
    return json.loads(run([bench, model, "--runs", str(runs)], 1).splitlines()[-1])["plaintext_s"]
