"""What the measurements ran on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil

from deploy.dev.jars import pinned

_PACKAGES = ["panlock", "panlock-kernel", "faust-streaming", "aiokafka", "quixstreams", "confluent-kafka"]


def machine() -> dict[str, object]:
    cpu = Path("/proc/cpuinfo")
    models = [line.split(":", 1)[1].strip() for line in cpu.read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
    }


def versions() -> dict[str, str]:
    kafka = next(jar.version for jar in pinned() if jar.name == "kafka-clients")
    return {"python": platform.python_version(), "kafka": kafka, **{name: version(name) for name in _PACKAGES}}
