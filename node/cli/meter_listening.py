"""How `resilia meter` listens to a source, and how it writes what it hears. Units: Wh, W, s."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from energy.results import Rejected
from metering.registers import RegisterSample
from metering.sources.ports import Source
from node.cli.output import print_json, print_line, talk
from node.i18n import energy, ngettext, number
from node.i18n import gettext as _

PAIR_SAMPLES = 3
"""How many samples show what a meter is."""


async def watch_source(source: Source, count: int, *, as_json: bool) -> None:
    """Print what a source says, `count` times at most, or for ever if 0."""
    good = bad = 0
    try:
        async for outcome in source.samples():
            refused = isinstance(outcome, Rejected)
            good, bad = good + (not refused), bad + refused
            if as_json:
                print_json("meter-sample", sample_json(outcome))
            else:
                print_line(sample_line(outcome))
            sys.stdout.flush()
            if count and good + bad >= count:
                break
    finally:
        source.close()
        refusals = ngettext("{count} refused", "{count} refused", bad).format(count=bad)
        talk(ngettext("{count} good telegram", "{count} good telegrams", good).format(count=good) + ", " + refusals)


async def first_samples(source: Source, wait_s: int) -> tuple[list[RegisterSample], dict[str, int]]:
    """Return the first samples of a source that come in time, and how many telegrams were refused, by code."""
    samples: list[RegisterSample] = []
    refused: dict[str, int] = {}
    outcomes: AsyncIterator[RegisterSample | Rejected] = source.samples()
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                async for outcome in outcomes:
                    if isinstance(outcome, Rejected):
                        refused[outcome.code.name] = refused.get(outcome.code.name, 0) + 1
                    else:
                        samples.append(outcome)
                        if len(samples) == PAIR_SAMPLES:
                            break
    finally:
        source.close()
    return samples, refused


def sample_line(outcome: RegisterSample | Rejected) -> str:
    """Return a sample, or why there is none, as a line in the user's language."""
    if isinstance(outcome, Rejected):
        return _("refused: {reason}").format(reason=outcome)
    at = f"{datetime.fromtimestamp(outcome.metered_at, UTC):%Y-%m-%d %H:%M:%SZ}"
    shown = [
        _("imported {energy}").format(energy=energy(outcome.import_index_wh)),
        _("exported {energy}").format(energy=energy(outcome.export_index_wh)),
    ]
    if outcome.power_w is not None:
        shown.append(f"{number(outcome.power_w)} W")
    return "  ".join([at, *shown])


def sample_json(outcome: RegisterSample | Rejected) -> dict[str, Any]:
    """Return a sample, or why there is none, for programs."""
    if isinstance(outcome, Rejected):
        return {"rejected": outcome.code.name, "code": int(outcome.code), "facts": dict(outcome.facts)}
    return {
        "serial": outcome.serial,
        "importIndexWh": outcome.import_index_wh,
        "exportIndexWh": outcome.export_index_wh,
        "powerW": outcome.power_w,
        "meteredAt": outcome.metered_at,
        "receivedAt": outcome.received_at,
        "clockDegraded": outcome.clock_degraded,
        "tamper": outcome.tamper,
        "producer": outcome.producer,
        "rawHash": f"0x{outcome.raw_hash.hex()}",
    }
