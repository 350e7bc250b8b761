"""A source that fails in a way that nobody foresaw goes on, and a compressed answer is not unpacked."""

import asyncio
import gzip
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from node.clock import SimulatedClock
from node.facts.eyes import FactEyes
from node.facts.settings import FactSettings, load_facts
from node.facts.sources import FactSources

NOON = 1_751_371_200
TOML = (
    '[series.carbon]\nkind = "carbon_g_per_kwh"\nplace = "FR"\nstep_s = 3600\nsource = "file:carbon.csv"\n'
    '[series.price]\nkind = "import_price_ueur_per_kwh"\nplace = "FR"\nstep_s = 3600\nsource = "file:price.csv"\n'
)


def settings_of(folder: Path) -> FactSettings:
    (folder / "facts.toml").write_text(TOML)
    settings = load_facts(folder / "facts.toml")
    assert settings is not None
    return settings


def test_a_file_that_fails_is_told_and_read_again_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    eyes = FactEyes(settings_of(tmp_path))
    told: list[tuple[str, str | None]] = []
    clock = SimulatedClock(NOON)
    sources = FactSources(
        eyes, tmp_path, clock, lambda name, error: told.append((name, type(error).__name__ if error else None))
    )
    for name, value in (("carbon", 41), ("price", 180_000)):
        (tmp_path / f"{name}.csv").write_text(f"at,value\n{NOON},{value}\n")
    take = FactEyes.take

    def falling(eyes: FactEyes, series: Any, *what: Any, **other: Any) -> Any:
        if series.name == "carbon":
            raise ZeroDivisionError("a bug")
        return take(eyes, series, *what, **other)

    with monkeypatch.context() as patch:
        patch.setattr(FactEyes, "take", falling)
        sources.read_files()
    assert told == [("carbon", "ZeroDivisionError"), ("price", None)]
    assert eyes.values(("import_price_ueur_per_kwh", "FR"), NOON, 3_600, 1, NOON) == [180_000]
    told.clear()
    sources.read_files()
    assert told == [("carbon", None), ("price", None)]
    assert eyes.values(("carbon_g_per_kwh", "FR"), NOON, 3_600, 1, NOON) == [41], "read again, as it never was"


@contextmanager
def compressing(body: bytes) -> Iterator[tuple[str, list[str | None]]]:
    """Serve an answer compressed, whatever is asked for; give the address and what was accepted."""
    accepted: list[str | None] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            accepted.append(self.headers.get("accept-encoding"))
            self.send_response(200)
            self.send_header("content-encoding", "gzip")
            self.end_headers()
            self.wfile.write(gzip.compress(body))

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", accepted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_compressed_answer_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    sources = FactSources(FactEyes(settings), tmp_path, SimulatedClock(NOON))
    with compressing(bytes(50_000_000)) as (address, accepted), pytest.raises(httpx.HTTPError, match="compressed"):
        asyncio.run(sources.ask(replace(settings.series[0], source=address)))
    assert accepted == ["identity"]
