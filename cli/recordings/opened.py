"""Recordings with their card numbers in the clear, by data keys that the key service unwraps, one after the other."""

from dataclasses import replace

import panlock_kernel

from agents.core_dumps import forbid_core_dumps
from agents.keys.recording import open_data_key
from agents.keys.settings import KeySettings
from cli.output import say
from pipeline.keys import Keyring
from pipeline.keys.recording import SealedDataKey
from pipeline.keys.service import KeyServiceError
from pipeline.policy import Policy
from pipeline.policy.models import TokenDomain
from pipeline.recording import Recording
from pipeline.revealing import in_the_clear, revealing_flow


class Opener:
    """Under the policy that the recordings were made with, as far as rules for card numbers go."""

    def __init__(self, policy: Policy, keys: KeySettings, development: bool) -> None:
        forbid_core_dumps()
        self._policy, self._keys, self._development = policy, keys, development
        self._made: dict[str, panlock_kernel.Flow | None] = {}

    def open(self, recording: Recording) -> Recording:
        """What cannot be opened stays encrypted, and is told of once a data key. Raises KeysError."""
        sealed, value = recording.sealed, recording.value
        if sealed is None or value is None:
            return recording
        if sealed.id not in self._made:
            self._made[sealed.id] = self._kernel(sealed)
        kernel = self._made[sealed.id]
        return recording if kernel is None else replace(recording, value=in_the_clear(kernel, sealed.id, value))

    def _kernel(self, sealed: SealedDataKey) -> panlock_kernel.Flow | None:
        try:
            key = open_data_key(self._keys, sealed, self._development)
        except KeyServiceError as error:
            say(f"the data key of lane {sealed.lane}, {sealed.hour}, does not open: {error}")
            return None
        domains = {name: TokenDomain(key=sealed.id) for name in self._policy.token_domains}  # none of them is used
        policy = self._policy.model_copy(update={"token_domains": domains})
        return revealing_flow(
            sealed.flow, policy.flows[sealed.flow], policy, Keyring({sealed.id: key}, sealed.id), sealed.id
        )
