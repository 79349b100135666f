"""Keys in SoftHSM: PKCS#11's real interface without the hardware."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PIN, LABEL = "2468-1357", "decisions"
LIBRARIES = ("/usr/lib/softhsm/libsofthsm2.so", "/opt/homebrew/lib/softhsm/libsofthsm2.so")
LIBRARY = next((each for each in LIBRARIES if Path(each).exists()), None)

with_softhsm = pytest.mark.skipif(
    LIBRARY is None or shutil.which("softhsm2-util") is None,
    reason="keys in hardware modules are NOT tested: no SoftHSM here (apt-get install softhsm2)",
)


@contextmanager
def tokens(directory: Path, *names: str) -> Iterator[None]:
    """SoftHSM with those tokens, in the environment."""
    import pkcs11

    (directory / "tokens").mkdir()
    (directory / "softhsm2.conf").write_text(f"directories.tokendir = {directory / 'tokens'}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(directory / "softhsm2.conf"))
        for name in names:
            told = ["softhsm2-util", "--init-token", "--free", "--label", name, "--pin", PIN, "--so-pin", PIN]
            subprocess.run(told, check=True, capture_output=True)
        pkcs11.lib(LIBRARY).reinitialize()  # of this process, which may know another test's tokens
        yield


def generate(name: str, kind: str, curve: str) -> None:
    """A key pair in that token; `kind`: EC, EC_EDWARDS, or RSA without a curve."""
    import pkcs11
    from pkcs11.util.ec import encode_named_curve_parameters

    with pkcs11.lib(LIBRARY).get_token(token_label=name).open(rw=True, user_pin=PIN) as session:
        if not curve:
            session.generate_keypair(pkcs11.KeyType.RSA, 2048, store=True, label=LABEL)
            return
        parameters = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}
        made = session.create_domain_parameters(pkcs11.KeyType[kind], parameters, local=True)
        made.generate_keypair(store=True, label=LABEL)
