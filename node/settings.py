"""The local settings of a node: where it listens, who may see what, whom it tells. Not what the community agreed on.

Each is taken from the first place that has it: the command line, the environment (``RESILIA_NODE_WEB_PORT``), the file
`node.toml` in the node's folder, what is usual. Lists are written with commas in the environment.
Refuses: keys that are none, and values of the wrong kind, with the place and the line.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dispatch.goals import GOALS_MAX
from energy.errors import Misconfigured
from node.i18n import mark
from node.interconnect.options import SERVER, SILENCE_S

FILE: Final = "node.toml"
ENVIRONMENT: Final = "RESILIA_NODE_"
COMMAND_LINE: Final = mark("command line")
USUAL: Final = mark("usual")
PORT_MAX: Final = 65_535
SECONDS_MAX: Final = 60
LEAD_S_MAX: Final = 86_400


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting."""

    name: str
    kind: str
    """What a value must be, in words."""
    usual: Any
    about: str
    read: Callable[[Any], Any]
    """From a value of TOML, or a text of the environment; raises ValueError."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The value of a setting and where it comes from."""

    setting: Setting
    value: Any
    origin: str


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def _port(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch("[0-9]{1,5}", value):
        value = int(value)
    if type(value) is not int or not 0 <= value <= PORT_MAX:
        raise ValueError
    return value


def _lead(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch("[0-9]{1,5}", value):
        value = int(value)
    if type(value) is not int or not 1 <= value <= LEAD_S_MAX:
        raise ValueError
    return value


def _whole(most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, str) and re.fullmatch("[0-9]{1,10}", value):
            value = int(value)
        if type(value) is not int or not 0 <= value <= most:
            raise ValueError
        return value

    return read


def _yes_or_no(value: Any) -> bool:
    return {True: True, False: False, "true": True, "false": False}[value]


def _list(check: str) -> Callable[[Any], tuple[str, ...]]:
    def read(value: Any) -> tuple[str, ...]:
        items = [each.strip() for each in value.split(",") if each.strip()] if isinstance(value, str) else value
        if not isinstance(items, list | tuple) or not all(isinstance(each, str) for each in items):
            raise ValueError
        if not all(re.fullmatch(check, each) for each in items):
            raise ValueError
        return tuple(items)

    return read


def _accounts(value: Any) -> tuple[str, ...]:
    return tuple(each.lower() for each in _list("0x[0-9a-fA-F]{40}")(value))


SETTINGS: Final = {
    each.name: each
    for each in (
        Setting(
            "host", mark("an address of this machine"), "127.0.0.1",
            mark("Where the node listens; 127.0.0.1 is this machine alone."), _text,
        ),
        Setting("rpc_port", mark("a port"), None, mark("Port of JSON-RPC; 8545, or any free one."), _port),
        Setting("web_port", mark("a port"), None, mark("Port of the page; 8080, or any free one."), _port),
        Setting(
            "allowed_hosts", mark("a list of names"), (),
            mark("Names, besides addresses, under which browsers may reach this node."), _list(r"[\w.-]+"),
        ),
        Setting(
            "auditors", mark("a list of accounts"), (),
            mark("Accounts that may see all bills on the page."), _accounts,
        ),
        Setting(
            "operators", mark("a list of accounts"), (),
            mark("Accounts that may see the operator's page from elsewhere."), _accounts,
        ),
        Setting(
            "tls", mark("a file"), None,
            mark("PEM file with certificate and private key: both ports speak TLS then."), _text,
        ),
        Setting(
            "mqtt", mark("mqtt://HOST"), None,
            mark("Broker through which Home Assistant is told prices and totals; none if left out."), _text,
        ),
        Setting(
            "mqtt_accounts", mark("a list of accounts"), (),
            mark("Accounts whose own trades and certificates Home Assistant is told, too."), _accounts,
        ),
        Setting(
            "webhooks", mark("a list of addresses"), (),
            mark("Addresses that every trade, interval and run is posted to, as CloudEvents."), _list(r"https?://\S+"),
        ),
        Setting(
            "seal_every_s", mark("seconds, 0 to 60"), 0,
            mark("How often the node's own chain seals a block; 0 for at once."), _whole(SECONDS_MAX),
        ),
        Setting(
            "await_standby", mark("true or false"), False,
            mark("Whether nothing on that chain counts as done before a standby has it."), _yes_or_no,
        ),
        Setting(
            "link_server", mark("an address such as nats://10.0.0.1"), SERVER,
            mark("The community's own NATS server, by which it speaks to its neighbours."), _text,
        ),
        Setting(
            "link_offer_lead_s", mark("seconds, 1 to 86400"), None,
            mark("How long before delivery what the book can not match is offered to the parent."), _lead,
        ),
        Setting(
            "link_close_lead_s", mark("seconds, 1 to 86400"), None,
            mark("How long before delivery the zone is cleared, with or without the parent's award."), _lead,
        ),
        Setting(
            "link_silence_s", mark("seconds, 1 to 86400"), SILENCE_S,
            mark("The parent counts as cut off when it has not answered for so long."), _lead,
        ),
        Setting(
            "goal_carbon_ueur_per_g", mark("µ€, 0 to 10000"), 0,
            mark("What a gram of the grid's CO2e counts in members' plans; 100 is 100 €/t."),
            _whole(GOALS_MAX["carbon_ueur_per_g"]),
        ),
        Setting(
            "goal_peak_ueur_per_kw", mark("µ€, 0 to 1000000000"), 0,
            mark("What a kW of a home's highest import counts in members' plans."),
            _whole(GOALS_MAX["peak_ueur_per_kw"]),
        ),
        Setting(
            "goal_reserve_permille", mark("thousandths, 0 to 1000"), 0,
            mark("How full members' batteries are planned to stay, for an island."),
            _whole(GOALS_MAX["reserve_permille"]),
        ),
    )
}  # fmt: skip


def load_settings(folder: Path, environment: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Chosen]:
    """Return all settings with where each comes from.

    Args:
        folder: The node's.
        environment: Variables by name.
        given: What stands on the command line by name; None and empty tuples for what does not.
    Raises:
        Misconfigured: says which key of which place is wrong, and what it must be.
    """
    file = folder / FILE
    written = _written(file)
    variables = {
        name.removeprefix(ENVIRONMENT).lower(): value
        for name, value in environment.items()
        if name.startswith(ENVIRONMENT)
    }
    for place, keys in ((str(file), written), (f"the environment's {ENVIRONMENT}…", variables)):
        unknown = [key for key in keys if key not in SETTINGS]
        if unknown:
            raise Misconfigured(f"{place} has no setting {unknown[0]!r}; there are {', '.join(SETTINGS)}")
    chosen = {}
    for name, setting in SETTINGS.items():
        if given.get(name) not in (None, ()):
            chosen[name] = _checked(setting, given[name], COMMAND_LINE)
        elif name in variables:
            chosen[name] = _checked(setting, variables[name], ENVIRONMENT + name.upper())
        elif name in written:
            chosen[name] = _checked(setting, written[name], f"{file}, line {_line_of(file, name)}")
        else:
            chosen[name] = Chosen(setting, setting.usual, USUAL)
    return chosen


def _written(file: Path) -> dict[str, Any]:
    try:
        with open(file, "rb") as opened:
            return tomllib.load(opened)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"{file} can not be read: {error}") from None


def _checked(setting: Setting, value: Any, origin: str) -> Chosen:
    try:
        return Chosen(setting, setting.read(value), origin)
    except (ValueError, TypeError, KeyError):
        raise Misconfigured(f"{origin}: {setting.name} must be {setting.kind}, not {value!r}") from None


def _line_of(file: Path, key: str) -> int:
    lines = file.read_text().splitlines()
    return next((number for number, line in enumerate(lines, 1) if re.match(rf"\s*{key}\s*=", line)), 1)
