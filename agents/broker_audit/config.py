"""The configuration file of `panlock broker-audit`."""

from typing import Annotated

from pydantic import Field

from agents.emitter import EmitterConfig


class BrokerAuditConfig(EmitterConfig):
    """`audit_key`: one of the policy's broker_keys; `log_window`: seconds between two looks at authorizers' logs."""

    log_window: Annotated[float, Field(ge=0.1, le=3600)] = 60.0
