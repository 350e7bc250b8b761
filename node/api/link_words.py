"""How a community lives with the grid and its neighbours, in words for the page."""

from typing import Final

from node.i18n import energy, gettext, mark, price
from node.rpc.ports import JsonObject

LOST: Final = {
    "alone": mark("Cut off from the parent market: the neighbourhood trades by itself."),
    "island": mark("The grid is lost: nothing is exchanged with it, critical loads come first."),
    "island-alone": mark("The grid and the parent market are lost: critical loads come first."),
}


def link_sentence(status: JsonObject) -> str:
    """Return in words what of grid and links is lost, and what the last interval brought from beyond the border."""
    mode, link = status["mode"], status["link"]
    said = []
    if mode in LOST and (link is None or link["parent"] or mode != "alone"):
        said.append(gettext(LOST[mode]))
    if link is not None and link["netExportWh"] is not None and link["price"] is not None:
        wh = int(link["netExportWh"])
        text = (
            gettext("To other neighbourhoods: {energy} at {price}.")
            if wh > 0
            else gettext("From other neighbourhoods: {energy} at {price}.")
        )
        if wh:
            said.append(text.format(energy=energy(abs(wh)), price=price(link["price"])))
    return " ".join(said)
