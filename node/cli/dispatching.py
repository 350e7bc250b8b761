"""`resilia dispatch`: what the dispatch would do with a site, and why; and what an agent does with a home.

Planning needs no node.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from node.cli.dispatch_running import read_status, run_dispatch, show_dispatch
from node.cli.failure import ExitCode, Failure
from node.cli.files import write_file
from node.cli.help_pages import Command, Group
from node.cli.output import print_json, print_line, table, talk
from node.cli.session import session_of
from node.i18n import energy, local_time, money, number
from node.i18n import gettext as _
from node.planning.reasons import document_of, sentence, worth

if TYPE_CHECKING:
    from dispatch.picture import Line
    from dispatch.site_plan import SitePlan
    from node.planning.site_file import SiteFile

app = typer.Typer(cls=Group, rich_markup_mode=None, help="Plan a site's devices, and say why.")
app.command("run", cls=Command)(run_dispatch)
app.command("status", cls=Command)(show_dispatch)

HORIZON_S = 48 * 3_600
LEARNED_DAYS = 2
CARBON_EUR_PER_TONNE = (0, 50, 200, 1_000)
PEAK_EUR_PER_KW = (0.0, 0.05, 0.5)

SiteArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The site, in the format of docs/DISPATCH.md.")]
PictureOption = Annotated[
    Path | None, typer.Option("--picture", metavar="FILE.svg", help="Draw it into this file, too.")
]


@app.command("plan", cls=Command)
def plan_site(context: typer.Context, site: SiteArgument, picture: PictureOption = None) -> int:
    """Plan two days from the file's first interval on."""
    found, file = _planned(site)
    exchange = found.programme.exchange_kwh["electricity"]
    steps = [
        {
            "begin": begin,
            "exchange_wh": round(1e3 * float(exchange[place])),
            "stored_wh": round(1e3 * sum(float(content[place]) for content in found.programme.content_kwh.values())),
            "value_ueur_per_kwh": round(1e6 * float(found.programme.price_eur_per_kwh["electricity"][place])),
        }
        for place, begin in enumerate(found.begins)
    ]
    if picture is not None:
        _draw_plan(picture, found, file)
    if session_of(context).as_json:
        curve = {"most_wh": found.curve.most_wh, "drops": [list(drop) for drop in found.curve.drops]}
        bill = round(1e9 * found.programme.bill_eur)
        print_json("dispatch-plan", {"steps": steps, "curve": curve, "bill_neur": bill})
        return ExitCode.OK
    rows = [
        (
            local_time(step["begin"], file.time_zone),
            energy(step["exchange_wh"]),
            energy(step["stored_wh"]),
            worth(step["value_ueur_per_kwh"]),
        )
        for step in steps
    ]
    print_line(table([_("Begin"), _("Grid"), _("Stored"), _("Worth of energy")], "<>>>", rows))
    talk(_("Bill of the plan: {money}").format(money=money(round(1e9 * found.programme.bill_eur))))
    return ExitCode.OK


@app.command("explain", cls=Command)
def explain_site(context: typer.Context, site: SiteArgument) -> int:
    """Say in a sentence for each device what it does now, and why: of a file, or of the agent that keeps a folder."""
    from dispatch.explain import explain

    if site.is_dir():
        zone, told = "UTC", [each["why"] for each in read_status(site)["devices"] if each["why"] is not None]
    else:
        found, file = _planned(site)
        reasons = explain(file.plant(), found, file.series.get("carbon_g_per_kwh"))
        zone, told = file.time_zone, [document_of(why) for why in reasons]
    if session_of(context).as_json:
        print_json("dispatch-explanation", {"devices": told})
        return ExitCode.OK
    for why in told:
        print_line(sentence(why, zone))
    if not told:
        talk(_("The site has no devices."))
    return ExitCode.OK


@app.command("simulate", cls=Command)
def simulate_site(context: typer.Context, site: SiteArgument, picture: PictureOption = None) -> int:
    """Live the file's days with forecasts that know the past only, and compare with storing every surplus."""
    from node.planning.site_study import simulate

    file = _load(site)
    if file.intervals * file.interval_s < (LEARNED_DAYS + 1) * 86_400:
        raise Failure(
            ExitCode.FAILED,
            _("The file has too few intervals to simulate."),
            _("Give at least three days: two to learn from, and one to live."),
        )
    lived = simulate(file, LEARNED_DAYS, HORIZON_S)
    names = {"nothing": _("no devices"), "rule": _("every surplus stored"), "planned": _("planned")}
    if picture is not None:
        _draw_days(picture, file, lived.lines(file.interval_s, names | {"plan": _("plan")}))
    if session_of(context).as_json:
        print_json("dispatch-simulation", {"intervals": lived.intervals, "cases": lived.document()})
        return ExitCode.OK
    rows = [
        (names[name], money(case.bill_neur), energy(case.import_wh), energy(case.export_wh), energy(case.stored_wh))
        for name, case in lived.cases.items()
    ]
    headings = ["", _("Bill"), _("Drawn"), _("Fed in"), _("Stored at the end")]
    print_line(table(headings, "<>>>>", rows))
    return ExitCode.OK


