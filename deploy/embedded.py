"""Everything on one machine: NATS, the four services and the front, each a process of its own, on loopback only.

The processes are forked from one that has imported everything, which keeps memory and start-up
small; each builds its service with the same `build()` that `faststream run` uses. A supervisor
starts again what ends, and ends everything when the process that began it ends, however it ends.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import sqlalchemy as sa
import uvicorn
from starlette.applications import Starlette

from deploy.datadir import DataDirectory, Running
from deploy.natsd import NatsError
from deploy.ports import StartError, free_port
from deploy.supervisor import FORK, READY_SECONDS, STOP_SECONDS, Supervisor
from services.credentials import CredentialsError


class Embedded:
    """A running Yoake, as the process that began it sees it. Use it as a context."""

    def __init__(self, data: DataDirectory, *, nats_port: int, pages_port: int, published: Path | None = None) -> None:
        self._data = data
        self._ports = (nats_port, pages_port or free_port())
        self._published = published

    def __enter__(self) -> Running:
        """Start everything and wait until it serves.

        Raises:
            StartError: it does not; says why.
        """
        self._ours, theirs = FORK.Pipe()
        self._supervisor = FORK.Process(
            target=_supervise, args=(self._data, self._ports, self._published, theirs, self._ours)
        )
        uvicorn.Config(Starlette(), log_config=None, lifespan="off").load()  # What it imports late is shared, too.
        sa.make_url(self._data.settings().database).get_dialect().import_dbapi()  # And the driver, whichever it is.
        gc.collect()
        gc.freeze()  # What is imported stays, and the collector must not touch it: each touched page is copied.
        self._supervisor.start()
        theirs.close()
        try:
            if not self._ours.poll(READY_SECONDS):
                raise StartError(f"the services did not start within {READY_SECONDS:.0f} s; see {self._data / 'logs'}")
            answer = self._ours.recv()
        except EOFError as error:
            raise StartError(f"the runner ended at once; see {self._data / 'logs'}") from error
        except BaseException:
            self._stop()
            raise
        if isinstance(answer, str):
            self._stop()
            raise StartError(answer)
        assert isinstance(answer, Running), "the supervisor says where it runs, or why not"
        return answer

    def __exit__(self, *_: object) -> None:
        self._stop()

    def wait_for_ctrl_c(self) -> bool:
        """Wait for Ctrl-C; False if everything ended by itself before."""
        try:
            self._supervisor.join()
        except KeyboardInterrupt:
            return True
        return False

    def _stop(self) -> None:
        self._ours.close()
        self._supervisor.join(STOP_SECONDS + 10)
        if self._supervisor.is_alive():
            self._supervisor.kill()


def _supervise(
    data: DataDirectory, ports: tuple[int, int], published: Path | None, pipe: Connection, theirs: Connection
) -> None:
    theirs.close()
    os.setsid()  # Ctrl-C would reach everybody at once; the order of stopping is ours.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    supervisor = Supervisor(data, ports, published, pipe)
    try:
        supervisor.start()
        supervisor.watch()
    except (CredentialsError, NatsError, StartError) as error:
        with suppress(OSError):
            pipe.send(str(error))
    finally:
        supervisor.stop()
