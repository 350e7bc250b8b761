"""Prices, carbon and weather from oracle processes, files, a broker and a service: what k of n agree on is used."""

import asyncio
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select

from node.app import Node
from node.clock import SimulatedClock, SystemClock
from node.facts.adopting import FactBoard
from node.facts.eyes import FactEyes, asked
from node.facts.settings import load_facts
from node.facts.sources import FactSources
from node.signing.remote import FactWatcher
from node.storage.models import MarketInterval
from node.views.concerns import Code
from oracles.facts import facts_hash
from oracles.signatures import address_of, recover
from oracles.typed_data import digest
from tests.integration.test_node_oracles import KEYS, Oracles, oracle_processes
from tests.support.brokers import LOGIN, connected, running_broker
from tests.support.real_node import FIRST, LENGTH_S, TARIFF, found, homes_of, running, tick_at

START = FIRST - 1_200


def _series(every_s: int) -> str:
    return (
        f"every_s = {every_s}\nahead_h = 2\n"
        '[series.price]\nkind = "import_price_ueur_per_kwh"\nplace = "FR"\nstep_s = 900\nsource = "file:price.csv"\n'
        '[series.carbon]\nkind = "carbon_g_per_kwh"\nplace = "FR"\nstep_s = 900\nsource = "file:carbon.json"\n'
    )


DAY_S = 86_400
DAILY = _series(DAY_S)
"""For processes with clocks of their own: the tests are over before a round is."""


def _found_now(folder: Path) -> int:
    """Found a community in the present, which is that of other processes, and return the instant."""
    now = SystemClock().now()
    first = now - now % LENGTH_S + 2 * LENGTH_S
    tariffs = [(now - now % DAY_S - DAY_S, *TARIFF, 50)]
    found(folder, founded_at=now - 3_600, first_interval=first, tariffs=tariffs, members_decide=False)
    (folder / "facts.toml").write_text(DAILY)
    return now


def _tell(folder: Path, around: int, price: int, carbon: int) -> None:
    """Write what an oracle's sources say: prices as CSV, carbon as JSON, for two days."""
    instants = range(around - around % 900 - 3_600, around + 2 * DAY_S, 900)
    (folder / "price.csv").write_text("at,value\n" + "".join(f"{at},{price}\n" for at in instants))
    (folder / "carbon.json").write_text(json.dumps([{"at": at, "value": carbon} for at in instants]))


async def _rounds(node: Node, now: int, until: Any) -> None:
    """Step through one round until something holds; the oracles' own files are read within seconds."""
    async with asyncio.timeout(120):
        while not until():
            node.facts.sources.read_files()
            node.facts._retry_at = 0
            await node.facts.step(now)
            await asyncio.sleep(0.2)


async def _read(node: Node, now: int, carbon: dict[int, int]) -> None:
    """Wait until oracles have read what was written for them."""
    wanted = asked(node.facts.eyes.settings.round_of(now), node.facts.eyes.settings)
    async with asyncio.timeout(120):
        for number, value in carbon.items():
            guard = node._signing.oracles()[number - 1]
            assert isinstance(guard, FactWatcher)
            while (known := guard.known(node.readings_domain, wanted)) is None or (
                known["carbon_g_per_kwh", "FR"][0] != value
            ):
                await asyncio.sleep(0.2)


def _known(node: Node) -> dict[str, Any]:
    return {each["kind"]: each for each in node.known_facts()}


def _codes(node: Node) -> set[tuple[str, str]]:
    return {(each["code"], each["label"]) for each in node.concerns()}


