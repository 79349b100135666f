""".proto text → descriptors, by the protoc that grpcio-tools brings, in a process of its own: it is C++, and reads what
others wrote."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import grpc_tools

from pipeline.errors import PanlockError

OWN = "panlock_schema.proto"
DEADLINE = 20.0  # seconds
_KNOWN = os.path.join(os.path.dirname(grpc_tools.__file__), "_proto")  # google/protobuf/*.proto


class ProtocError(PanlockError):
    """The text does not compile."""


def descriptors(text: bytes, imports: Mapping[str, bytes]) -> bytes:
    """A serialised FileDescriptorSet whose last file is `text`; `imports`: name in import statements → text.

    Raises ProtocError, OSError.
    """
    with tempfile.TemporaryDirectory(prefix="panlock-protoc-") as name:
        directory = Path(name)
        for imported, content in imports.items():
            _write(directory, imported, content)
        _write(directory, OWN, text)
        out = directory / "descriptors"
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{name}", f"-I{_KNOWN}", "--include_imports"]
        try:
            done = subprocess.run(
                [*command, f"--descriptor_set_out={out}", OWN], capture_output=True, timeout=DEADLINE, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise ProtocError("protoc took too long") from error
        if done.returncode:
            raise ProtocError(f"protoc refuses it: {done.stderr.decode(errors='replace').strip()[:500]}")
        return out.read_bytes()


def _write(directory: Path, name: str, content: bytes) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ProtocError(f"import {name!r} leads out of the schema's own files")
    target = directory / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
