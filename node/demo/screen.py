"""What the demo shows while it works: a line per interval, a bar for the day, the summary, and the banner last.

Everything for people goes to standard error, so that standard output holds the JSON alone when that was asked for.
"""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from market.events import GateClosed
from node import i18n
from node.demo.founding import KEYS_FOLDER, KEYS_PASSWORD
from node.demo.guest import GUEST_LABEL
from node.demo.proofs import Proof
from node.demo.street import TIME_ZONE
from node.i18n import gettext as _
from node.settlement.settling import SettledRun

PROOF_TEXTS = {
    "nets": i18n.mark("payments of every run sum to zero"),
    "supply": i18n.mark("the token supply is unchanged"),
    "coverage": i18n.mark("certificates cover exactly the attested export"),
    "limits": i18n.mark("every fill respects its order's limit"),
    "replay": i18n.mark("the journal, replayed in a new process, gives the same hash"),
    "evidence": i18n.mark("every certificate's evidence verifies offline"),
    "tamper": i18n.mark("one changed digit in an evidence file is found"),
}


class Screen:
    """The terminal, for one run of the demo."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task("")

    def say(self, text: str = "") -> None:
        """Print one line."""
        self._console.print(text, markup=False, soft_wrap=True)

    def begin(self, what: str, steps: int) -> None:
        """Start a bar."""
        self._progress.start()
        self._progress.reset(self._task, description=what, total=steps)

    def at(self, done: int) -> None:
        """Move the bar."""
        self._progress.update(self._task, completed=done)

    def progress(self, done: int, of: int) -> None:
        """Move the bar, whose length is known only now."""
        self._progress.update(self._task, completed=done, total=of)

    def end(self) -> None:
        """Take the bar away."""
        self._progress.stop()

    def introduce(self, homes: int, linky: int, day: str, seed: int) -> None:
        """Say what is about to happen, and with which data."""
        self.say(_("RESILIA-GRID demo · {homes} real homes and a community battery · {day} · seed {seed}").format(
            homes=homes, day=day, seed=seed
        ))  # fmt: skip
        self.say(_(
            "DEMO DATA: smart-meter data of Sierra Crest, California (MIT licence); one dollar counts as one euro."
        ))  # fmt: skip
        self.say(_(
            "The data is hourly: each hour becomes four quarter-hours along the slope of its neighbours, in whole Wh, "
            "so that the hour's energy is kept exactly; 96 intervals are traded."
        ))  # fmt: skip
        self.say(_("{linky} homes are read over a Linky's serial line, the others from the operator's file.").format(
            linky=linky
        ))  # fmt: skip

    def interval(self, closed: GateClosed, certificates: int) -> None:
        """Print the line of an interval whose gate has closed."""
        start = datetime.fromtimestamp(closed.interval, ZoneInfo(TIME_ZONE))
        price = i18n.price(closed.turnover_neur // closed.traded_wh // 100 * 100) if closed.traded_wh else "–"
        line = _("{time}  {price:>14}  {traded:>10} traded in {trades:>3} trades  {certificates:>5} certificates")
        self.say(line.format(
            time=f"{start:%H:%M}",
            price=price,
            traded=i18n.energy(closed.traded_wh),
            trades=closed.trades,
            certificates=certificates,
        ))  # fmt: skip

    def run(self, run: SettledRun) -> None:
        """Print the line of a settlement run."""
        self.say("       " + _("run {number}: {accounts} accounts settled, {energy} certified, {gas} gas").format(
            number=run.run_id,
            accounts=run.accounts,
            energy=i18n.energy(run.certified_wh),
            gas=i18n.number(run.gas_used),
        ))  # fmt: skip

    def summary(self, figures: Mapping[str, Any], proofs: Sequence[Proof]) -> None:
        """Print what the day came to, and what was proven of it."""
        self.say()
        self.say(_("Energy   {load} used, {solar} of sun, {traded} traded in {trades} trades").format(
            load=_kwh(figures["load_wh"]),
            solar=_kwh(figures["solar_wh"]),
            traded=_kwh(figures["traded_wh"]),
            trades=i18n.number(figures["trades"]),
        ))  # fmt: skip
        line = _("Local    {share} of what was drawn came from neighbours; self-sufficiency {own}, alone {alone}")
        self.say(line.format(
            share=_percent(figures["local_share"]),
            own=_percent(figures["self_sufficiency"]),
            alone=_percent(figures["self_sufficiency_alone"]),
        ))  # fmt: skip
        self.say(_("Money    the homes paid {cost} instead of {alone} alone; the battery earned {battery}").format(
            cost=i18n.money(figures["cost_neur"]),
            alone=i18n.money(figures["cost_alone_neur"]),
            battery=i18n.money(figures["battery_earned_neur"]),
        ))  # fmt: skip
        saved = "  ".join(f"{label} {i18n.money(amount)}" for label, amount in figures["saved_neur"].items())
        self.say(_("Saved    {saved}").format(saved=saved))
        self.say(_("Stored   {stored} left in the batteries, {alone} alone").format(
            stored=_kwh(figures["stored_at_end_wh"]), alone=_kwh(figures["stored_at_end_alone_wh"])
        ))  # fmt: skip
        self.say(_("Carbon   {carbon} of CO2e from the grid, {alone} alone").format(
            carbon=_kg(figures["carbon_g"]), alone=_kg(figures["carbon_alone_g"])
        ))  # fmt: skip
        self.say(_("Chain    {runs} runs, {run} gas each, {trade} gas per trade").format(
            runs=figures["runs"], run=i18n.number(figures["gas_per_run"]), trade=i18n.number(figures["gas_per_trade"])
        ))  # fmt: skip
        self.say()
        for proof in proofs:
            facts = ", ".join(f"{name} {value}" for name, value in proof.detail.items())
            self.say(f"  {'ok  ' if proof.ok else 'FAIL'} {_(PROOF_TEXTS[proof.name])} ({facts})")

    def banner(self, web_url: str, rpc_url: str, chain_id: int, folder: str, kept: bool) -> None:
        """Print where everything is; the last thing on the screen."""
        rule = "─" * 72
        self.say()
        self.say(rule)
        self.say(_("Page      {url}").format(url=web_url))
        self.say(_("JSON-RPC  {url}  chain id {chain}").format(url=rpc_url, chain=chain_id))
        self.say(
            _("Data      {folder}").format(folder=folder)
            if kept
            else _("Data      nothing is kept; --keep DIR keeps it")
        )
        self.say(_("Guest     {file}: an account for you, its password is {password}").format(
            file=f"{folder}/{KEYS_FOLDER}/{GUEST_LABEL}.json", password=KEYS_PASSWORD
        ))  # fmt: skip
        self.say(_("DEMO DATA. The street trades on. Ctrl-C stops. Try in another terminal:"))
        self.say(f"  resilia --rpc {rpc_url} cert list")
        keys = f"--key {folder}/{KEYS_FOLDER}/H01.json --password-file {folder}/{KEYS_FOLDER}/password"
        self.say(f"  resilia --rpc {rpc_url} order place sell 500Wh --min 9ct {keys}")
        self.say(rule)


def _kwh(quantity_wh: int) -> str:
    return f"{i18n.number(Decimal(quantity_wh).scaleb(-3), 1, 1)} kWh"


def _kg(grams: int) -> str:
    return f"{i18n.number(Decimal(grams).scaleb(-3), 1, 1)} kg"


def _percent(share: float) -> str:
    return f"{i18n.number(Decimal(str(share)).scaleb(2), 1, 1)} %"
