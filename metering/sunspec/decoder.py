"""Register samples out of a SunSpec device's image: its identity and the models that measure. Units: Wh, W.

An image is ``SunS``, models as the device has them (number, length, points), and ``FFFF 0000``; the reader takes each
model in as few requests as Modbus allows. Nothing in an image is protected: Modbus checks each message, and no more.
A device tells no time that can be relied on. Source: SunSpec Device Information Model Specification 1.1 §6.
"""

from fractions import Fraction
from math import floor
from typing import Final

from energy.quantities import ENERGY_WH_MAX
from energy.results import Rejected
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from metering.sunspec.models import POINTS, Model

START: Final = b"SunS"
END: Final = b"\xff\xff\x00\x00"
COMMON: Final = 1
METERS: Final = (203, 204, 202, 201)
INVERTERS: Final = (701, 103, 102, 101, 113, 112, 111)
BATTERIES: Final = (714, 713, 802, 124)
IMAGE_LEN_MAX: Final = 4_096

_GRID_DISCONNECT: Final = 4
"""Bit of the alarms of model 701, and of the events of the models 101 to 113."""
_GRID_FORMING: Final = 1
"""Bit of model 701's `DERMode`."""
_FEEDING: Final = (4, 5)
"""Operating states of an inverter that follows a grid: at its best point, or held back."""

INDEX_MODULUS_WH: Final = 2**32
"""Of a meter whose scale is 1 Wh; one with a coarser scale does not turn over in its life."""
TOTAL_MODULUS_WH: Final = ENERGY_WH_MAX + 1
"""Of counters with 64 bits, and of scaled ones."""

_MAKER_AT, _MODEL_AT, _SERIAL_AT, _TEXT_LEN = 2, 18, 50, 16

Models = dict[int, Model]


def decode_meter(image: bytes, received_at: int | None = None) -> RegisterSample | Rejected:
    """Return the registers of a meter (models 201 to 204).

    Args:
        image: As `metering.sunspec.reader` puts it together.
        received_at: When it was read. None for 0.
    """
    models = read_models(image)
    if isinstance(models, Rejected):
        return models
    meter = next((models[number] for number in METERS if number in models), None)
    if meter is None:
        return _missing("203")
    imported, exported = meter.value("TotWhImp"), meter.value("TotWhExp")
    if imported is None and exported is None:
        return Rejected(MeteringReject.NO_INDEX, {"label": "TotWhImp"})
    for total, phases in (("TotWhImp", imported), ("TotWhExp", exported)):
        if wrong := _check_phases(meter, total, phases):
            return wrong
    power_w = meter.whole_down("W")
    # An accumulator of 0 says "not implemented", or that nothing was counted yet: both come to nothing here.
    return _sample(models, image, imported or Fraction(0), exported or Fraction(0), power_w, received_at)


def decode_inverter(image: bytes, received_at: int | None = None) -> RegisterSample | Rejected:
    """Return what an inverter has fed in (models 101 to 103, 111 to 113, 701)."""
    models = read_models(image)
    if isinstance(models, Rejected):
        return models
    inverter = next((models[number] for number in INVERTERS if number in models), None)
    if inverter is None:
        return _missing("103")
    if inverter.number == 701:
        made, drawn = inverter.value("TotWhInj"), inverter.value("TotWhAbs")
    else:
        made, drawn = inverter.value("WH"), Fraction(0)
    if made is None:
        return Rejected(MeteringReject.NO_INDEX, {"label": "WH"})
    power_w = inverter.whole_down("W")
    return _sample(models, image, drawn or Fraction(0), made, None if power_w is None else -power_w, received_at)


def decode_battery(image: bytes, received_at: int | None = None) -> RegisterSample | Rejected:
    """Return what a battery has taken and given (model 714), and how full it is (models 713, 802 and 124)."""
    models = read_models(image)
    if isinstance(models, Rejected):
        return models
    if not any(number in models for number in BATTERIES):
        return _missing("714")
    port = models.get(714)
    taken, given = (port.value("DCWhAbs"), port.value("DCWhInj")) if port else (None, None)
    if taken is None or given is None:
        return Rejected(MeteringReject.NO_INDEX, {"label": "DCWhAbs"})
    power_w = port.whole_down("DCW") if port else None
    if power_w is None and 802 in models:
        # Model 802 counts what is taken from the battery as negative, as model 714 counts what it takes.
        power_w = _negated(models[802].whole_down("W"))
    return _sample(models, image, taken, given, _negated(power_w), received_at)