def test_of_four_oracles_one_may_lie_and_one_be_down(tmp_path: Path) -> None:
    folder = tmp_path / "community"
    start = _found_now(folder)
    _tell(folder, start, 111_000, 11)  # each key has its own sources: the node's have no say
    first = start - start % DAY_S + DAY_S

    async def check(oracles: Oracles) -> None:
        with homes_of(folder):
            async with running(folder, start) as node:
                await tick_at(node, start)
                await node.facts.stop()  # from here on the test says when
                for number, own in oracles.folders.items():
                    _tell(own, start, 999_000 if number == 3 else 180_000 + number, 500 if number == 3 else 40 + number)
                oracles.stop(4)
                await _read(node, start, {1: 41, 2: 42, 3: 500})
                await _rounds(node, start, lambda: len(_known(node)) == 1)
                # Prices are tolerated to the µ€, and these differ by one: nobody agrees.
                assert _known(node)["carbon_g_per_kwh"]["values"] == [41] * 8
                assert _codes(node) == {(Code.FACTS_OUTLIER, "carbon"), (Code.FACTS_DISAGREE, "price")}
                assert node.facts.refused["import_price_ueur_per_kwh", "FR"].code.name == "NO_AGREEMENT"
                assert node.tariffs.at(first).tariff.import_ueur_per_kwh == TARIFF[0], "the file's stands"
                for number in (1, 2):
                    _tell(oracles.folders[number], start, 180_000, 41)
                await _rounds(node, start, lambda: len(_known(node)) == 2)
                tariff = node.tariffs.at(first).tariff
                assert (tariff.import_ueur_per_kwh, tariff.export_ueur_per_kwh) == (180_000, TARIFF[1])
                assert tariff.short_ueur_per_kwh == TARIFF[2] - TARIFF[0] + 180_000, "as far from import as in the file"
                assert node.tariffs.at(first - LENGTH_S).tariff.import_ueur_per_kwh == TARIFF[0], "a round's own stays"
                kept = node.facts._latest["carbon_g_per_kwh", "FR"]
                signed = digest(node.readings_domain, facts_hash(kept.facts))
                signers = {recover(signed, each) for each in kept.signatures}
                assert signers == {address_of(KEYS[number]) for number in (1, 2)}
                known = node.known_facts()
            async with running(folder, start) as node:
                assert node.known_facts() == known, "a restart goes on from the log"
                assert node.tariffs.at(first).carbon_g_per_kwh == 41

    with oracle_processes(folder, (1, 2, 3, 4), facts=DAILY) as oracles:
        asyncio.run(check(oracles))


def test_two_liars_of_four_are_not_believed(tmp_path: Path) -> None:
    folder = tmp_path / "community"
    start = _found_now(folder)

    async def check(oracles: Oracles) -> None:
        with homes_of(folder):
            async with running(folder, start) as node:
                await tick_at(node, start)
                await node.facts.stop()  # from here on the test says when
                for number, own in oracles.folders.items():
                    _tell(own, start, *((180_000, 41) if number < 3 else (10, 1_500)))
                await _read(node, start, {1: 41, 2: 41, 3: 1_500, 4: 1_500})
                both = {(Code.FACTS_DISAGREE, "price"), (Code.FACTS_DISAGREE, "carbon")}
                await _rounds(node, start, lambda: both <= _codes(node))
                assert not node.known_facts()
                assert node.tariffs.at(start + DAY_S).carbon_g_per_kwh == 50, "as tariffs.csv says"

    with oracle_processes(folder, (1, 2, 3, 4), facts=DAILY) as oracles:
        asyncio.run(check(oracles))


def test_keys_without_eyes_speak_for_the_nodes_own_sources_and_silence_is_told(folder: Path) -> None:
    (folder / "facts.toml").write_text(_series(LENGTH_S))
    _tell(folder, START, 300_000, 33)

    async def check() -> None:
        with homes_of(folder):
            async with running(folder, START) as node:
                await tick_at(node, START)
                await node.facts.stop()  # from here on the test says when
                await _rounds(node, START, lambda: len(_known(node)) == 2)
                assert {kind: each["values"] for kind, each in _known(node).items()} == {
                    "carbon_g_per_kwh": [33] * 8,
                    "import_price_ueur_per_kwh": [300_000] * 8,
                }
                node.projection.flush()
                with Session(node.projection.engine) as session:
                    row = session.exec(select(MarketInterval).where(col(MarketInterval.start) == FIRST)).one()
                assert (row.import_tariff_ueur_per_kwh, row.carbon_g_per_kwh) == (300_000, 33)
                await node.facts.step(START + LENGTH_S)
                # The same and one interval more: two new series, each of them proposed before.
                assert sum(b'"facts"' in each for each in node._readings.records()) == 8
                (folder / "carbon.json").write_text("[]")
                (folder / "price.csv").unlink()
                node.facts.sources.read_files()
                for number in range(1, 5):
                    await node.facts.step(START + DAY_S + number * LENGTH_S + 1)
                assert {(Code.FACTS_MISSING, "price"), (Code.FACTS_MISSING, "carbon")} <= _codes(node)
                assert node.facts.refused["carbon_g_per_kwh", "FR"].code.name == "FACT_MISSING"
                assert node.tariffs.at(START + DAY_S).carbon_g_per_kwh == 50

    asyncio.run(check())


