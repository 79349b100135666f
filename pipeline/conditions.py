"""Conditions of grants: CEL over the same variables as hold rules, and over the same masked record."""

import json
from functools import lru_cache

import panlock_kernel

from pipeline.approval.grant import rule_sha256
from pipeline.masking.face import Masker
from pipeline.masking.formats.format import Format, SchemasUnavailableError
from pipeline.masking.projected import Projected
from pipeline.policy.models import Flow, HoldRule
from pipeline.record import Headers

_NO_KEY = panlock_kernel.Keyring({"none": bytes(32)}, "none")  # conditions mask nothing


class Conditions:
    """Those of one flow's records."""

    def __init__(self, name: str, flow: Flow, format_: Format | None) -> None:
        self._name, self._flow, self._format = name, flow, format_

    def rule_sha256(self, rule: HoldRule) -> str:
        return rule_sha256(self._name, self._flow.format, rule)

    def hold(
        self, when: str, principal: str, key: bytes | None, value: bytes | None, headers: Headers, masking: bytes
    ) -> bool:
        """Whether the condition is true of a masked record. What cannot be evaluated is not true.

        Raises SchemasUnavailableError.
        """
        kernel = compiled(self._flow.format == "xml", when)
        masker: Masker = kernel if self._format is None else Projected(kernel, self._format)
        try:
            return masker.assess(principal, key, value, headers, masking) == (1, None)
        except SchemasUnavailableError:
            raise
        except Exception:  # noqa: BLE001  # a defect or a kernel panic: the record is held, as without a grant
            return False


@lru_cache(maxsize=256)
def compiled(xml: bool, when: str) -> panlock_kernel.Flow:
    """Raises ValueError, with a message for people."""
    config = {"format": "xml" if xml else "json", "rules": [{"id": "grant", "when": when}]}
    return panlock_kernel.Flow(json.dumps(config).encode(), _NO_KEY)
