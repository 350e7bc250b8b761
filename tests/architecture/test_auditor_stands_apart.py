import ast
from pathlib import Path

import market.audit


def test_the_auditor_shares_nothing_with_what_it_judges() -> None:
    judged = {
        "market.engine",
        "market.state",
        "market.closing",
        "market.choosing",
        "market.conditions",
        "market.filling",
        "market.placing",
        "market.risk",
        "market.grid",
        "market.halting",
        "market.book",
        "market.book._book",
    }
    sources = sorted(Path(str(market.audit.__file__)).parent.glob("audit*.py"))
    assert len(sources) == 12
    for source in sources:
        imports = [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.ImportFrom)]
        modules = {str(node.module) for node in imports}
        assert not modules & judged, source.name
        assert not any(module.startswith(("market.book", "market.clearing")) for module in modules), source.name