def test_what_was_proposed_before_a_crash_is_what_is_signed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "facts.toml").write_text(_series(LENGTH_S))
    _tell(folder, START, 300_000, 33)
    monkeypatch.setattr(FactBoard, "start", lambda board: None)

    async def propose() -> None:
        with homes_of(folder):
            async with running(folder, START) as node:
                node.facts.sources.read_files()
                with monkeypatch.context() as patch:
                    patch.setattr("node.facts.adopting._collect", falling)
                    with pytest.raises(ZeroDivisionError):
                        await node.facts.step(START)
                assert not node.known_facts()

    async def go_on() -> None:
        with homes_of(folder):
            async with running(folder, START) as node:
                node.facts.sources.read_files()
                await node.facts.step(START)
                known = _known(node)
                assert known["import_price_ueur_per_kwh"]["values"] == [300_000] * 8, "the proposal"
                assert known["carbon_g_per_kwh"]["values"] == [44] * 8, "nothing was proposed of carbon"
                await node.facts.step(START + LENGTH_S)
                assert set(_known(node)["import_price_ueur_per_kwh"]["values"]) == {400_000}

    def falling(*what: Any) -> Any:
        raise ZeroDivisionError("a crash")

    asyncio.run(propose())
    _tell(folder, START, 400_000, 44)
    asyncio.run(go_on())


def test_an_error_that_nobody_foresaw_is_told_and_ends_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "facts.toml").write_text(_series(LENGTH_S))
    _tell(folder, START, 300_000, 33)
    failing = [True]
    values = FactEyes.values

    def falling(eyes: FactEyes, *what: Any) -> list[int | None]:
        if failing[0]:
            raise ZeroDivisionError("a bug")
        return values(eyes, *what)

    monkeypatch.setattr(FactEyes, "values", falling)
    monkeypatch.setattr("node.facts.adopting.PERIOD_S", 0.02)
    monkeypatch.setattr("node.facts.adopting.RETRY_S", 0)

    async def check() -> None:
        with homes_of(folder):
            async with running(folder, START) as node, asyncio.timeout(60):
                while (Code.FACTS_FAILED, "") not in _codes(node):
                    await asyncio.sleep(0.02)
                assert not node.known_facts()
                failing[0] = False
                while len(_known(node)) < 2 or (Code.FACTS_FAILED, "") in _codes(node):
                    await asyncio.sleep(0.02)

    asyncio.run(check())


# -- SOURCES


