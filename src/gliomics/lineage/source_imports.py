"""Which parts of a package a file runs, found from the imports of its source."""

from __future__ import annotations

import ast
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


def imported_parts(package: Path, files: Iterable[Path]) -> list[str]:
    """Follow the imports of files through a package, to the end.

    Parameters
    ----------
    package : Path
        Folder of the package.
    files : iterable of Path
        Where to start; each lies below `package`.

    Returns
    -------
    list of str
        Folders and modules directly below `package` that are run, such as ``cohort`` and ``compute.py``,
        sorted; those of imports inside functions too, not those of imports for type checkers only. The
        package's own ``__init__.py`` is left out.
    """
    seen: set[Path] = set()
    waiting = list(files)
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        for name in _names_in(file, file.stat().st_mtime_ns):
            waiting += _files_of(package, name)
    parts = {file.relative_to(package).parts[0] for file in seen}
    return sorted(parts - {"__init__.py"})


@cache
def _names_in(file: Path, changed_at: int) -> tuple[str, ...]:  # noqa: ARG001  (for the cache)
    """Give the names that a file imports; every stage asks for much the same files."""
    return tuple(_imported_names(ast.parse(file.read_text(encoding="utf-8"))))


def _imported_names(tree: ast.AST) -> Iterator[str]:
    """Give the dotted names that a file imports."""
    for statement in _run_statements(tree):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            yield statement.module
            yield from (f"{statement.module}.{alias.name}" for alias in statement.names)


def _run_statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree without what is there for type checkers only; in no order."""
    waiting = [tree]
    while waiting:
        for child in ast.iter_child_nodes(waiting.pop()):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                yield from child.orelse
                waiting += child.orelse
            else:
                yield child
                waiting.append(child)


def _files_of(package: Path, name: str) -> list[Path]:
    """Find the files that importing a dotted name runs, its parents' ``__init__.py`` too."""
    parts = name.split(".")
    if parts[0] != package.name:
        return []
    folder = package.parent
    found = []
    for part in parts:
        module = folder / f"{part}.py"
        folder /= part
        found += [file for file in (folder / "__init__.py", module) if file.is_file()]
    return found