def charge_permille(models: Models) -> int | None:
    """Return how full a battery is, in thousandths, by the first model that shows it."""
    for number, name in ((713, "SoC"), (802, "SoC"), (124, "ChaState")):
        if number in models and (percent := models[number].value(name)) is not None and 0 <= percent <= 100:
            return floor(percent * 10)
    return None


def grid_there(models: Models) -> bool | None:
    """Return whether an inverter sees the grid, by the first model that shows it; None while it does not tell.

    Lost is a disconnection from the grid that the device reports as an alarm, or one in which it forms a grid of its
    own. An inverter that merely rests at night is disconnected, too: it says nothing of the grid.
    """
    number = next((number for number in INVERTERS if number in models), None)
    if number is None:
        return None
    inverter = models[number]
    if number == 701:
        alarms, connected = inverter.value("Alrm"), inverter.value("ConnSt")
        forms = _has_bit(inverter.value("DERMode"), _GRID_FORMING)
        if _has_bit(alarms, _GRID_DISCONNECT) or (connected == 0 and forms):
            return False
        return True if connected == 1 else None
    if _has_bit(inverter.value("Evt1"), _GRID_DISCONNECT):
        return False
    return True if inverter.value("St") in _FEEDING else None


def read_models(image: bytes) -> Models | Rejected:
    """Take an image apart; of models that come twice, the first counts."""
    if len(image) > IMAGE_LEN_MAX or not image.startswith(START) or not image.endswith(END):
        return Rejected(MeteringReject.TORN_FRAME, {"length": len(image)})
    models: Models = {}
    at = len(START)
    while at < len(image) - len(END):
        number, length = int.from_bytes(image[at : at + 2], "big"), int.from_bytes(image[at + 2 : at + 4], "big")
        end = at + 4 + 2 * length
        if end > len(image) - len(END):
            return Rejected(MeteringReject.TORN_FRAME, {"length": len(image)})
        if number == COMMON or number in POINTS:
            models.setdefault(number, Model(number, image[at:end]))
        at = end
    if at != len(image) - len(END):
        return Rejected(MeteringReject.TORN_FRAME, {"length": len(image)})
    return models


def _sample(
    models: Models, image: bytes, imported: Fraction, exported: Fraction, power_w: int | None, received_at: int | None
) -> RegisterSample | Rejected:
    common = models.get(COMMON)
    number = common.text(_SERIAL_AT, _TEXT_LEN) if common else ""
    if common is None or not number:
        return _missing("SN")
    energies_wh = []
    for label, energy in (("import", imported), ("export", exported)):
        if not 0 <= energy <= ENERGY_WH_MAX:
            return Rejected(MeteringReject.BAD_DIGITS, {"label": label})
        energies_wh.append(floor(energy))
    at = received_at or 0
    return RegisterSample(
        serial=number,
        import_index_wh=energies_wh[0],
        export_index_wh=energies_wh[1],
        metered_at=at,
        received_at=at,
        clock_degraded=True,
        tamper=False,
        producer=True,
        raw=image,
        exporting=power_w is not None and power_w < 0,
        power_w=power_w,
        charge_permille=charge_permille(models),
        grid_there=grid_there(models),
    )


def _check_phases(meter: Model, total: str, energy: Fraction | None) -> Rejected | None:
    """R03: where a meter shows all three phases, they add up to the total within 1 % or 2 Wh, if it counts by phase.

    A meter that nets its phases counts less in total than they do one by one, so that only more is wrong.
    """
    phases = [meter.value(f"{total}Ph{phase}") for phase in "ABC"]
    if energy is None or any(phase is None for phase in phases):
        return None
    added = sum((phase for phase in phases if phase is not None), Fraction(0))
    tolerance = max(energy / 100, Fraction(2))
    if energy - added > tolerance:
        return Rejected(MeteringReject.SUM_RULE, {"registers": total, "tolerance_wh": floor(tolerance)})
    return None


def _has_bit(value: Fraction | None, bit: int) -> bool:
    return value is not None and bool(int(value) >> bit & 1)


def _negated(power_w: int | None) -> int | None:
    return None if power_w is None else -power_w


def _missing(label: str) -> Rejected:
    return Rejected(MeteringReject.MISSING_GROUP, {"label": label, "groups_bad": 0})
