"""PostgreSQL from Debian's packages: a cluster with scram passwords, and MLflow's two databases."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gliomics.errors import DeploymentError
from gliomics.lineage.durable_files import write_private
from gliomics.operations.ports import HOST
from gliomics.operations.processes import Command

if TYPE_CHECKING:
    from gliomics.operations.local_servers.place import Place

SUPERUSER: Final = "postgres"
ROLE: Final = "mlflow"
DATABASES: Final = ("mlflow", "mlflow_auth")
PASSFILE: Final = "pgpass"
DEBIAN: Final = Path("/usr/lib/postgresql")
AS_ROOT: Final = Path("/var/lib/gliomics")
"""Where a cluster lies when root starts it and PostgreSQL's account cannot pass to the servers' folder."""


@dataclass(frozen=True)
class Postgres:
    """The database of the tracking server."""

    place: Place
    port: int
    passwords: dict[str, str]
    name: str = "postgres"
    stop_signal: signal.Signals = signal.SIGINT
    """PostgreSQL's fast shutdown."""

    @property
    def data(self) -> Path:
        """Folder of the cluster."""
        if _user() is None or _can_pass(self.place.folder):
            return self.place.folder / "postgres"
        return AS_ROOT / hashlib.sha256(str(self.place.folder).encode()).hexdigest()[:12]

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"{HOST}:{self.port}"

    @staticmethod
    def lacks() -> str | None:
        """Name the Debian package that is missing, if it is."""
        return None if _program("initdb") else "postgresql"

    def prepare(self) -> None:
        """Make the cluster with the first start."""
        line = f"{HOST}:{self.port}:*:"
        roles = {SUPERUSER: self.passwords["postgres"], ROLE: self.passwords["mlflow_database"]}
        write_private(self.place.folder / PASSFILE, "".join(f"{line}{u}:{p}\n" for u, p in roles.items()))
        if (self.data / "PG_VERSION").is_file():
            return
        data = self.data
        data.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(mode=0o700)
        secret = data.with_name(f".{data.name}-password")
        write_private(secret, self.passwords["postgres"] + "\n")
        user = _user()
        if user is not None:
            for path in (data, secret):
                os.chown(path, *user)
        try:
            self._initdb(secret)
        finally:
            secret.unlink(missing_ok=True)

    def _initdb(self, secret: Path) -> None:
        arguments = [
            str(_program("initdb")),
            "--pgdata",
            str(self.data),
            "--username",
            SUPERUSER,
            "--auth=scram-sha-256",
            f"--pwfile={secret}",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ]
        uid, gid = _user() or (None, None)
        done = subprocess.run(  # noqa: S603  (our own arguments, no shell)
            arguments,
            cwd="/",
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise DeploymentError(
                where="PostgreSQL",
                expected="initdb must make a cluster",
                got=done.stderr.strip()[-500:],
                fix="Correct what it says and start again.",
            )

    def command(self) -> Command:
        """Say how it is started: on loopback only, without a socket file."""
        arguments = [
            str(_program("postgres")),
            "-D",
            str(self.data),
            "-p",
            str(self.port),
            "-h",
            HOST,
            "-c",
            "unix_socket_directories=",
            "-c",
            "max_connections=100",
        ]
        return Command(arguments, _environment(), _user(), Path("/"))

    def is_healthy(self) -> bool:
        """Whether it answers, with both databases there."""
        import psycopg2

        try:
            connection = self._connect()
        except psycopg2.OperationalError as error:
            if "authentication failed" in str(error):
                raise DeploymentError(
                    where="PostgreSQL",
                    expected=f"the cluster on port {self.port} must be the one in {self.data}",
                    got=f"one that refuses the password: {str(error).strip().splitlines()[-1]}",
                    fix="Choose another port with --postgres-port.",
                ) from error
            return False
        try:
            self._make_databases(connection)
        finally:
            connection.close()
        return True

    def _connect(self) -> Any:
        import psycopg2

        return psycopg2.connect(
            host=HOST,
            port=self.port,
            user=SUPERUSER,
            password=self.passwords["postgres"],
            dbname="postgres",
            connect_timeout=5,
        )

    def _make_databases(self, connection: Any) -> None:
        from psycopg2 import sql

        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,))
            if cursor.fetchone() is None:
                make = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                password = sql.Literal(self.passwords["mlflow_database"])
                cursor.execute(make.format(sql.Identifier(ROLE), password))
            for name in DATABASES:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
                if cursor.fetchone() is None:
                    make = sql.SQL("CREATE DATABASE {} OWNER {}")
                    cursor.execute(make.format(sql.Identifier(name), sql.Identifier(ROLE)))

    def uri(self, database: str) -> str:
        """Give SQLAlchemy's address of a database; the password comes from PGPASSFILE."""
        return f"postgresql+psycopg2://{ROLE}@{HOST}:{self.port}/{database}"


def _program(name: str) -> Path | None:
    """Find one of PostgreSQL's programs, which Debian keeps off the PATH; the newest version's."""
    found = [path for path in DEBIAN.glob(f"*/bin/{name}") if path.parent.parent.name.isdigit()]
    if found:
        return max(found, key=lambda path: int(path.parent.parent.name))
    there = shutil.which(name)
    return Path(there) if there else None


def _user() -> tuple[int, int] | None:
    """Give the account that PostgreSQL runs as: our own, unless that is root, which it refuses."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise DeploymentError(
        where="PostgreSQL",
        expected="there must be an account postgres, since it does not run as root",
        got="neither postgres nor nobody among the accounts",
        fix="Run `apt-get install postgresql`, or start the servers as an ordinary user.",
    )


def _can_pass(folder: Path) -> bool:
    user = _user()
    if user is None:
        return True
    uid, gid = user
    done = subprocess.run(  # noqa: S603
        ["test", "-x", str(folder)],  # noqa: S607
        user=uid,
        group=gid,
        extra_groups=[],
        cwd="/",
        check=False,
    )
    return done.returncode == 0


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
