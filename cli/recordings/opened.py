"""Recordings with their card numbers in the clear, by data keys that the key service unwraps, one after the other."""

from collections.abc import Callable
from dataclasses import replace

from agents.core_dumps import forbid_core_dumps
from agents.keys.recording import open_data_key
from agents.keys.settings import KeySettings
from cli.output import say
from pipeline.keys.recording import SealedDataKey
from pipeline.keys.service import KeyServiceError
from pipeline.policy import Policy
from pipeline.recording import Recording
from pipeline.revealing import opening


class Opener:
    """Under the policy that the recordings were made with, as far as rules for card numbers go."""

    def __init__(self, policy: Policy, keys: KeySettings, development: bool) -> None:
        forbid_core_dumps()
        self._policy, self._keys, self._development = policy, keys, development
        self._made: dict[str, Callable[[bytes], bytes] | None] = {}

    def open(self, recording: Recording) -> Recording:
        """What cannot be opened stays encrypted, and is told of once a data key. Raises KeysError."""
        sealed, value = recording.sealed, recording.value
        if sealed is None or value is None:
            return recording
        if sealed.id not in self._made:
            self._made[sealed.id] = self._opening(sealed)
        opened = self._made[sealed.id]
        return recording if opened is None else replace(recording, value=opened(value))

    def _opening(self, sealed: SealedDataKey) -> Callable[[bytes], bytes] | None:
        try:
            key = open_data_key(self._keys, sealed, self._development)
        except KeyServiceError as error:
            say(f"the data key of lane {sealed.lane}, {sealed.hour}, does not open: {error}")
            return None
        return opening(sealed.flow, self._policy.flows[sealed.flow], self._policy, sealed.id, key)
