"""What git keeps of a data version: an annotated tag on a commit of its own, beside the user's branch."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gliomics.errors import DataVersionError
from gliomics.versioning.commands import IDENTITY, ask_git, run_git

if TYPE_CHECKING:
    from collections.abc import Mapping

CODE_PATHS = ("src", "conf", "pyproject.toml", "constraints.txt")
"""What a result follows from besides data."""
_FIELDS = "%(refname:short)%00%(*objectname)%00%(contents)%00%01"


@dataclass(frozen=True)
class TagFacts:
    """A tag: its name, the commit that it points to, its message."""

    name: str
    commit: str
    message: str


def head_commit(project: Path) -> str | None:
    """Give the commit that is checked out, None where there is none or no git."""
    found = ask_git(project, "rev-parse", "--verify", "--quiet", "HEAD")
    return found.strip() if found else None


def changed_paths(project: Path) -> list[str] | None:
    """List what differs from the commit in code, settings and constraints; None where git cannot say."""
    said = ask_git(
        project, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--", *CODE_PATHS
    )
    return None if said is None else sorted(entry[3:] for entry in said.split("\0") if entry)


def read_committed(project: Path, revision: str, path: str) -> str | None:
    """Give a file's text at a revision, None if it is not there."""
    return ask_git(project, "show", f"{revision}:./{path}")


def list_tags(project: Path, prefix: str) -> list[TagFacts]:
    """List the annotated tags below a prefix, such as ``data/demo``."""
    said = ask_git(project, "for-each-ref", f"--format={_FIELDS}", f"refs/tags/{prefix}")
    entries = (said or "").split("\0\x01")
    return [TagFacts(*entry.lstrip("\n").split("\0")) for entry in entries if entry.strip()]


def commit_beside(project: Path, files: Mapping[str, str], message: str) -> str:
    """Commit a few files on top of HEAD without moving a branch or touching index and working tree.

    Parameters
    ----------
    project : Path
        Its folder.
    files : mapping of str to str
        Text by path relative to the project.
    message : str
        Of the commit.

    Returns
    -------
    str
        The commit. Until a tag points to it, git counts it as rubbish.

    Raises
    ------
    DataVersionError
        If nothing has ever been committed here.
    """
    head = head_commit(project)
    if head is None:
        raise DataVersionError(
            where="git",
            expected="the project must be a git repository with a commit",
            got="no commit",
            fix="Run `git init`, `git add` and `git commit` first.",
        )
    below = run_git(project, "rev-parse", "--show-prefix").strip()
    with tempfile.TemporaryDirectory() as scratch:
        own_index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        run_git(project, "read-tree", head, env=own_index)
        for path, text in files.items():
            blob = run_git(project, "hash-object", "-w", "--stdin", "--no-filters", stdin=text).strip()
            run_git(
                project, "update-index", "--add", "--cacheinfo", f"100644,{blob},{below}{path}", env=own_index
            )
        tree = run_git(project, "write-tree", env=own_index).strip()
    committed = run_git(
        project, "commit-tree", tree, "-p", head, "-F", "-", stdin=message, env=_identity(project)
    )
    return committed.strip()


def set_tag(project: Path, name: str, commit: str, message: str) -> None:
    """Make an annotated tag, as written: the one step by which a data version comes to be.

    Raises
    ------
    DataVersionError
        If there is such a tag already.
    """
    arguments = ("tag", "--annotate", "--no-sign", "--cleanup=verbatim", "-F", "-", name, commit)
    run_git(project, *arguments, stdin=message, env=_identity(project))


def _identity(project: Path) -> dict[str, str]:
    """Say who commits only where git does not know."""
    return {} if ask_git(project, "var", "GIT_COMMITTER_IDENT") else dict(IDENTITY)
