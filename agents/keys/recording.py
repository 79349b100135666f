"""A worker's data keys of recordings that reveal: made by the key service, one a lane and hour, in memory alone."""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock

from agents.keys.keks import Kek, kek, service_of
from agents.keys.settings import KeySettings
from pipeline.keys.recording import KIND, DataKey, SealedDataKey, kek_name


class RecordingKeys:
    """pipeline.keys.recording.DataKeys. A key of a former hour is dropped; Python cannot overwrite what it held."""

    def __init__(self, settings: KeySettings, development: bool, clock: Callable[[], float] = time.time) -> None:
        """Raises KeysError."""
        self._settings, self._development, self._clock = settings, development, clock
        self._service = service_of(settings)
        self._lock = Lock()
        self._keks: dict[str, Kek] = {}  # by flow's: of one month
        self._keys: dict[tuple[str, int], tuple[str, DataKey]] = {}

    def current(self, flow: str, lane: int) -> DataKey:
        hour = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%dT%H")
        with self._lock:
            of, key = self._keys.get((flow, lane), ("", None))
            if key is None or of != hour:
                key = self._make(flow, lane, hour)
                self._keys[flow, lane] = hour, key
            return key

    def _make(self, flow: str, lane: int, hour: str) -> DataKey:
        id_ = f"r{secrets.token_hex(8)[:15]}"
        sealed = SealedDataKey(flow, lane, hour, id_, self._service, "")
        raw, ciphertext = self._kek(flow, hour[:7]).generate(KIND, sealed.bound)
        header = SealedDataKey(flow, lane, hour, id_, self._service, ciphertext).encode()
        return DataKey(id_, raw, header)

    def _kek(self, flow: str, month: str) -> Kek:
        name = kek_name(flow, month)
        if name not in self._keks:
            found = kek(self._settings, self._service, name, self._development)
            found.make()
            self._keks = {known: each for known, each in self._keks.items() if not known.startswith(kek_name(flow, ""))}
            self._keks[name] = found
        return self._keks[name]


def open_data_key(settings: KeySettings, sealed: SealedDataKey, development: bool) -> bytes:
    """Raises KeysError, KeyServiceError: also where its KEK was destroyed."""
    return kek(settings, sealed.service, sealed.kek, development).unwrap(KIND, sealed.bound, sealed.ciphertext)
