"""Three parties as separate processes, a client's commands, and what can be asked of them while they run."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

import network
from out import Stop

PARTIES, SERVERS = network.PARTIES, network.PARTIES[:2]
# Whom each party dials; the others dial it, and nobody the crypto producer.
DIALED_BY = {"server0": (), "server1": ("server0",), "crypto_producer": SERVERS}
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PATIENCE_S = 120


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for s in held:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def program(build, name):
    for folder in (build, os.path.join(build, "bench")):
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK):
            return path
    return None


def needed_program(build, name):
    found = program(build, name)
    if found is None:
        raise Stop(2, f"{name} is not in {build}; build it with scripts/setup")
    return found


def run(arguments, status=2):
    """Standard output of a command; its own words when it fails."""
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode != 0:
        raise Stop(status, f"{' '.join(arguments[:3])} failed:\n{(done.stderr or done.stdout).strip()}")
    return done.stdout


class Deployment:
    """A folder with configurations, a plan and three parties that serve it.

    `links`: "tls" by keys that are made here, or "plain", which a party accepts on loopback only. `settings`: further
    keys of the parties' files as {"preprocessing.depth": 2}; they can be changed between stop() and start()."""

    def __init__(self, build, folder, protocol="blink", shape=None, links="tls"):
        self.blindsight = needed_program(build, "blindsight")
        self.many_queries = needed_program(build, "many_queries")
        self.folder, self.protocol, self.links, self.settings = folder, protocol, links, {}
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        ports = free_ports(len(SERVERS) + 2 * len(PARTIES))
        self.for_parties = dict(zip(SERVERS, ports))
        self.for_clients = dict(zip(PARTIES, ports[len(SERVERS):]))
        self.metrics = dict(zip(PARTIES, ports[len(SERVERS) + len(PARTIES):]))
        self.network = network.Shaped(shape, self._ports_by_party()) if shape else network.Loopback()
        self._pins = {who: self._new_key(who) for who in (*PARTIES, "client")} if links == "tls" else {}
        self._processes = {}
        self.client = os.path.join(folder, "client.toml")
        self.plan = os.path.join(folder, "model.plan")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()
        self.network.close()

    def compile(self, model, calibration, *options):
        """Returns the bound that the compiler states on a logit's rounding error."""
        said = run([self.blindsight, "model", "compile", model, "--calibration", calibration, "--protocol",
                    self.protocol, "-o", self.plan, "--output", "softmax", *options])
        return float(re.search(r"stays below ([0-9.]+)", said).group(1))

    def start(self):
        self._write_configs()
        for party in PARTIES:
            with open(os.path.join(self.folder, party + ".log"), "a", encoding="utf-8") as log:
                self._processes[party] = subprocess.Popen(
                    [*self.network.prefix(party), self.blindsight, "party", "--config", self._config(party)],
                    stdout=log, stderr=log, preexec_fn=network.end_with_parent)
        self._until(lambda: all(self.metric(p, "blindsight_build_info") for p in PARTIES), "listen")

    def stop(self):
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes = {}

    def deploy(self):
        self._until_linked()
        run([self.blindsight, "model", "deploy", self.plan, "--config", self.client, "--protocol", self.protocol], 1)

    def check(self, model, image, stated_error):
        """Compares an encrypted answer with the float model and the fixed-point form (with polynomials where the
        protocol has them for ReLU); raises when it lies further from the latter than stated. Returns how far it lies
        from the former."""
        said = json.loads(run([self.blindsight, "model", "check", model, "--plan", self.plan, "--config", self.client,
                               "--protocol", self.protocol, "--images", image, "--most", "1", "--json"], 1).splitlines()[-1])
        ways = said["ways"]
        off = abs(ways["encrypted"]["max_abs_diff"] - ways["fixed point"]["max_abs_diff"])
        if off > 2 * stated_error:
            raise Stop(1, f"the encrypted logits lie {off:.4f} from the fixed-point ones; stated are {stated_error:.4f}")
        return ways["encrypted"]["max_abs_diff"]

    def predict(self, image, compare=None):
        """One query of `blindsight predict`: its JSON. `compare`: the trained model, to tell the difference from it."""
        return json.loads(run([self.blindsight, "predict", image, "--config", self.client, "--plan", self.plan,
                               "--protocol", self.protocol, "--json", *(["--compare", compare] if compare else [])], 1))

    def inspect(self, *options):
        """What the plan declares to cost: the JSON of `blindsight model inspect`."""
        return json.loads(run([self.blindsight, "model", "inspect", self.plan, "--protocol", self.protocol, "--json",
                               *options]))

    def predict_when_serving(self, image):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self.predict(image)
            except Stop:
                self._raise_if_ended()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def queries(self, image, in_flight, count):
        """Several queries in flight: one dictionary per answer, in the order of their coming."""
        said = run([self.many_queries, "--config", self.client, "--plan", self.plan, "--image", image, "--protocol",
                    self.protocol, "--in-flight", str(in_flight), "--count", str(count)], 1)
        return [json.loads(line) for line in said.splitlines()]

    def wait_for_packs(self, count):
        """Until server 0 can hand out `count` packs."""
        self._until(lambda: (self.metric("server0", "blindsight_pack_pool_depth") or 0) >= count, f"prepare {count} packs")

    def metric(self, party, name, **labels):
        """Sum over a metric's lines with these labels at a party; None when it does not answer or has none such."""
        try:
            url = f"http://{self.network.address(party)}:{self.metrics[party]}/metrics"
            with urllib.request.urlopen(url, timeout=5) as answer:
                text = answer.read().decode()
        except (urllib.error.URLError, OSError):
            return None
        values = [float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                  if line.startswith(name) and line[len(name)] in " {"
                  and all(f'{label}="{value}"' in line for label, value in labels.items())]
        return sum(values) if values else None

    def peak_rss_mb(self):
        """Largest resident memory of each party's process since its start, in 10^6 bytes."""
        peaks = {}
        for party, process in self._processes.items():
            with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                peaks[party] = int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) * 1024 / 1e6
        return peaks

    def _config(self, party):
        return os.path.join(self.folder, party + ".toml")

    def _key(self, who):
        return os.path.join(self.folder, who + ".key")

    def _new_key(self, who):
        """Makes the key of a party or of the client; returns its pin."""
        return re.search(r'pins = "(.+)"', run([self.blindsight, "key", "new", self._key(who)])).group(1)

    def _identity(self, who, others):
        """Lines by which `who` proves itself and knows the others."""
        if self.links == "plain":
            return ["insecure_plaintext_links = true"]
        return [f'key = "{self._key(who)}"', *(f'pins.{other} = "{self._pins[other]}"' for other in others)]

    def _write_configs(self):
        for party in PARTIES:
            address = self.network.listen(party)
            lines = [f'role = "{party}"', f'protocol = "{self.protocol}"',
                     f'listen.clients = "{address}:{self.for_clients[party]}"',
                     f'data_dir = "{os.path.join(self.folder, party)}"',
                     f'metrics.listen = "{address}:{self.metrics[party]}"']
            if party in SERVERS:
                lines.append(f'listen.parties = "{address}:{self.for_parties[party]}"')
            lines += [f'peers.{peer} = "{self.network.reach(party, peer, self.for_parties[peer])}"'
                      for peer in DIALED_BY[party]]
            lines += self._identity(party, [other for other in PARTIES if other != party])
            if self.links == "tls":
                lines.append(f'clients.bench = {{ pins = "{self._pins["client"]}", predict = true, deploy = ["*"] }}')
            lines += [f"{key} = {json.dumps(value)}" for key, value in self.settings.items()]
            with open(self._config(party), "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
        lines = [f'{party} = "{self.network.reach("client", party, self.for_clients[party])}"' for party in PARTIES]
        lines += self._identity("client", PARTIES)
        if "query.timeout_ms" in self.settings:
            lines.append(f'query.timeout_ms = {self.settings["query.timeout_ms"]}')
        with open(self.client, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def _ports_by_party(self):
        return {party: [ports[party] for ports in (self.for_parties, self.for_clients) if party in ports]
                for party in PARTIES}

    def _raise_if_ended(self):
        for party, process in self._processes.items():
            if process.poll() is not None:
                with open(os.path.join(self.folder, party + ".log"), encoding="utf-8") as log:
                    last = "".join(log.readlines()[-5:])
                raise Stop(1, f"{party} ended (status {process.returncode}):\n{last}")

    def _until(self, true, what):
        deadline = time.monotonic() + PATIENCE_S
        while not true():
            self._raise_if_ended()
            if time.monotonic() > deadline:
                raise Stop(1, f"the parties do not {what} within {PATIENCE_S} s; their logs are in {self.folder}")
            time.sleep(0.05)

    def _until_linked(self):
        self._until(lambda: all((self.metric(p, "blindsight_peer_connected") or 0) >= 2 for p in PARTIES),
                    "find each other")
