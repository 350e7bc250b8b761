"""Writing pages: the templates, and what every one of them needs."""

import asyncio
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from node import i18n
from node.api import wording
from node.api.tables import Reader
from node.api.wording import CommunityClock
from node.rpc.ports import JsonObject, NodeCommands
from node.views.queries import Queries

FOLDER: Final = Path(__file__).parent
LIVE: Final = "live_"
"""How the names of blocks begin that are the inside of a section with the rest of the name for its id."""


class Rendering:
    """Renders the templates for one node."""

    def __init__(self, core: NodeCommands, queries: Queries) -> None:
        self._core = core
        self._queries = queries
        self._templates = _environment()

    def status(self) -> JsonObject:
        """Return the state of the node."""
        return self._core.status()

    async def reader(self, status: JsonObject) -> Reader:
        """Return for whom values are written."""
        labels = await asyncio.to_thread(account_labels, self._queries, bool(status["demo"]))
        return Reader(CommunityClock(status["timeZone"]), int(status["intervalLengthS"]), labels)

    def page(self, request: Request, template: str, *, status_code: int = 200, **context: Any) -> Response:
        """Return a page in the reader's language; a `status` that is at hand may be given."""
        context.setdefault("status", self._core.status())
        html = self._templates.get_template(template).render(
            request=request, language=i18n.language(), languages=i18n.LANGUAGES, wording=wording, **context
        )
        return HTMLResponse(html, status_code, headers={"cache-control": "no-cache"})

    async def sections(self, template: str, **context: Any) -> dict[str, str]:
        """Return the inside of a template's live sections by their id; other work has its turn after each of them."""
        found = {}
        whole = self._templates.get_template(template)
        shared = whole.new_context({"wording": wording, **context})
        for name, block in whole.blocks.items():
            if name.startswith(LIVE):
                found[name.removeprefix(LIVE)] = "".join(block(shared))
                await asyncio.sleep(0)
        return found


def account_labels(queries: Queries, demo: bool) -> dict[str, str]:
    """Return names of accounts for a demo in the reader's language; none for a real community: its members are
    pseudonyms to all.
    """
    return {str(row["address"]): i18n.gettext(str(row["label"])) for row in queries.accounts()} if demo else {}


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_callables(i18n.gettext, i18n.ngettext, newstyle=True)  # type: ignore[attr-defined]
    return environment
