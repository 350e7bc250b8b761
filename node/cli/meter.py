"""`resilia meter`: simulate a meter, watch one live, and pair one with a member before anything rests on it.

None of these needs a node. A serial number is personal: it is shown at the terminal of whoever holds the meter's line.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli import meter_corrections
from node.cli.failure import ExitCode, Failure, usage_failure
from node.cli.help_pages import Command, Group
from node.cli.output import print_json, print_line, talk
from node.cli.session import session_of
from node.i18n import gettext as _

if TYPE_CHECKING:
    from metering.registers import RegisterSample
    from metering.sources.ports import Source
    from metering.sources.simulators.line import SimulatedLine

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Read, try out and pair electricity meters.")

SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="PROTOCOL:PLACE",
        help="The place is a serial line such as /dev/ttyUSB0, a TCP port such as tcp://192.0.2.7:2001, or a file.",
    ),
]
FolderOption = Annotated[Path, typer.Option("--dir", metavar="DIR", help="Folder that relative places start from.")]


# -- SIMULATE


@app.command("simulate", cls=Command)
def simulate(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="Kind of meter; a wrong one lists them all.")],
    tcp: Annotated[
        int | None, typer.Option(metavar="PORT", help="Speak on this TCP port of this machine, not on a terminal line.")
    ] = None,
    serial: Annotated[str, typer.Option(metavar="TEXT", help="Serial number, in the form of the kind's own.")] = "",
    every: Annotated[
        int, typer.Option(metavar="SECONDS", min=0, help="How often it sends; as often as the real one if left out.")
    ] = 0,
) -> None:
    """Be a meter: send its real telegrams, of a home with solar power, until Ctrl-C. Prints where to read it."""
    import asyncio

    from metering.sources.simulators.charge_point import CHARGE_POINTS
    from metering.sources.simulators.kinds import KINDS
    from metering.sources.simulators.line import PtyLine, TcpLine
    from metering.sources.simulators.meter import MeterSimulator
    from node.clock import SystemClock
    from node.readings.simulated_home import SimulatedHome

    session = session_of(context)
    if kind in CHARGE_POINTS:
        _be_charge_point(kind, tcp or 9_000, serial, every, as_json=session.as_json)
        return
    if kind not in KINDS:
        raise usage_failure(
            _("There is no kind of meter called {kind}.").format(kind=repr(kind)),
            _("The kinds are: {kinds}.").format(kinds=", ".join((*KINDS, *CHARGE_POINTS))),
        )
    network_only = KINDS[kind].published
    line: SimulatedLine = PtyLine() if tcp is None and not network_only else TcpLine(port=tcp or 0)
    simulator = MeterSimulator(KINDS[kind], line, serial)
    clock = SystemClock()
    home = SimulatedHome(clock.now())
    try:
        simulator.telegram(home.registers(clock.now()))
    except ValueError:
        line.close()
        raise usage_failure(
            _("{serial} is no serial number of this kind of meter.").format(serial=repr(serial)),
            _("Write it like {example}.").format(example=KINDS[kind].serial),
        ) from None
    if session.as_json:
        print_json("meter-simulate", {"source": simulator.source, "serial": simulator.serial})
    else:
        print_line(simulator.source)
    sys.stdout.flush()  # Whoever reads a pipe waits for it.
    if simulator.is_encrypted:
        talk(_("Its keys are the two lines below; keep them in a file, and name it in the source's option 'keys'."))
        for key in _simulated_keys():
            talk(key)
    talk(_("Meter {serial} speaks until you press Ctrl-C.").format(serial=simulator.serial))
    try:
        asyncio.run(simulator.run(lambda: home.registers(clock.now()), every))
    finally:
        simulator.close()


def _be_charge_point(kind: str, port: int, serial: str, every: int, *, as_json: bool) -> None:
    """Call whoever listens for charge points on a port of this machine, and report to it."""
    import asyncio

    from metering.sources.simulators.charge_point import ChargePointSimulator
    from node.clock import SystemClock
    from node.readings.simulated_home import SimulatedHome

    simulator = ChargePointSimulator(f"ws://127.0.0.1:{port}/SIM-1", serial or "SIM-EVSE-1")
    source, clock = f"{kind}:tcp://127.0.0.1:{port}", SystemClock()
    home = SimulatedHome(clock.now())
    if as_json:
        print_json("meter-simulate", {"source": source, "serial": simulator.serial})
    else:
        print_line(source)
    sys.stdout.flush()
    talk(_("Meter {serial} speaks until you press Ctrl-C.").format(serial=simulator.serial))
    asyncio.run(simulator.run(lambda: home.registers(clock.now()), every or 10))


def _simulated_keys() -> tuple[str, str]:
    from metering.sources.simulators.kinds import SIMULATED_KEYS

    return SIMULATED_KEYS.encryption.hex(), SIMULATED_KEYS.authentication.hex()


# -- WATCH


@app.command("watch", cls=Command)
def watch(
    context: typer.Context,
    source_name: SourceArgument,
    folder: FolderOption = Path("."),
    count: Annotated[
        int, typer.Option(metavar="N", min=0, help="Stop after so many telegrams; never if left out.")
    ] = 0,
) -> None:
    """Show a meter's registers as they come, and every telegram that is refused, until Ctrl-C."""
    import asyncio

    from node.cli.meter_listening import watch_source

    session = session_of(context)
    asyncio.run(watch_source(_open(source_name, folder), count, as_json=session.as_json))


