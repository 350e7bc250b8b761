"""Extensions in Cython, and whether what is compiled is what the sources say."""

from collections.abc import Iterable
from pathlib import Path


def stale(sources: Iterable[Path]) -> list[str]:
    """Return what is wrong with compiled extensions, one sentence for each that is missing or older than its source.

    Args:
        sources: The ``.pyx`` files; a ``.pxd`` of the same name counts as part of its source.
    """
    found = []
    for source in sources:
        compiled = [path for path in source.parent.glob(f"{source.stem}.*") if path.suffix in (".so", ".pyd")]
        newest_source = max(path.stat().st_mtime_ns for path in (source, source.with_suffix(".pxd")) if path.exists())
        if not compiled:
            found.append(f"{source.name} is not compiled")
        elif max(path.stat().st_mtime_ns for path in compiled) < newest_source:
            found.append(f"the compiled {source.stem} is older than its source")
    return found
