"""The community's page, league and badges included, and the operator's, with what needs attention in words.

Units: Wh, µ€/kWh, n€, UTC epoch seconds. Refuses: the operator's page for anybody else, 403, but in a demo.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from node import i18n
from node.api import tables
from node.api.chores import jobs, oracles
from node.api.lists import BrowsableList
from node.api.member_pages import MemberPages
from node.api.proposals_view import decided, shown
from node.api.rendering import Rendering
from node.api.sessions import Role
from node.api.tables import METERS, csv_head, csv_rows
from node.api.wording import energy_total
from node.backup.note import last_backup
from node.clock import Clock
from node.coop.community import MEMBER_KINDS
from node.i18n import duration, gettext, ngettext
from node.rpc.ports import JsonObject, NodeCommands
from node.rpc.schemas import SCHEMAS
from node.views.concerns import words
from node.views.queries import Queries
from node.views.rows import Row

DAYS_SHOWN: Final = 7
LEAGUE_SHOWN: Final = 20
PROPOSALS_SHOWN: Final = 5
DECISIONS_SHOWN: Final = 5


def _by_conduct(row: Row) -> tuple[int, str]:
    return int(row["collateralPermille"] or 0), str(row["label"])


RUN_AGE_S_MAX: Final = 86_400
"""A settlement run that is older than this needs attention."""
BACKUP_AGE_S_MAX: Final = 7 * 86_400
"""The same of a backup."""
METER_KEYS: Final = tuple(SCHEMAS["Status"]["properties"]["meters"]["items"]["properties"])


class CommunityPages:
    """The community and its node."""

    def __init__(
        self,
        rendering: Rendering,
        core: NodeCommands,
        queries: Queries,
        lists: dict[str, BrowsableList],
        members: MemberPages,
        clock: Clock,
        folder: Path | None,
    ) -> None:
        """Take the parts; the clock is the wall's, by which backups are made; `folder` is the node's, if it has one."""
        self._rendering = rendering
        self._core = core
        self._queries = queries
        self._lists = lists
        self._members = members
        self._clock = clock
        self._folder = folder

    def router(self) -> APIRouter:
        """Return all routes."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/community", self.community, methods=["GET"])
        router.add_api_route("/operator", self.operator, methods=["GET"])
        router.add_api_route("/operator.json", self.operator_json, methods=["GET"])
        router.add_api_route("/operator.csv", self.operator_csv, methods=["GET"])
        return router

    async def community(self, request: Request) -> Response:
        """Return the page of the community."""
        status = self._rendering.status()
        reader = await self._rendering.reader(status)
        start, end = reader.clock.day(self._core.now())
        proposals, decisions, accounts, today, league, days = await asyncio.gather(
            self._core.proposals(),
            self._core.decisions(),
            asyncio.to_thread(self._queries.accounts),
            asyncio.to_thread(self._queries.summary, start=start, end=end),
            asyncio.to_thread(self._queries.league, start=start, end=end),
            self._lists["days"].page({}, DAYS_SHOWN, newest_first=True),
        )
        return self._rendering.page(
            request,
            "community.html",
            status=status,
            reader=reader,
            day=(start, end),
            today=today,
            badges=badges(league),
            conduct=sorted((row for row in accounts if row["kind"] in MEMBER_KINDS), key=_by_conduct),
            league_table=tables.LEAGUE,
            league_titles=tables.titles(tables.LEAGUE),
            league_rows=tables.LEAGUE.rows(league[:LEAGUE_SHOWN], reader),
            proposals=[shown(item, self._core.now()) for item in proposals[:PROPOSALS_SHOWN]],
            decisions=[
                decided(item, status, reader.labels)
                for item in ({"at": None, "decision": "QuorumsSet", "facts": decisions}, *decisions["items"])
            ][: DECISIONS_SHOWN + 1],
            cooperative=status["contracts"].get("cooperative"),
            rpc_url=self._members.rpc_url(request),
            days_table=tables.DAYS,
            days_titles=tables.titles(tables.DAYS),
            days_rows=tables.DAYS.rows(days["items"], reader),
        )

    async def operator(self, request: Request) -> Response:
        """Return the operator's page."""
        report = await self._report(request)
        status = report["status"]
        reader = await self._rendering.reader(status)
        return self._rendering.page(
            request,
            "operator.html",
            **report,
            reader=reader,
            table=METERS,
            titles=tables.titles(METERS),
            rows=METERS.rows(status["meters"], reader),
        )

    async def operator_json(self, request: Request) -> Response:
        """Return what needs attention, and the state of the node."""
        return JSONResponse(await self._report(request))

    async def operator_csv(self, request: Request) -> Response:
        """Return the meters."""
        status = self._status_for_the_operator(request)
        french = request.query_params.get("locale") == "fr"
        text = csv_head(METER_KEYS, french) + csv_rows(METER_KEYS, status["meters"], french)
        return Response(text, media_type="text/csv; charset=utf-8")

    async def _report(self, request: Request) -> JsonObject:
        """Return what needs attention, the state of the node, and what was done by itself."""
        status, engine = self._status_for_the_operator(request), self._queries.engine
        backup = None if self._folder is None else await asyncio.to_thread(last_backup, self._folder)
        found = alerts(status, self._core.concerns())
        if self._folder is not None and not status["demo"]:
            found += backup_alerts(backup, self._clock.now())
        return {
            "alerts": found,
            "status": status,
            "jobs": await asyncio.to_thread(jobs, engine, status),
            "oracles": await asyncio.to_thread(oracles, engine),
            "backup": backup,
        }

    def _status_for_the_operator(self, request: Request) -> JsonObject:
        status, reader = self._rendering.status(), self._members.reader(request)
        if not status["demo"] and (reader is None or reader.role is not Role.OPERATOR):
            raise HTTPException(
                403, i18n.gettext("This page is for the operator: sign in, or open it on the node's own machine.")
            )
        return status


