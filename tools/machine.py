# SPDX-License-Identifier: MIT
"""The virtual machine: what `make run`, the tests and the measurements all boot.

One place builds QEMU's command line, so that a test runs on the machine that a person
sees. Devices have fixed addresses on the root bus; tests may name them.
"""

import hashlib
import os
from dataclasses import dataclass, field

import emulator

MIB = 1 << 20
SECTOR = 512

# isa-debug-exit turns the byte v that the guest writes into exit status (v << 1) | 1.
EXIT_PORT = 0xF4
EXIT_SUCCESS = (0x10 << 1) | 1
EXIT_FAILURE = (0x11 << 1) | 1

# QEMU ends with 0 after a triple fault (with -no-reboot), after a guest's reset and after
# a guest's ACPI power-off: status 0 is never a success here.

EDU_ADDRESS = "03.0"
NVME_ADDRESS = "04.0"

# The region that the demonstration writes on the second namespace.
SCRATCH_SIZE = 16 * MIB
REGION_OFFSET = 1 * MIB
REGION_SIZE = 1 * MIB


@dataclass
class Machine:
    """Everything that can differ between two runs."""

    image: str
    qemu: str = "qemu-system-x86_64"
    iommu: str = "intel"
    iommu_options: str = ""  # added to the IOMMU's -device, for example "aw-bits=48"
    machine_options: str = ""  # added to -M q35
    smp: int = 1
    memory: str = "256M"
    append: str = ""
    disk: str = ""  # read-only contents of namespace 1; no NVMe device without it
    scratch: str = ""  # contents of namespace 2
    edu: bool = True
    edu_options: str = ""
    nvme_options: str = ""
    nvme_port: bool = False  # put the NVMe device behind a root port
    icount: bool = False
    icount_shift: int = 0  # an instruction takes 2^shift nanoseconds
    serial: str = "stdio"  # "stdio" or a file
    debugcon: str = ""
    trace: list = field(default_factory=list)
    trace_file: str = ""
    extra: list = field(default_factory=list)

    def command(self):
        """The words of QEMU's command line."""
        words = [self.qemu, "-nodefaults", "-no-user-config", "-no-reboot"]
        words += ["-M", ",".join(filter(None, ["q35", self.machine_options]))]
        words += ["-accel", "tcg", "-cpu", "max", "-m", self.memory, "-smp", str(self.smp)]
        words += ["-display", "none", "-vga", "none", "-net", "none", "-monitor", "none"]
        words += ["-serial", self.serial if self.serial == "stdio" else f"file:{self.serial}"]
        words += ["-device", f"isa-debug-exit,iobase={EXIT_PORT:#x},iosize=0x04"]
        words += self.iommu_words()
        if self.edu:
            # By default edu clamps addresses to 28 bits, which would hide a wrong one.
            words += ["-device", join("edu", f"addr={EDU_ADDRESS}",
                                      "dma_mask=0xffffffffffffffff", self.edu_options)]
        words += self.nvme_words()
        if self.icount:
            words += ["-icount", f"shift={self.icount_shift},sleep=off",
                      "-rtc", "base=2020-01-01T00:00:00,clock=vm"]
        if self.debugcon:
            words += ["-debugcon", f"file:{self.debugcon}"]
        for pattern in self.trace:
            words += ["-trace", pattern]
        if self.trace_file:
            words += ["-D", self.trace_file]
        # The kernel reports how it ended through isa-debug-exit only when told that it exists.
        append = ["exit=debug", *self.vouched(), self.append]
        words += ["-kernel", self.image, "-append", " ".join(filter(None, append))]
        return words + list(self.extra)

    def vouched(self):
        """What the kernel cannot find out about the IOMMU, and we know."""
        if self.iommu != "amd" or self.iommu_properties().get("dma-remap", "on") != "on":
            return []
        return ["iommu.dma-remap=on"]

    def iommu_words(self):
        """The -device of the IOMMU; it comes before every device it translates for."""
        if self.iommu == "none":
            return []
        properties = self.iommu_properties().items()
        return ["-device", join(f"{self.iommu}-iommu",
                                *(f"{name}={value}" for name, value in properties))]

    def iommu_properties(self):
        """Its properties by name."""
        if self.iommu not in ("intel", "amd"):
            raise ValueError(f"IOMMU={self.iommu}: intel, amd or none")
        defaults = {"intremap": "on"}
        if self.iommu == "intel":
            defaults["aw-bits"] = "39"
        elif emulator.has(self.qemu, "amd-iommu.dma-remap"):
            # Without it a newer unit does not translate for devices of the emulator itself.
            defaults["dma-remap"] = "on"
        for option in filter(None, self.iommu_options.split(",")):
            name, _, value = option.partition("=")
            defaults[name] = value or "on"
        return defaults

    def nvme_words(self):
        """One NVMe controller with the disk (512-byte blocks) and the scratch space (4096)."""
        if not self.disk:
            return []
        place = f"addr={NVME_ADDRESS}"
        words = []
        if self.nvme_port:
            words += ["-device", f"pcie-root-port,id=port0,chassis=1,addr={NVME_ADDRESS}"]
            place = "bus=port0,addr=00.0"
        words += ["-device", join("nvme", "id=nvme0", "serial=cordon", place, self.nvme_options)]
        # The backend is opened for reading only, so that no fault can change the image.
        words += ["-blockdev", f"driver=file,node-name=disk-file,filename={escape(self.disk)},"
                               "read-only=on",
                  "-blockdev", "driver=raw,node-name=disk,file=disk-file,read-only=on",
                  "-device", "nvme-ns,drive=disk,bus=nvme0,nsid=1,logical_block_size=512,"
                             "physical_block_size=512"]
        if self.scratch:
            words += ["-blockdev", "driver=file,node-name=scratch-file,"
                                   f"filename={escape(self.scratch)}",
                      "-blockdev", "driver=raw,node-name=scratch,file=scratch-file",
                      "-device", "nvme-ns,drive=scratch,bus=nvme0,nsid=2,"
                                 "logical_block_size=4096,physical_block_size=4096"]
        return words