# -- PAIR


@app.command("pair", cls=Command)
def pair(
    context: typer.Context,
    source_name: SourceArgument,
    folder: FolderOption = Path("."),
    wait: Annotated[int, typer.Option(metavar="SECONDS", min=1, help="How long to listen at most.")] = 60,
    members: Annotated[
        Path | None, typer.Option(metavar="FILE", help="List of members, as for 'resilia init', to save the meter in.")
    ] = None,
    label: Annotated[str, typer.Option(metavar="LABEL", help="The member whose meter it is.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Save without asking.")] = False,
) -> None:
    """Listen to a meter, show its first readings, and save it for a member once you agree. Saves nothing by itself."""
    import asyncio

    from node.cli.meter_listening import first_samples, sample_json, sample_line

    session = session_of(context)
    if (members is None) != (not label):
        raise usage_failure(
            _("A meter is saved for a member in a list of members."), _("Give both --members FILE and --label LABEL.")
        )
    source = _open(source_name, folder)
    samples, refused = asyncio.run(first_samples(source, wait))
    if not samples:
        advice = _("Check the cable, the protocol and, for Linky, the mode. Refused telegrams: {refused}.")
        detail = {"refused": refused}
        message = _("No good telegram came within {seconds} s.").format(seconds=wait)
        raise Failure(ExitCode.FAILED, message, advice.format(refused=sum(refused.values())), detail)
    remarks = _remarks(source, samples)
    if session.as_json:
        items = [sample_json(sample) for sample in samples]
        print_json(
            "meter-pair", {"source": source_name, "trust": source.trust.name, "items": items, "remarks": remarks}
        )
    else:
        for sample in samples:
            print_line(sample_line(sample))
        print_line(_("Serial number: {serial}").format(serial=samples[-1].serial))
        print_line(_("Trust class: {trust}").format(trust=source.trust.name))
    for remark in remarks:
        talk(remark)
    if members is not None:
        _save(members, label, source_name, samples[-1].serial, yes=yes)


def _remarks(source: "Source", samples: list["RegisterSample"]) -> list[str]:
    """Return what a person should know before this meter is relied on."""
    from metering.readings import TrustClass

    last = samples[-1]
    remarks = []
    if len({sample.serial for sample in samples}) > 1:
        remarks.append(_("Several meters speak on this line."))
    if source.trust > TrustClass.C:
        remarks.append(_("Nothing protects these telegrams: nothing can be settled or certified from them."))
    if last.clock_degraded:
        remarks.append(_("This meter tells no time that can be relied on; the time of arrival counts."))
    if not last.producer:
        remarks.append(_("This meter does not count what is fed into the grid."))
    if last.power_w is None and last.import_index_wh and last.import_index_wh % 1_000 == 0:
        remarks.append(_("It may show whole kWh only: enter its PIN to see every Wh."))
    return remarks


def _save(members: Path, label: str, source_name: str, serial: str, *, yes: bool) -> None:
    from node.cli.member_list import pair_member

    question = _("Save this meter for {label} in {file}?").format(label=label, file=members)
    if not yes and not typer.confirm(question, err=True):
        talk(_("Nothing was saved."))
        return
    try:
        pair_member(members, label, source_name, serial)
    except (OSError, ValueError) as error:
        raise Failure(
            ExitCode.FAILED,
            _("{file} was not changed: {reason}").format(file=members, reason=error),
            _("It must be a list of members as 'resilia init' takes it, with this label once."),
        ) from None
    talk(_("Saved for {label} in {file}.").format(label=label, file=members))


# -- CORRECT

app.command("correct", cls=Command)(meter_corrections.correct)
app.command("clear", cls=Command)(meter_corrections.clear)


# -- ALL


def _open(source_name: str, folder: Path) -> "Source":
    from metering.protocols import source_of
    from node.clock import SystemClock

    return source_of(source_name, folder, SystemClock().now)
