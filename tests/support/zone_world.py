"""A region of zones as processes with real NATS servers, each zone in a network namespace of its own.

All namespaces meet at one `lossy_switch`. Faults are by seed; `Audit` reads what the processes wrote down.
Needs root, `ip` and `nats-server`.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from energy.identity import hex_text
from interconnect.audit import BorderAudit
from node.audit.border import follow_journal
from node.audit.border_statement import compare, statement_of
from node.interconnect.server_files import ChildAccess, ParentAccess, server_configuration
from node.storage.log import replay
from tests.support.nats_servers import BINARY
from tests.support.source_tree import ROOT
from tests.support.zone_process import Plan, stream_name
from tests.support.zones import INTERVAL_S, START, Place

HUB_PORT, NODE_PORT = 7422, 4222
SWITCH = str(ROOT / "tests" / "support" / "lossy_switch.py")


def can_make_namespaces() -> bool:
    """Say whether this machine lets us."""
    if os.geteuid() or not shutil.which("ip"):
        return False
    name = f"rg{os.getpid()}probe"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode == 0
    if made:
        ip("netns", "del", name)
    return made


def ip(*words: str) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


@dataclass
class Host:
    """One zone's machine."""

    place: Place
    name: str
    space: str
    address: str
    folder: Path
    server: "subprocess.Popen[bytes] | None" = None
    zone: "subprocess.Popen[bytes] | None" = None

    def inside(self, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.space, *words]

    def state(self) -> dict[str, Any]:
        path = self.folder / "state.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found


