"""The plan of the community's storage, as whoever plans it tells the node: a file in its folder, shown to everybody.

    storage-plan.json   {"schema": "resilia/storage-plan/1", "label": "Battery", "capacityWh": 40000, "storedWh": 12000,
                         "plannedAt": …, "steps": [{"start": …, "end": …, "chargeWh": 900, "dischargeWh": 0,
                         "storedWh": 12855, "worth": 91000}, …], "why": {…}}

The demo writes it for its battery, `resilia dispatch run --show-in` for a home's; always whole. It is for show: nothing
is settled by it. ``storedWh`` of a step is at its end, ``worth`` what one more kWh is worth at the storage; ``why`` is
as `node.planning.reasons` says, null for none. Units: Wh, µ€/kWh, UTC epoch seconds; all int.
Refuses: a file that is none of this counts as no plan, and the log says why.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from energy import strict_json
from node.i18n import gettext
from node.planning.reasons import sentence
from node.storage.durable import write_whole
from node.views.rows import Row

if TYPE_CHECKING:
    from dispatch.plant import Plant
    from dispatch.site_plan import SitePlan

FILE: Final = "storage-plan.json"
SCHEMA: Final = "resilia/storage-plan/1"
STEP_KEYS: Final = ("start", "end", "chargeWh", "dischargeWh", "storedWh", "worth")
ENERGY_KEYS: Final = ("chargeWh", "dischargeWh", "storedWh")
HEAD_KEYS: Final = ("capacityWh", "storedWh", "plannedAt")
BYTES_MAX: Final = 100_000
LABEL_LEN_MAX: Final = 60
_INT_MAX: Final = 2**53 - 1
_INSTANT_MAX: Final = 2**32 - 1
_TURN_KEYS: Final = ("then", "price_then_ueur_per_kwh")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoragePlan:
    """What the file says."""

    label: str
    capacity_wh: int
    stored_wh: int
    planned_at: int
    """When it was planned."""
    steps: tuple[Row, ...]
    """With `STEP_KEYS`, one after the other without a gap."""
    why: Mapping[str, Any] | None


PlanOf = Callable[[int], StoragePlan | None]
"""Takes the time, returns the plan of the community's storage."""


def no_plan(now: int) -> StoragePlan | None:
    """Return the plan of a storage that nobody plans."""
    return None


class StoragePlanFile:
    """Reads the plan again when the file has changed."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._seen: tuple[int, int] | None = None
        self._plan: StoragePlan | None = None

    def read(self, now: int) -> StoragePlan | None:
        """Return the plan; None when there is none, or when the time it plans for is over."""
        try:
            found = self._path.stat()
            if (found.st_mtime_ns, found.st_ino) != self._seen:
                self._seen, self._plan = (found.st_mtime_ns, found.st_ino), None
                self._plan = parse(self._path.read_bytes())
        except FileNotFoundError:
            self._seen = self._plan = None
        except (OSError, ValueError) as error:
            logger.warning("%s is no plan: %s", self._path, error)
        return self._plan if self._plan and now < int(self._plan.steps[-1]["end"] or 0) else None


def parse(raw: bytes) -> StoragePlan:
    """Return the plan in a file.

    Raises:
        ValueError: it is none; says what would be right.
    """
    if len(raw) > BYTES_MAX:
        raise ValueError(f"a plan has at most {BYTES_MAX} bytes")
    document = strict_json.loads(raw)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"its schema must be {SCHEMA}")
    head = _whole_numbers(document, HEAD_KEYS)
    steps = document.get("steps")
    if not isinstance(steps, list) or not steps:
        raise ValueError("steps must be a list with at least one step")
    rows = [_whole_numbers(step, STEP_KEYS) for step in steps]
    ends = [row["start"] for row in rows[1:]]
    if rows[0]["start"] < 0 or rows[-1]["end"] > _INSTANT_MAX or not 0 <= head["plannedAt"] <= _INSTANT_MAX:
        raise ValueError("start, end and plannedAt must be UTC epoch seconds")
    if any(row["end"] <= row["start"] for row in rows) or ends != [row["end"] for row in rows[:-1]]:
        raise ValueError("each step must begin where the one before ends, and take time")
    if min(head["capacityWh"], head["storedWh"], *(row[key] for row in rows for key in ENERGY_KEYS)) < 0:
        raise ValueError("energy must not be negative")
    label, why = document.get("label"), document.get("why")
    if not isinstance(label, str) or not 1 <= len(label) <= LABEL_LEN_MAX:
        raise ValueError(f"label must be text of 1 to {LABEL_LEN_MAX} characters")
    if why is not None:
        _check_reason(why)
    return StoragePlan(
        label, head["capacityWh"], head["storedWh"], head["plannedAt"], tuple(dict(row) for row in rows), why
    )


def plan_json(plan: StoragePlan, zone: str) -> dict[str, Any]:
    """Return what `energy_getStoragePlan` answers, the reason in words of the running context's language too."""
    why, label = plan.why, gettext(plan.label)
    return {
        "label": label,
        "capacityWh": plan.capacity_wh,
        "storedWh": plan.stored_wh,
        "plannedAt": plan.planned_at,
        "steps": [dict(step) for step in plan.steps],
        "why": None
        if why is None
        else {
            "action": why["action"],
            "energyWh": why["energy_wh"],
            "priceNow": why["price_now_ueur_per_kwh"],
            "carbonNowGPerKwh": why["carbon_now_g_per_kwh"],
            "then": why["then"],
            "priceThen": why["price_then_ueur_per_kwh"],
            "keptUntil": why["kept_until"],
            "words": sentence({**why, "device": label}, zone),
        },
    }


