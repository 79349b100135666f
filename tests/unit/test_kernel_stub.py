import subprocess
import sys


def test_the_type_stub_tells_the_truth_about_the_kernel() -> None:
    # --ignore-missing-stub: the extension inside the package has no stub of its own
    command = [sys.executable, "-m", "mypy.stubtest", "--ignore-missing-stub", "panlock_kernel"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout
