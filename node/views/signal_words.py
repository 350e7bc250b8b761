"""The best window of the price signal in words; apart, so that the command line need not load what reads the tables."""

from market.signal import Window
from node.i18n import gettext as _
from node.i18n import local_interval, number, price


def words(window: Window, zone: str, hours: int | None) -> str:
    """Return the window in words, its prices to a tenth of a cent."""
    when = local_interval(window.start, window.end - window.start, zone)
    if hours:
        said = _("Energy is cheapest in {when}: {index} on average, against {mean} over the next {hours} h.")
    else:
        said = _("Energy is cheapest in {when}: {index} on average, against {mean} until tomorrow night.")
    return said.format(
        when=when,
        index=price(round(window.mean_index_ueur_per_kwh, -3)),
        mean=price(round(window.overall_mean_ueur_per_kwh, -3)),
        hours=number(hours or 0),
    )
