"""`resilia dispatch run|status`: let an agent plan, bid and drive the devices of your home, and see what it does."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from node.cli.failure import ExitCode, Failure
from node.cli.keystore import choose_key, key_folder, unlock
from node.cli.orders import AccountOption, KeyOption, PasswordOption
from node.cli.output import print_json, print_line, table, talk
from node.cli.parsing import account_of
from node.cli.session import session_of
from node.i18n import energy, local_time, mark, number, price
from node.i18n import gettext as _

PAGE_URL = "http://127.0.0.1:8080"

HomeArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The home, in the format of docs/DISPATCH.md.")]
FolderOption = Annotated[Path, typer.Option("--dir", metavar="DIR", help="Folder that the agent keeps for itself.")]
ShownOption = Annotated[
    Path | None,
    typer.Option("--show-in", metavar="DIR", help="Node's folder: its page shows everybody the plan of your storage."),
]
PageOption = Annotated[str, typer.Option("--node", metavar="URL", help="Page of the node.")]

ALARMS = {
    "device-disobeys": mark("{subject} does not do what it is told. It is left alone for an hour."),
    "content-jumped": mark("{subject} says it holds what can not be. It rests until it says so three times."),
    "meter-silent": mark("The meters are silent. All devices rest."),
    "meter-absurd": mark("Meter {subject} says what can not be. It is not believed."),
    "weather-absurd": mark("Some weather can not be. It is left out."),
    "weather-missing": mark("Some weather is missing. The forecasts do without it."),
    "load-silent": mark("The switch of {subject} does not say that it did what it was told. The others go on."),
    "no-plan": mark("There is no plan. The devices follow what was traded."),
    "balance-absurd": mark("What the node says of the street can not be. The home does not answer it."),
    "node-away": mark("The node does not answer. The home is planned for itself."),
    "order-refused": mark("The node refuses an order."),
}

SERIES = {
    "load": mark("use"),
    "sun": mark("sun"),
    "wind": mark("wind"),
    "heat": mark("heat"),
    "import-price": mark("supplier's price, µ€/kWh"),
    "export-price": mark("price for what is fed in, µ€/kWh"),
    "carbon": mark("carbon of the grid, g/kWh"),
}
"""What is forecast, beside whether each car is there."""
METHODS = {
    "naive": mark("yesterday's values"),
    "week": mark("mean of a week"),
    "recent": mark("mean of three weeks"),
    "blend": mark("regression and mean"),
    "mostly-ridge": mark("mostly regression"),
    "ridge": mark("regression"),
}


def run_dispatch(
    context: typer.Context,
    home: HomeArgument,
    folder: FolderOption = Path("dispatch"),
    page: PageOption = PAGE_URL,
    shown_in: ShownOption = None,
    key_file: KeyOption = None,
    account: AccountOption = None,
    password_file: PasswordOption = None,
) -> int:
    """Forecast, plan, bid with your key and drive your devices, until Ctrl-C."""
    import asyncio
    import signal

    from node.agent.files import AgentFolder
    from node.agent.home_file import load_home
    from node.agent.member_agent import MemberAgent
    from node.agent.running import run_agent
    from node.client import Client
    from node.clock import SystemClock

    loaded = load_home(home)
    key = unlock(choose_key(key_folder(), key_file, account_of(account) if account else None), password_file)
    clock, kept = SystemClock(), AgentFolder(folder)

    async def run() -> None:
        stop = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        with Client(page, key) as client:
            agent = MemberAgent(loaded, kept, client, clock.now(), shown_in)
            talk(_("The agent drives your home until you press Ctrl-C."))
            await run_agent(agent, loaded, kept, home.parent, clock, stop)

    asyncio.run(run())
    talk(_("Stopped: the orders are taken back, and the devices rest."))
    return ExitCode.OK


def show_dispatch(context: typer.Context, folder: FolderOption = Path("dispatch")) -> int:
    """Show what the agent of a home does now, and what is wrong."""
    status = read_status(folder)
    if session_of(context).as_json:
        print_json("dispatch-status", {name: value for name, value in status.items() if name != "schema"})
        return ExitCode.OK
    at = local_time(status["at"], "UTC")
    print_line((_("Running, {time}") if status["running"] else _("Stopped, {time}")).format(time=at))
    if status["island"]:
        talk(_("Without the grid: what the home uses comes first."))
    elif status.get("returning"):
        talk(_("The grid is back: the exchange with it rises step by step."))
    rows = [
        (
            device["name"],
            f"{number(device['power_w'])} W",
            "" if device["content_wh"] is None else energy(device["content_wh"]),
            _("left alone") if device["withdrawn"] else "",
        )
        for device in status["devices"]
    ]
    print_line(table([_("Device"), _("Power"), _("Stored"), ""], "<>><", rows))
    switched = [
        (
            load["name"],
            number(load["priority"]),
            f"{number(load['power_w'])} W",
            _("on") if load["on"] else _("off"),
            "" if load["acknowledged"] else _("not said yet"),
        )
        for load in status.get("loads", [])
    ]
    if switched:
        print_line(table([_("Load"), _("Priority"), _("Power"), "", ""], "<>><<", switched))
    forecasts = [
        (
            _(SERIES[told["name"]]) if told["name"] in SERIES else told["name"],
            _(METHODS[told["method"]]),
            number(told["error"]),
            number(told["naive_error"]),
        )
        for told in status.get("forecasts", [])
    ]
    print_line(table([_("Forecast"), _("By"), _("Error"), _("Error of yesterday's values")], "<<>>", forecasts))
    print_line(_("Agreed for this interval: {energy}").format(energy=energy(status["agreed_wh"])))
    for quote in status["quotes"]:
        text = _("Sells {energy} at {price}") if quote["side"] == "sell" else _("Buys {energy} at {price}")
        shown = price(quote["limit_price_ueur_per_kwh"])
        print_line(text.format(energy=energy(quote["quantity_wh"]), price=shown))
    for alarm in status["alarms"]:
        talk(_(ALARMS[alarm["alarm"]]).format(subject=alarm["subject"]))
    return ExitCode.OK


def read_status(folder: Path) -> dict[str, Any]:
    """Return what the agent of a folder told last.

    Raises:
        Failure: it told nothing yet.
    """
    try:
        status: dict[str, Any] = json.loads((folder / "status.json").read_text())
    except (OSError, ValueError):
        raise Failure(
            ExitCode.FAILED,
            _("No agent has told anything in {folder}.").format(folder=folder),
            _("Start one with 'resilia dispatch run FILE --dir {folder}'.").format(folder=folder),
        ) from None
    return status
