"""Why a device does what it does, as JSON and as a sentence in the reader's language; see `dispatch.explain`.

Units: Wh, µ€/kWh, g CO2e/kWh, UTC epoch seconds; all int.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from node.i18n import energy, local_time, number, price
from node.i18n import gettext as _

if TYPE_CHECKING:
    from dispatch.explain import Why


def document_of(why: "Why") -> dict[str, Any]:
    """Return a reason as JSON values."""
    return {
        "device": why.device,
        "action": why.action.name.lower(),
        "energy_wh": why.energy_wh,
        "price_now_ueur_per_kwh": why.price_now_ueur_per_kwh,
        "carbon_now_g_per_kwh": why.carbon_now_g_per_kwh,
        "then": why.then,
        "price_then_ueur_per_kwh": why.price_then_ueur_per_kwh,
        "kept_until": why.kept_until,
    }


def sentence(why: Mapping[str, Any], zone: str, when: Callable[[int, str], str] = local_time) -> str:
    """Return a reason, as `document_of` gives it, as a sentence with times of a time zone, written by `when`."""
    action, then, kept_until = why["action"], why["then"], why["kept_until"]
    facts = {
        "device": why["device"],
        "energy": energy(why["energy_wh"]),
        "now": _with_carbon(why),
        "then": "" if why["price_then_ueur_per_kwh"] is None else worth(why["price_then_ueur_per_kwh"]),
        "time": "" if then is None else when(then, zone),
    }
    if action == "charge" and kept_until is not None:
        facts["time"] = when(kept_until, zone)
        text = _("{device}: charge {energy} now at {now}, to be ready for the departure at {time}.")
    elif action == "charge" and then is not None:
        text = _("{device}: charge {energy} now at {now}, against {then} at {time}.")
    elif action == "charge":
        text = _("{device}: charge {energy} now at {now}, to keep it beyond the plan.")
    elif action == "give" and then is not None:
        text = _("{device}: give {energy} now at {now}, and charge again at {then} from {time} on.")
    elif action == "give":
        text = _("{device}: give {energy} now at {now}; nothing later in the plan pays more.")
    elif action == "run":
        text = _("{device}: run with {energy} now; energy is worth {now}.")
    elif then is not None:
        text = _("{device}: rest now at {now}; its turn comes at {time}, at {then}.")
    else:
        text = _("{device}: rest; no price in the plan pays for the way there and back.")
    return text.format(**facts)


def worth(ueur_per_kwh: int) -> str:
    """Return a worth to a tenth of a cent: the optimiser's ties are finer than anybody's price."""
    return price(round(ueur_per_kwh, -3))


def _with_carbon(why: Mapping[str, Any]) -> str:
    if why["carbon_now_g_per_kwh"] is None:
        return worth(why["price_now_ueur_per_kwh"])
    return _("{price} and {grams} g/kWh").format(
        price=worth(why["price_now_ueur_per_kwh"]), grams=number(why["carbon_now_g_per_kwh"])
    )
