"""How long a test waits on a machine that has other things to do as well."""

import os


def patient(seconds: float) -> float:
    """So many seconds where nobody waits for a processor, and more, the more processes wait for
    each: what must be quick is then only as slow as everything else."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
