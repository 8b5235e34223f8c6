# SPDX-License-Identifier: MIT
"""What an emulator is and offers: its version, and the properties of its devices.

Tests and `make run` go by what it says of itself, so that an emulator that nobody has tried
yet gets everything it knows.
"""

import functools
import re
import subprocess

TIMEOUT = 60


@functools.lru_cache(maxsize=None)
def ask(qemu, *words):
    """What QEMU prints about itself; empty when it refuses."""
    try:
        done = subprocess.run([qemu, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=TIMEOUT, check=False)
    except OSError:
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def version(qemu):
    """(major, minor); (0, 0) when it does not say."""
    match = re.search(r"version (\d+)\.(\d+)", ask(qemu, "--version"))
    return (int(match[1]), int(match[2])) if match else (0, 0)


def properties(qemu, device):
    """The names of a device's properties; empty when there is no such device."""
    return set(re.findall(r"^  ([a-z0-9_-]+)=", ask(qemu, "-device", f"{device},help"),
                          re.MULTILINE))


def has(qemu, feature):
    """Whether it has a device ("igb"), or a property of one ("amd-iommu.xtsup")."""
    device, _, name = feature.partition(".")
    found = properties(qemu, device)
    return name in found if name else bool(found)
