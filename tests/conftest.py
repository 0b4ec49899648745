"""Settings that all tests share."""

import os

from hypothesis import settings

# The tests run in as many processes as there are cores: more threads than that slow all of them.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# Figures are drawn without a screen, also in the subprocesses that tests start.
os.environ["MPLBACKEND"] = "Agg"

# The same examples on every run, and no time limit for one of them: the verdict depends on the
# code alone. `--hypothesis-profile=default` searches with new examples.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
