"""The memory that this process takes, from Linux."""

from pathlib import Path

STATUS = Path("/proc/self/status")


def memory(field: str) -> float:
    """Return the current ("VmRSS") or the peak memory ("VmHWM") in MiB."""
    lines = STATUS.read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024.0