@contextmanager
def service(answers: dict[str, bytes]) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """Serve answers by path; give the address, and the paths that were asked for with their tokens."""
    asked_for: list[tuple[str, str | None]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked_for.append((self.path, self.headers.get("auth-token")))
            body = answers.get(self.path.partition("?")[0])
            self.send_response(200 if body is not None else 302)
            self.send_header("location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked_for
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_public_services_are_asked_as_configured(tmp_path: Path) -> None:
    hours = list(range(FIRST, FIRST + 6 * 3_600, 3_600))
    prices = {"unix_seconds": hours, "price": [80.5, 70, -1.25, 60, 55, 40]}
    carbon = {"zone": "FR", "forecast": [{"carbonIntensity": 50 + n, "datetime": at} for n, at in enumerate(hours)]}
    weather = {"hourly": {"time": hours, "temperature_2m": [20.5] * 6, "cloud_cover": [25] * 6}}
    answers = {
        "/price": json.dumps(prices).encode(),
        "/v3/carbon-intensity/forecast": json.dumps(carbon).encode(),
        "/v1/forecast": json.dumps(weather).encode(),
    }
    (tmp_path / "token").write_text("secret")
    (tmp_path / "facts.toml").write_text(
        '[series.price]\nkind = "import_price_ueur_per_kwh"\nplace = "FR"\nstep_s = 3600\nsource = "energy-charts"\n'
        'query = {bzn = "FR"}\n'
        '[series.carbon]\nkind = "carbon_g_per_kwh"\nplace = "FR"\nstep_s = 3600\nsource = "electricitymaps"\n'
        'query = {zone = "FR"}\ntoken_file = "token"\n'
        '[series.temp]\nkind = "temp_millic"\nplace = "home"\nstep_s = 3600\nsource = "open-meteo"\n'
        "query = {latitude = 43.4, longitude = 3.7}\n"
        '[series.sky]\nkind = "sky_clear_permille"\nplace = "home"\nstep_s = 3600\nsource = "open-meteo"\n'
        "query = {latitude = 43.4, longitude = 3.7}\n"
    )
    settings = load_facts(tmp_path / "facts.toml")
    assert settings is not None
    with service(answers) as (address, asked_for):
        local = tuple(replace(each, source=address + "/" + each.source.split("/", 3)[3]) for each in settings.series)
        settings = replace(settings, series=local)
        eyes = FactEyes(settings)

        async def listen() -> None:
            sources = FactSources(eyes, tmp_path, SimulatedClock(FIRST - 10))
            for each in settings.series:
                await sources.ask(each)
            with pytest.raises(Exception, match=r"302|redirect"):
                await sources.ask(replace(settings.series[0], source=f"{address}/moved"))

        asyncio.run(listen())
    known_at = settings.round_of(FIRST - 10)
    told = {key[0]: eyes.values(key, *what, FIRST)[:3] for key, what in asked(known_at, settings).items()}
    assert told == {
        "import_price_ueur_per_kwh": [80_500, 70_000, -1_250],
        "carbon_g_per_kwh": [50, 51, 52],
        "temp_millic": [20_500] * 3,
        "sky_clear_permille": [750] * 3,
    }
    assert ("/price?bzn=FR", None) in asked_for
    assert ("/v3/carbon-intensity/forecast?zone=FR", "secret") in asked_for
    assert not eyes.rejected


def test_a_topic_is_listened_to(tmp_path: Path) -> None:
    async def check(port: int) -> None:
        user, password = LOGIN.split()
        (tmp_path / "facts.toml").write_text(
            '[series.carbon]\nkind = "carbon_g_per_kwh"\nplace = "FR"\nstep_s = 3600\n'
            f'source = "mqtt://{user}:{password}@127.0.0.1:{port}/grid/carbon"\n'
        )
        settings = load_facts(tmp_path / "facts.toml")
        assert settings is not None
        eyes, clock = FactEyes(settings), SimulatedClock(FIRST)
        client = await connected(port)
        sources = FactSources(eyes, tmp_path, clock)
        sources.start()
        (series,) = settings.series
        async with asyncio.timeout(20):
            while eyes.values(series.key, FIRST, 3_600, 2, FIRST) != [44, 45]:
                await client.publish("grid/carbon", json.dumps({"at": FIRST, "value": 44}))
                await client.publish("grid/carbon", json.dumps([{"at": FIRST + 3_600, "value": 45}, {"at": 1}]))
                await client.publish("grid/carbon", b"no JSON")
                await asyncio.sleep(0.1)
        assert eyes.rejected["FACT_MALFORMED"] > 0
        assert eyes.values(series.key, FIRST, 3_600, 1, FIRST + 86_401) == [None], "what is old is not believed"
        await sources.stop()
        await client.__aexit__(None, None, None)

    with running_broker(tmp_path) as port:
        asyncio.run(check(port))
