"""Default tolerances for counting two structures as one."""

from __future__ import annotations

from ase_orbital.errors import SettingError

GOM_TOLERANCE = 0.0075
OFM_TOLERANCE = 0.03


def checked_tolerance(tolerance: float) -> float:
    """Return the tolerance, or raise SettingError if it is not between 0 and 2."""
    if not 0.0 < tolerance < 2.0:
        raise SettingError(
            f"tolerance must be a fraction above 0 and below 2, not {tolerance}; "
            "0.01 is one percent of the fingerprints' length"
        )
    return tolerance
