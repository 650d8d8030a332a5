"""How long the properties are searched.

By default each property gets so many examples that all of them together take about a minute, the same ones in every
run. `HYPOTHESIS_PROFILE=deep pytest tests/property` takes many times as many, other ones in each run, and prints how
to repeat what fails.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
_TIMES = 12

settings.register_profile(
    "deep",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.register_profile("short", settings.get_profile("deep"), derandomize=True, database=None)


def examples(number: int, *, steps: int = 50) -> settings:
    """Return the settings of a property: so many examples, of a machine so many steps each; more in a deep search."""
    profile = settings.get_profile("deep" if DEEP else "short")
    times, more = (_TIMES, 2) if DEEP else (1, 1)
    return settings(profile, max_examples=number * times, stateful_step_count=steps * more)
