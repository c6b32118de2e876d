"""How far apart the fingerprints of one crystal may be."""

from __future__ import annotations

from ase_orbital.errors import SettingError

GOM_TOLERANCE = 0.0075
OFM_TOLERANCE = 0.03


def checked_tolerance(tolerance: float) -> float:
    """Refuse a tolerance that means nothing."""
    if not 0.0 < tolerance < 2.0:
        raise SettingError(
            f"tolerance must be a fraction above 0 and below 2, not {tolerance}; "
            "0.01 is one percent of the fingerprints' length"
        )
    return tolerance
