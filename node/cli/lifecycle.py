"""`resilia init`, `resilia node`, `resilia demo`: found a community, run its node, watch one day of a simulated one."""

import os
import re
import sys
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from market.mechanism import Mechanism, Sharing
from node.cli.failure import usage_failure
from node.cli.output import print_json, talk
from node.cli.session import session_of
from node.i18n import gettext as _
from node.i18n import language, local_interval

if TYPE_CHECKING:
    from node.app import Node
    from node.serve import Servers

TIME_ZONE_DEFAULT: Final = "Europe/Paris"

MechanismOption = Annotated[
    Mechanism, typer.Option(help="How orders meet: at once, or all at the gate; see docs/MARKET_RULES.md.")
]
RpcPortOption = Annotated[
    int | None,
    typer.Option(min=0, max=65535, metavar="PORT", help="Port of JSON-RPC; else 8545, or a free one if that is taken."),
]
WebPortOption = Annotated[
    int | None,
    typer.Option(min=0, max=65535, metavar="PORT", help="Port of the page; else 8080, or a free one if that is taken."),
]

AuditorsOption = Annotated[
    list[str] | None,
    typer.Option("--auditor", metavar="ADDRESS", help="An account that may see all bills on the page."),
]
OperatorsOption = Annotated[
    list[str] | None,
    typer.Option("--operator", metavar="ADDRESS", help="An account that may see the operator's page from elsewhere."),
]
ChainUrlOption = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Put the ledger on this EVM network instead of a chain of its own: http://…"),
]


def demo(
    context: typer.Context,
    leave: Annotated[bool, typer.Option("--exit", help="End after the day instead of serving on.")] = False,
    speed: Annotated[
        str | None, typer.Option(metavar="FACTOR", help="So many times real time, such as 600; else at full speed.")
    ] = None,
    later_speed: Annotated[
        str, typer.Option(metavar="FACTOR", help="The same after the day, when the street trades on.")
    ] = "1",
    homes: Annotated[int, typer.Option(min=2, max=17, metavar="COUNT", help="So many of the 17 homes.")] = 17,
    day: Annotated[
        str | None, typer.Option(metavar="DATE", help="A day of the data: 2016-08-15 to 2017-07-30.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, metavar="NUMBER", help="The same number gives the same day, byte for byte.")
    ] = 1,
    mechanism: MechanismOption = Mechanism.CONTINUOUS,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the node's data in this folder; else nothing is kept.")
    ] = None,
    rpc_port: RpcPortOption = None,
    web_port: WebPortOption = None,
    chain_url: ChainUrlOption = None,
) -> int:
    """Run one real day of 17 real homes through a real node, then serve it until Ctrl-C. No set-up, no network."""
    factor, factor_later, chosen_day = _speed(speed), _speed(later_speed), _day(day)
    from node.demo.runner import DemoOptions, run

    return run(
        DemoOptions(
            exit=leave,
            json=session_of(context).as_json,
            speed=factor,
            later_speed=factor_later or Fraction(1),
            homes=homes,
            day=chosen_day,
            seed=seed,
            mechanism=mechanism,
            keep=keep,
            rpc_port=rpc_port,
            web_port=web_port,
            lang=language(),
            chain_url=chain_url,
        )
    )


def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the new community; it must not exist yet.")],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the community.")] = None,
    time_zone: Annotated[
        str, typer.Option("--tz", metavar="ZONE", help="Its time zone, such as Europe/Paris.")
    ] = TIME_ZONE_DEFAULT,
    members: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV of the members and their meters; else none yet.")
    ] = None,
    tariffs: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV of the grid tariffs; else an example to edit.")
    ] = None,
    mechanism: MechanismOption = Mechanism.CONTINUOUS,
    sharing: Annotated[
        Sharing, typer.Option(help="Net among neighbours what differs from the trades, once the meters have told.")
    ] = Sharing.NONE,
    chain_url: ChainUrlOption = None,
    link: Annotated[
        str | None, typer.Option(metavar="NAME", help="Let it be linked to other communities, under this name.")
    ] = None,
    operator_decides: Annotated[
        bool,
        typer.Option("--operator-decides", help="Leave members and keys to the operator for now, not to the members."),
    ] = False,
    ask_nothing: Annotated[bool, typer.Option("--yes", help="Ask nothing; take what is not given as usual.")] = False,
) -> None:
    """Found a community: its keys, a chain of its own with the contracts, its members and tariffs."""
    session = session_of(context)
    _check_time_zone(time_zone)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise usage_failure(
            _("{folder} is in use already.").format(folder=folder),
            _("Name a new or empty folder; a community is never written over."),
        )
    _check_lists(members, tariffs)
    community_name = name or _ask_name(folder.resolve().name, ask_nothing)
    from node.coop.setup import init_community

    community = init_community(
        folder,
        name=community_name,
        tz=time_zone,
        members=members,
        tariffs=tariffs,
        mechanism=mechanism,
        sharing=sharing,
        chain_url=chain_url,
        link=link,
        members_decide=not operator_decides,
    )
    if session.as_json:
        counts = {"members": len(community.members), "chainId": community.chain_id}
        print_json("init", {"name": community.name, "folder": str(folder), **counts})
    if tariffs is None:
        talk(_("The tariffs in {path} are an example: put yours there.").format(path=folder / "tariffs.csv"))
    first = local_interval(community.first_interval, community.market.interval_length_s, community.time_zone)
    talk(_("The first interval that is traded: {first}, so that there is time for the meters.").format(first=first))
    talk(_("{name} is founded. Start its node: resilia node --dir {folder}").format(name=community_name, folder=folder))