def badges(league: Sequence[Row]) -> list[tuple[str, str, str, str]]:
    """Return title, reason, account and value of each badge of a day; none without a trade.

    Args:
        league: Rows of `node.views.league.league`.
    """
    homes = [row for row in league if row["kind"] == "home"] or list(league)
    found = []
    for title, about, key, text in (
        (gettext("Sun of the day"), gettext("sold most to neighbours"), "soldWh", energy_total),
        (gettext("Good neighbour"), gettext("bought most from neighbours"), "boughtWh", energy_total),
        (gettext("Busy bee"), gettext("traded most often"), "trades", _trades),
    ):
        best: Any = max(homes, key=lambda row: (int(row[key] or 0), str(row["account"])), default=None)
        if best is not None and best[key]:
            found.append((title, about, str(best["account"]), text(int(best[key]))))
    return found


def alerts(status: JsonObject, concerns: Sequence[JsonObject] = ()) -> list[str]:
    """Return in words what the operator should look after, and how."""
    now = int(status["now"])
    found = [" ".join(words(each, status["timeZone"])) for each in concerns]
    for meter in status["meters"]:
        if meter["state"] == "silent":
            age = duration(max(0, now - int(meter["lastSeen"])))
            found.append(
                gettext("The meter of {label} has been silent for {age}.").format(label=meter["label"], age=age)
            )
    if waiting := [str(meter["label"]) for meter in status["meters"] if meter["state"] == "waiting"]:
        text = ngettext(
            "The meter of {labels} has not been heard since this node started.",
            "{count} meters have not been heard since this node started: {labels}.",
            len(waiting),
        )
        found.append(text.format(count=len(waiting), labels=", ".join(waiting)))
    run = status["lastRun"]
    if run is not None and now - int(run["lastInterval"]) > RUN_AGE_S_MAX:
        age = duration(now - int(run["lastInterval"]))
        found.append(gettext("Nothing has been settled for {age}.").format(age=age))
    if not status["openIntervals"]:
        found.append(gettext("No interval is open for trading."))
    return found


def backup_alerts(backup: JsonObject | None, now: int) -> list[str]:
    """Return in words that a backup is missing or old; nothing when there is a young one."""
    if backup is None:
        return [gettext("No backup of this node was ever made: resilia backup create FILE")]
    age_s = now - int(backup["madeAt"])
    if age_s <= BACKUP_AGE_S_MAX:
        return []
    return [gettext("The last backup is {age} old: resilia backup create FILE").format(age=duration(age_s))]


def _trades(count: int) -> str:
    return ngettext("{count} trade", "{count} trades", count).format(count=count)