@dataclass
class World:
    """All of it; enter it, make trouble, heal, look."""

    folder: Path
    plan: Plan
    seed: int
    lead_s: float
    """From the start of the zones to `START` by their clocks."""
    hosts: dict[str, Host] = field(default_factory=dict)
    switch: "subprocess.Popen[str] | None" = None
    faults: Counter[str] = field(default_factory=Counter)

    def __enter__(self) -> "World":
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for host in self.hosts.values():
            for process in (host.zone, host.server):
                if process is not None:
                    process.kill()
                    process.wait()
        if self.switch is not None:
            self.switch.kill()
            self.switch.communicate()
        for space in (self._hub, *(host.space for host in self.hosts.values())):
            subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)

    # -- BUILDING

    @property
    def _hub(self) -> str:
        return f"rg{os.getpid()}hub"

    def _build(self) -> None:
        ip("netns", "add", self._hub)
        region = self.plan.region()
        for number, place in enumerate(region.places.values(), start=1):
            name = stream_name(place)
            host = Host(place, name, f"rg{os.getpid()}n{number}", f"10.77.0.{number}", self.folder / name)
            host.folder.mkdir()
            self.hosts[name] = host
            ip("netns", "add", host.space)
            ip(
                "link",
                "add",
                f"p{number}",
                "netns",
                self._hub,
                "type",
                "veth",
                "peer",
                "name",
                "e0",
                "netns",
                host.space,
            )
            ip("-n", self._hub, "link", "set", f"p{number}", "up")
            ip("-n", host.space, "addr", "add", f"{host.address}/24", "dev", "e0")
            for device in ("lo", "e0"):
                ip("-n", host.space, "link", "set", device, "up")
            # Frames pass through user space: the sender has to fill in their checksums, and to cut them up.
            subprocess.run(host.inside(sys.executable, SWITCH, "fill", "e0"), check=True)
        ports = [f"p{number}" for number in range(1, len(self.hosts) + 1)]
        self.switch = subprocess.Popen(
            ["ip", "netns", "exec", self._hub, sys.executable, SWITCH,
             str(self.seed), *ports],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.switch.stdout is not None
        assert self.switch.stdout.readline() == "ready\n"
        for host in self.hosts.values():
            self._configure(host)
            self.start_server(host)
        self.plan = replace(self.plan, began=time.time() + self.lead_s)
        for host in self.hosts.values():
            self.start_zone(host)

    def _near(self, host: Host) -> tuple[Host | None, list[Host]]:
        by_community = {each.place.community: each for each in self.hosts.values()}
        above = by_community[host.place.parent] if host.place.parent else None
        return above, [by_community[each] for each in host.place.children]

    def _configure(self, host: Host) -> None:
        above, children = self._near(host)
        text = server_configuration(
            host.name,
            host.folder / "streams",
            "UNUSED",
            f"127.0.0.1:{NODE_PORT}",
            hub_listen=f"{host.address}:{HUB_PORT}" if children else "",
            children=tuple(ChildAccess(each.name, f"password-{each.name}") for each in children),
            parent=ParentAccess(above.name, above.address, HUB_PORT, f"password-{host.name}") if above else None,
        )
        # The node is the only client in its namespace: it needs no key of its own here.
        text = text.replace("{ nkey: UNUSED }", "{ user: node, password: node }")
        (host.folder / "nats.conf").write_text(text)

    def start_server(self, host: Host) -> None:
        config = str(host.folder / "nats.conf")
        host.server = subprocess.Popen(host.inside(BINARY, "-c", config, "-l", str(host.folder / "nats.log")))

    def start_zone(self, host: Host) -> None:
        words = (json.dumps(asdict(self.plan)), host.name, str(host.folder), f"nats://node:node@127.0.0.1:{NODE_PORT}")
        with (host.folder / "zone.err").open("ab") as said:
            host.zone = subprocess.Popen(
                host.inside(sys.executable, "-m", "tests.support.zone_process", *words), cwd=ROOT, stderr=said
            )

    # -- TROUBLE

    def ways(self, host: Host, *, cut: bool = False, loss_permille: int = 0, delay_ms: int = 0) -> None:
        """Set what the switch does to a host's frames."""
        assert self.switch is not None
        assert self.switch.stdin is not None
        assert self.switch.stdout is not None
        port = f"p{list(self.hosts).index(host.name) + 1}"
        command = {"port": port, "cut": cut, "loss_permille": loss_permille, "delay_ms": delay_ms}
        self.switch.stdin.write(json.dumps(command) + "\n")
        self.switch.stdin.flush()
        self.switch.stdout.readline()

    def trouble(self, chance: Random) -> None:
        """Do one bad thing to one host."""
        host = chance.choice(list(self.hosts.values()))
        kind = chance.choice(["cut", "slow", "loss", "zone", "hub", "clock", "heal"])
        self.faults[kind] += 1
        match kind:
            case "cut":
                self.ways(host, cut=True)
            case "slow":
                self.ways(host, delay_ms=chance.randint(20, 150))
            case "loss":
                # Delays of their own let frames overtake each other.
                self.ways(host, loss_permille=200, delay_ms=20)
            case "zone":
                assert host.zone is not None
                host.zone.kill()
                host.zone.wait()
                self.start_zone(host)
            case "hub":
                hub = chance.choice([each for each in self.hosts.values() if each.place.children])
                assert hub.server is not None
                hub.server.kill()
                hub.server.wait()
                self.start_server(hub)
            case "clock":
                (host.folder / "skew").write_text(str(chance.randint(-120, 120)))
            case _:
                self.ways(host)

    def heal(self) -> None:
        """Make everything whole again."""
        for host in self.hosts.values():
            self.ways(host)
            (host.folder / "skew").write_text("0")

    # -- LOOKING

    def now(self) -> int:
        """Return the zones' time, where clocks are right."""
        return START + int((time.time() - self.plan.began) * self.plan.scale)

    def differing(self) -> list[str]:
        """Return the links whose two ledgers are not equal, or not done."""
        found = []
        end = START + (self.plan.intervals - 1) * INTERVAL_S
        for host in self.hosts.values():
            above, _ = self._near(host)
            state = host.state()
            if not state or state["cleared"] < end or state["waiting"]:
                found.append(f"{host.name}: not done")
            if above is None:
                continue
            upper = above.state().get("ledgers", {}).get(hex_text(host.place.community))
            lower = state.get("ledgers", {}).get("up")
            if state and above.state().get("came", {}).get(hex_text(host.place.community), 0) < state["exports"]:
                found.append(f"{host.name}: certificates are on their way")
            if upper is None or upper != lower or any(not outcome for _, outcome in upper["awards"].values()):
                found.append(f"{host.name}: ledgers differ")
        return found

    def audit(self) -> dict[str, Any]:
        """Hold what zones took against what they decided, to the Wh."""
        double_sold = coupled = void = runs = 0
        wrong = []
        for host in self.hosts.values():
            taken: Counter[int] = Counter()
            accepted: Counter[int] = Counter()
            cleared: Counter[int] = Counter()
            for line in (host.folder / "effects.jsonl").read_text().splitlines():
                match json.loads(line):
                    case ["coupled", interval, own, uplink]:
                        cleared[interval] += 1
                        taken[interval] += uplink
                        if not host.place.children and own != uplink:
                            wrong.append(f"{host.name}: homes and border differ in {interval}")
                    case ["decided", interval, net, 1]:
                        accepted[interval] += net
                    case ["decided", _, net, _]:
                        void += abs(net)
            double_sold += sum(abs(taken[each] - accepted[each]) for each in {*taken, *accepted})
            wrong += [f"{host.name}: cleared {each} twice" for each, times in cleared.items() if times > 1]
            coupled += sum(map(abs, accepted.values()))
            if host.place.parent is not None:
                runs += len(host.state()["ledgers"]["up"]["runs"])
        certificates = self.look_into_journals(wrong)
        return {
            "double_sold_wh": double_sold,
            "coupled_wh": coupled,
            "void_wh": void,
            "runs": runs,
            **certificates,
            "wrong": wrong,
        }

    def look_into_journals(self, wrong: list[str]) -> dict[str, int]:
        """Give every zone's journal to the auditor of borders, and compare all statements; return what crossed.

        S1, M1 and C1 across communities: what is owed adds up to 0, zones balance, each Wh is certified once.
        """
        region, audits = self.plan.region(), dict[str, BorderAudit]()
        for host in self.hosts.values():
            station = region.fresh(region.places[host.place.community])
            uplink = {station.uplink.terms.parent: station.uplink.terms} if station.uplink is not None else {}
            below = {child: side.terms for child, side in station.zone.children.items()}
            audit = BorderAudit(host.place.community, uplink | below, station.imports.origins)
            found = follow_journal(audit, station, replay(host.folder / "journal", bytes(32))[1])
            wrong += [f"{host.name}: {each}" for each in (*found, *audit.finish())]
            audits[host.name] = audit
        stated = {name: statement_of(audit) for name, audit in audits.items()}
        for name, one in stated.items():
            wrong += [f"{name} and {other}: {each}" for other, two in stated.items() for each in compare(one, two)]
        links = [books for audit in audits.values() for books in audit.links.values()]
        owed = sum(-books.balance_neur if books.as_parent else books.balance_neur for books in links)
        if owed:
            wrong.append(f"what the zones owe each other adds up to {owed} n€")
        certified: Counter[tuple[bytes, int, int]] = Counter()
        for audit in audits.values():
            certified.update((e.device, e.interval, wh) for e in audit.imports for wh in range(e.from_wh, e.to_wh))
        left = sum(each.quantity_wh for audit in audits.values() for each in audit.exports)
        came = sum(each.quantity_wh for audit in audits.values() for each in audit.imports)
        if left != came:
            wrong.append(f"{left} Wh of certificates left, {came} Wh came")
        return {"certified_wh": came, "certified_twice_wh": sum(times - 1 for times in certified.values())}


def run_world(
    folder: Path, plan: Plan, seed: int, lead_s: float, trouble_every_s: float, converge_s: float
) -> dict[str, Any]:
    """Let a world live through its plan in trouble, heal it, and return what the audit says and how long it took.

    Args:
        folder: For everything that it writes.
        plan: Of the zones.
        seed: Of the troubles.
        lead_s: From the start to the first interval, in the machine's seconds.
        trouble_every_s: One more trouble that often.
        converge_s: How long to wait after the healing.
    """
    chance = Random(seed)
    with World(folder, plan, seed, lead_s) as world:
        end = START + plan.intervals * INTERVAL_S
        while world.now() < end:
            if trouble_every_s:
                world.trouble(chance)
            time.sleep(trouble_every_s or 0.2)
        world.heal()
        healed = time.monotonic()
        while (differing := world.differing()) and time.monotonic() < healed + converge_s:
            time.sleep(0.1)
        took = round(time.monotonic() - healed, 1)
        return {**world.audit(), "differing": differing, "converge_s": took, "faults": dict(world.faults)}
