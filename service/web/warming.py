"""Getting ready in the background, so that the first question is answered as fast as the next."""

import gc
import logging
import threading

from matcher.records import Kind
from service.asking import ask
from service.store.database import DatabaseError
from service.wiring import Commonweal

log = logging.getLogger(__name__)

PAUSE = 5.0  # seconds before a database that could not be used is tried again


class NotReadyError(RuntimeError):
    """Asked before the indexes were warm."""


class Warming:
    """Loads encoder and indexes in a thread of its own. `is_ready` once a question in each direction was answered."""

    def __init__(self, commonweal: Commonweal) -> None:
        self._commonweal = commonweal
        self._ready = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._warm, name="warming", daemon=True)

    @property
    def is_ready(self) -> bool:
        return self._ready.is_set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=1)

    def _warm(self) -> None:
        while not self._stopped.is_set():
            try:
                for kind in (Kind.NEED, Kind.OFFER):
                    ask(self._commonweal, "A room for a group to meet in on weekday evenings", kind)
            except DatabaseError as error:
                log.error("Not ready, trying again in %.0f s: %s", PAUSE, error)
                self._stopped.wait(PAUSE)
            except Exception:
                log.exception("Cannot get ready: pages stay closed until this is mended and Commonweal started again")
                return
            else:
                _settle()
                self._ready.set()
                return


def _settle() -> None:
    """What is here by now stays: looking through it for garbage again and again takes a tenth of a page's time."""
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()