def _check_reason(why: Any) -> None:
    """Raise ValueError unless this is a reason as `node.planning.reasons.document_of` gives it."""
    _whole_numbers(why, ("energy_wh", "price_now_ueur_per_kwh"))
    given = tuple(key for key in ("carbon_now_g_per_kwh", "kept_until") if why.get(key, "") is not None)
    turn = () if why.get("then", "") is None and why.get("price_then_ueur_per_kwh", "") is None else _TURN_KEYS
    _whole_numbers(why, given + turn)
    if why.get("action") not in ("charge", "give", "run", "rest"):
        raise ValueError("action must be charge, give, run or rest")
    if any(not 0 <= why[key] <= _INSTANT_MAX for key in ("then", "kept_until") if why[key] is not None):
        raise ValueError("then and kept_until must be UTC epoch seconds")


def write(
    folder: Path, label: str, now: int, plant: "Plant", plan: "SitePlan | None", device: str | None = None
) -> None:
    """Tell the node the plan of a storage; that there is none, when there is none.

    Args:
        folder: The node's.
        label: What people call the storage.
        now: When it was planned.
        plant: As it is now.
        plan: Of that plant.
        device: Which of the plant's devices is shown; None for its first one.
    """
    if plan is None:
        (folder / FILE).unlink(missing_ok=True)
        return
    shown = plant.devices[0].name if device is None else device
    write_whole(folder / FILE, strict_json.dumps(document_of(label, now, plant, plan, shown)).decode())


def document_of(label: str, now: int, plant: "Plant", plan: "SitePlan", device: str) -> dict[str, Any]:
    """Return a plan as the file has it; see `write`."""
    from dispatch.explain import explain
    from dispatch.optimiser.parts import ELECTRICITY
    from node.planning.reasons import document_of as reason_of

    programme = plan.programme
    number = [each.name for each in plant.devices].index(device)
    layer, why = plant.layers[number], explain(plant, plan)[number]
    charge_kwh = [programme.taken_kwh[part.name] for part in layer.converters if part.takes == ELECTRICITY]
    give_kwh = [
        share * programme.taken_kwh[part.name]
        for part in layer.converters
        for to, share in part.gives
        if part.takes != ELECTRICITY and to == ELECTRICITY
    ]
    held_kwh = [programme.content_kwh[store.name] for store in layer.stores]
    lengths = [after - begin for begin, after in zip(plan.begins, plan.begins[1:], strict=False)]
    steps = [
        {
            "start": begin,
            "end": begin + (lengths[place] if place < len(lengths) else lengths[-1]),
            "chargeWh": sum(round(1e3 * float(each[place])) for each in charge_kwh),
            "dischargeWh": sum(round(1e3 * float(each[place])) for each in give_kwh),
            "storedWh": sum(round(1e3 * float(each[place])) for each in held_kwh),
            "worth": round(1e6 * float(programme.price_eur_per_kwh[ELECTRICITY][place])),
        }
        for place, begin in enumerate(plan.begins)
    ]
    return {
        "schema": SCHEMA,
        "label": label,
        "capacityWh": round(sum(store.capacity_kwh for store in layer.stores) * 1e3),
        "storedWh": sum(plant.contents[store.name] for store in layer.stores) // 1_000,
        "plannedAt": now,
        "steps": steps,
        "why": {**reason_of(why), "device": label},
    }


def _whole_numbers(value: Any, keys: tuple[str, ...]) -> dict[str, int]:
    """Return the fields that must be whole numbers of an object, and those only."""
    if not isinstance(value, dict):
        raise ValueError("a plan, its steps and its reason are objects")
    for key in keys:
        if type(value.get(key)) is not int or not -_INT_MAX <= value[key] <= _INT_MAX:
            raise ValueError(f"{key} must be a whole number")
    return {key: value[key] for key in keys}