@app.command("pareto", cls=Command)
def pareto_of_site(context: typer.Context, site: SiteArgument) -> int:
    """Show the plans that no other betters in bill, carbon and peak at once."""
    from node.planning.site_study import pareto

    file = _load(site)
    if "carbon_g_per_kwh" not in file.series:
        talk(_("Without carbon_g_per_kwh in the file, plans differ in bill and peak only."))
    weights = [(tonne, peak) for tonne in CARBON_EUR_PER_TONNE for peak in PEAK_EUR_PER_KW]
    points = pareto(file, min(file.intervals, HORIZON_S // file.interval_s), weights)
    if session_of(context).as_json:
        print_json("dispatch-pareto", {"points": [point.document() for point in points]})
        return ExitCode.OK
    rows = [
        (
            money(point.bill_neur),
            f"{number(point.carbon_g)} g",
            f"{number(point.peak_w)} W",
            f"{number(point.carbon_eur_per_tonne)} €/t",
            f"{point.peak_eur_per_kw:g} €/kW",
        )
        for point in points
    ]
    headings = [_("Bill"), _("Carbon"), _("Peak"), _("Price of carbon"), _("Price of the peak")]
    print_line(table(headings, ">>>>>", rows))
    return ExitCode.OK


def _load(path: Path) -> "SiteFile":
    from node.planning.site_file import load_site

    return load_site(path)


def _planned(path: Path) -> "tuple[SitePlan, SiteFile]":
    from dispatch.site_plan import SitePlanner

    file = _load(path)
    steps = min(file.intervals, HORIZON_S // file.interval_s)
    plan = SitePlanner(file.interval_s).plan(file.plant(), file.forecast(steps), file.prices(0, steps))
    if plan is None:
        raise Failure(
            ExitCode.FAILED,
            _("The optimiser found no plan in time."),
            _("Until it does, devices follow the meter: store every surplus, serve every deficit."),
        )
    return plan, file


def _draw_plan(path: Path, plan: "SitePlan", file: "SiteFile") -> None:
    """Draw mean powers of the grid, and what each store holds."""
    import numpy as np

    from dispatch.picture import COLOURS, Line, Panel

    steps = min(file.intervals, HORIZON_S // file.interval_s)
    begins = np.array([*plan.begins, plan.first_interval + steps * file.interval_s], dtype=np.float64)
    power_kw = plan.programme.exchange_kwh["electricity"] * 3_600 / np.diff(begins)
    stores = plan.programme.content_kwh.items()
    lines = [
        Line(name.split("/")[0], content, COLOURS[place % len(COLOURS)]) for place, (name, content) in enumerate(stores)
    ]
    panels = [Panel(_("Exchange with the grid, kW (drawn above 0)"), [Line(_("Grid"), power_kw, "#222222")])]
    panels += [Panel(_("Stored, kWh"), lines)] if lines else []
    _write_picture(path, panels, begins, file.time_zone)


def _draw_days(path: Path, file: "SiteFile", lines: "list[Line]") -> None:
    import numpy as np

    from dispatch.picture import Panel

    end, steps = file.start + file.intervals * file.interval_s, len(lines[0].values)
    begins = end - file.interval_s * np.arange(steps, -1, -1, dtype=np.float64)
    _write_picture(path, [Panel(_("Exchange with the grid, kWh: the last two days"), lines)], begins, file.time_zone)


def _write_picture(path: Path, panels: Any, begins: Any, zone: str) -> None:
    """Write panels with the hours of the site's clock below: midnight has its date."""
    from dispatch.picture import picture

    hours = range(-(-int(begins[0]) // 3_600) * 3_600, int(begins[-1]) + 1, 3_600)
    local = [(at, datetime.fromtimestamp(at, ZoneInfo(zone))) for at in hours]
    ticks = [(float(at), f"{when:%H:%M}" if when.hour else f"{when:%m-%d}") for at, when in local if not when.hour % 6]
    write_file(path, picture(panels, begins, ticks), _("Name a file in a folder that exists."))