def node(
    context: typer.Context,
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Folder that 'resilia init' made.")] = Path("."),
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Listen at this address; else 127.0.0.1, this machine alone.")
    ] = None,
    rpc_port: RpcPortOption = None,
    web_port: WebPortOption = None,
    allowed_hosts: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="A name under which browsers reach this node."),
    ] = None,
    auditors: AuditorsOption = None,
    operators: OperatorsOption = None,
    tls: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="PEM file with certificate and private key: both ports speak TLS then."),
    ] = None,
    mqtt: Annotated[
        str | None, typer.Option(metavar="URL", help="Tell Home Assistant through this broker: mqtt://HOST.")
    ] = None,
    webhooks: Annotated[
        list[str] | None, typer.Option("--webhook", metavar="URL", help="Post every event to this address.")
    ] = None,
    seal_every: Annotated[
        int | None,
        typer.Option(min=0, max=60, metavar="SECONDS", help="Seal a block of its own chain so often; else at once."),
    ] = None,
    await_standby: Annotated[
        bool,
        typer.Option("--await-standby", help="Acknowledge no order and nothing on the chain before a standby has it."),
    ] = False,
) -> None:
    """Run the node of a community until Ctrl-C. After a crash or a power cut it resumes where it stopped."""
    import asyncio

    from node.settings import load_settings

    as_json = session_of(context).as_json
    given = {
        "host": host,
        "rpc_port": rpc_port,
        "web_port": web_port,
        "allowed_hosts": tuple(allowed_hosts or ()),
        "auditors": tuple(auditors or ()),
        "operators": tuple(operators or ()),
        "tls": tls,
        "mqtt": mqtt,
        "webhooks": tuple(webhooks or ()),
        "seal_every_s": seal_every,
        "await_standby": await_standby or None,
    }
    chosen = load_settings(folder, os.environ, given)
    talk(_("Starting the node in {folder}: first its chain, then the market from its journal.").format(folder=folder))
    from node.serve import ServeOptions, serve_node  # takes a second, in which a person wants to know

    options = ServeOptions(**{name: each.value for name, each in chosen.items()})
    asyncio.run(serve_node(folder, options, lambda node, servers: _announce(node, servers, as_json=as_json)))


def _announce(node: "Node", servers: "Servers", *, as_json: bool) -> None:
    """Say that everything answers, and where; the last lines of the start, so that no log pushes them away."""
    status = node.status()
    head = status["head"]["number"]
    if as_json:
        urls = {"rpcUrl": servers.rpc_url, "webUrl": servers.web_url}
        print_json("node", {"name": status["name"], "chainId": status["chainId"], "head": head, **urls})
        sys.stdout.flush()
    talk(_("{name}: resumed at block #{head}.").format(name=status["name"], head=head))
    talk(_("Page      {url}").format(url=servers.web_url))
    talk(_("JSON-RPC  {url}  chain id {chain}").format(url=servers.rpc_url, chain=status["chainId"]))
    talk(_("Ctrl-C stops the node."))


def _speed(text: str | None) -> Fraction | None:
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?x?", text, re.ASCII) or not Fraction(text.removesuffix("x")):
        raise usage_failure(
            _("{text} is no speed.").format(text=repr(text)), _("Write it like 600, for 600 times real time.")
        )
    return Fraction(text.removesuffix("x"))


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise usage_failure(_("{text} is no day.").format(text=repr(text)), _("Write it like 2017-05-17.")) from None


def _check_lists(members: Path | None, tariffs: Path | None) -> None:
    for file, without in ((members, _("members")), (tariffs, _("tariffs of your own"))):
        if file is not None and not file.is_file():
            raise usage_failure(
                _("There is no file {file}.").format(file=file),
                _("Write it as README.md shows, or found without {what} for now.").format(what=without),
            )


def _check_time_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise usage_failure(
            _("{name} is no time zone.").format(name=repr(name)), _("Use an IANA name, such as Europe/Paris.")
        ) from None


def _ask_name(default: str, ask_nothing: bool) -> str:
    if ask_nothing or not sys.stdin.isatty():
        return default
    print(_("Name of the community [{default}]: ").format(default=default), end="", file=sys.stderr, flush=True)
    return input().strip() or default