def join(*parts):
    """Join the non-empty options of one QEMU word."""
    return ",".join(part for part in parts if part)


def escape(path):
    """A comma in a file name is written twice in QEMU's option syntax."""
    return str(path).replace(",", ",,")


def make_scratch(path):
    """Create the second namespace: zeros, fresh for each run."""
    if os.path.exists(path):
        os.unlink(path)
    with open(path, "wb") as handle:
        handle.truncate(SCRATCH_SIZE)


def disk_sha256(path):
    """(hex digest, size) of a raw image as the guest sees it: in whole sectors, the rest of
    the last one zero."""
    digest = hashlib.sha256()
    size = 0
    with open(path, "rb") as handle:
        while block := handle.read(4 * MIB):
            digest.update(block)
            size += len(block)
    rest = -size % SECTOR
    digest.update(b"\0" * rest)
    return digest.hexdigest(), size + rest


def region_pattern():
    """The bytes that the demonstration writes: the top byte of a multiplicative hash of the
    offset in the region."""
    return bytes(((i * 2654435761) & 0xFFFFFFFF) >> 24 for i in range(REGION_SIZE))


def is_untouched(path):
    """Whether the scratch space still is all zeros."""
    with open(path, "rb") as handle:
        return not any(handle.read())


def verify_scratch(path):
    """None when the region on the scratch space holds the pattern and all else is zero,
    otherwise what is wrong."""
    with open(path, "rb") as handle:
        data = handle.read()
    if len(data) != SCRATCH_SIZE:
        return f"the scratch image is {len(data)} bytes long, not {SCRATCH_SIZE}"
    end = REGION_OFFSET + REGION_SIZE
    region = data[REGION_OFFSET:end]
    if region != region_pattern():
        if not any(region):
            return "the region was not written"
        wrong = next(i for i, pair in enumerate(zip(region, region_pattern()))
                     if pair[0] != pair[1])
        return f"the region differs from the pattern at byte {wrong}"
    if any(data[:REGION_OFFSET]) or any(data[end:]):
        return "bytes outside the region were written"
    return None
