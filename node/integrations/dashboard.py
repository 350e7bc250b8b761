"""A dashboard for Grafana over the node's metrics, written from their list so that it names none that is not there.

The datasource is asked for at import (``${DS_PROMETHEUS}``): no dashboard knows the one of another machine.
Source: Grafana's dashboard JSON model.
"""

from typing import Any, Final

PANELS: Final = (
    ("Traded among neighbours", "rate(resilia_energy_traded_watthours_total[1h]) * 3600", "watth"),
    ("Local share", "resilia_energy_local_watthours_total / resilia_energy_imported_watthours_total", "percentunit"),
    ("Taken and given by meters", "rate(resilia_energy_imported_watthours_total[1h]) * 3600", "watth"),
    ("Certified", "resilia_energy_certified_watthours_total", "watth"),
    ("Turnover", "resilia_turnover_euros_total", "currencyEUR"),
    ("Best prices of the next book, € per kWh", "resilia_book_best_price_euros_per_kwh", "currencyEUR"),
    ("Resting in the next book", "resilia_book_watthours", "watth"),
    ("Meters by state", "resilia_meters", "short"),
    ("Time since the newest block", "resilia_node_time_seconds - resilia_chain_head_timestamp_seconds", "s"),
    (
        "Time since the last settled interval",
        "resilia_node_time_seconds - resilia_settled_through_timestamp_seconds",
        "s",
    ),
    ("Open pages and programs", "resilia_event_subscribers", "short"),
    (
        "Answers of the page's port, 99th percentile",
        "histogram_quantile(0.99, sum by (le, part) (rate(resilia_http_request_duration_seconds_bucket[5m])))",
        "s",
    ),
)
"""Title, query and Grafana's name of the unit."""
_WIDTH: Final = 12
_HEIGHT: Final = 8


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana imports it."""
    source = {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}
    return {
        "__inputs": [{"name": "DS_PROMETHEUS", "label": "Prometheus", "type": "datasource", "pluginId": "prometheus"}],
        "uid": "resilia-grid",
        "title": "RESILIA-GRID",
        "tags": ["energy"],
        "timezone": "",
        "refresh": "30s",
        "schemaVersion": 39,
        "time": {"from": "now-24h", "to": "now"},
        "panels": [
            {
                "id": place + 1,
                "type": "timeseries",
                "title": title,
                "datasource": source,
                "gridPos": {"x": place % 2 * _WIDTH, "y": place // 2 * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
                "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
                "targets": [{"refId": "A", "expr": query, "datasource": source}],
            }
            for place, (title, query, unit) in enumerate(PANELS)
        ],
    }
