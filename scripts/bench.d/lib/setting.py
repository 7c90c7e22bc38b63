"""What every benchmark of whole deployments can be told, and how one is brought to serve a workload."""

import argparse
import contextlib
import os
import shutil

import network
from out import Stop, progress
from parties import ROOT, Deployment
from workloads import all_workloads


def parser(name, description, runs, default_network=None):
    """`runs`: how often by default; None: the benchmark has its own way to say what runs, and by which protocol."""
    p = argparse.ArgumentParser(prog=f"scripts/bench {name}", description=description,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    if runs is not None:
        p.add_argument("--runs", type=int, default=runs, metavar="N", help="measured queries (default %(default)s)")
        p.add_argument("--protocol", default="blink", metavar="NAME",
                       help="how queries are computed (default %(default)s)")
    p.add_argument("--network", choices=["none", *network.SHAPES], default=default_network or "none",
                   help="none: loopback; lan: 1 Gbit/s between any two; lan-shared: 1 Gbit/s for all of a machine's "
                        "links together; wan: 100 Mbit/s and 20 ms one way. All but none need network namespaces and "
                        "end with status 77 where those are not permitted (default %(default)s)")
    p.add_argument("--build", default=os.path.join(ROOT, "build", "release"), metavar="DIR",
                   help="programs to measure (default build/release)")
    return p


def parse(p):
    arguments = p.parse_args()
    if getattr(arguments, "runs", 1) < 1:
        p.error("--runs must be at least 1")
    if arguments.network != "none":
        network.enter("--network " + arguments.network)
    return arguments


def workload_named(name):
    known = all_workloads()
    if name not in known:
        raise Stop(2, f"there is no workload {name}; there are: {', '.join(known)}")
    return known[name]


def cores():
    return len(os.sched_getaffinity(0))


@contextlib.contextmanager
def fresh_folder(name):
    """Below run/, and not shared with a benchmark that runs at the same time. It stays when the parties failed, for
    their logs."""
    folder = os.path.join(ROOT, "run", f"bench-{name}-{os.getpid()}")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    try:
        yield folder
    except Stop as stop:
        if stop.status == 1:
            progress(f"the parties' logs are in {folder}")
        else:
            shutil.rmtree(folder)
        raise
    except BaseException:
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)


class Serving:
    """A workload, compiled; a deployment of it that is started with given settings, and its answers checked.

    `like`: another of the same workload, whose files are used instead of made again."""

    def __init__(self, arguments, workload, folder, links="tls", like=None):
        self.workload, self.links = workload, links
        self.model = like.model if like else workload.model_file(arguments.build, folder)
        self.image = like.image if like else workload.one_image(folder)
        self.parties = Deployment(arguments.build, os.path.join(folder, "parties-" + links), arguments.protocol,
                                  network.SHAPES.get(arguments.network), links)
        if like:
            self.parties.plan, self.stated_error = like.parties.plan, like.stated_error
        else:
            progress(f"{workload.name}: compiling")
            self.stated_error = self.parties.compile(self.model, workload.calibration)
        self.difference = None
        self._deployed = False

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.parties.__exit__()

    def start(self, **settings):
        """Parties with these settings ("preprocessing_depth" is preprocessing.depth), serving; the first time, the
        answer is checked."""
        self.parties.stop()
        self.parties.settings = {key.replace("_", ".", 1): value for key, value in settings.items()}
        self.parties.start()
        if not self._deployed:
            progress(f"{self.workload.name}: deploying")
            self.parties.deploy()
            progress(f"{self.workload.name}: checking an answer")
            self.difference = self.parties.check(self.model, self.image, self.stated_error)
            self._deployed = True
        else:
            self.parties.predict_when_serving(self.image)
