# SPDX-License-Identifier: MIT
"""The SDK as a stranger uses it: copied to another place, with the source tree hidden where the
system allows that, it builds the examples in every way they offer, and QEMU runs them.

CORDON_SDK names the folder that `make sdk` made; without it nothing is tested.
"""

import os
import re
import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
QEMU = os.environ.get("CORDON_BENCH_QEMU", "qemu-system-x86_64")
TIMEOUT = 180


def hiding():
    """Words before a command that make the source tree an empty folder for it, or none."""
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
             'mount -t tmpfs none "$0" && exec "$@"', str(TOP)]
    try:
        done = subprocess.run([*words, "test", "!", "-e", str(TOP / "Makefile")],
                              stderr=subprocess.DEVNULL, check=False)
    except FileNotFoundError:
        return []
    return words if done.returncode == 0 else []


def has_user_network():
    """Whether this QEMU was built with the network that needs no rights on the host."""
    try:
        said = subprocess.run([QEMU, "-M", "none", "-netdev", "help"], capture_output=True, text=True,
                              check=False).stdout
    except FileNotFoundError:
        return False
    return "user" in said.split()


needs_network = unittest.skipUnless(has_user_network(), "QEMU has no user network")


def frames(pcap):
    """The frames of a capture file as QEMU's filter-dump writes it: a header of 24 bytes, then
    for each frame its time (8 bytes), the bytes kept, its length, and the bytes."""
    found, offset = [], 24
    while offset + 16 <= len(pcap):
        kept, = struct.unpack_from("<I", pcap, offset + 8)
        found.append(pcap[offset + 16:offset + 16 + kept])
        offset += 16 + kept
    return found


@unittest.skipUnless("CORDON_SDK" in os.environ, "no SDK to test")
class Sdk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="cordon sdk ")
        cls.work = Path(cls.folder.name)
        cls.sdk = cls.work / "the sdk"
        shutil.copytree(os.environ["CORDON_SDK"], cls.sdk, symlinks=True)
        cls.share = cls.sdk / "share" / "cordon"
        shutil.copytree(cls.share / "examples", cls.work / "examples")
        cls.hidden = hiding()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def execute(self, *words, folder=None, status=0, **environment):
        """Run a command that does not see the tree; returns what it said."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.work), **environment}
        done = subprocess.run([*self.hidden, *map(str, words)], cwd=folder or self.work,
                              env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=TIMEOUT, check=False)
        if status is not None:
            self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def gcc(self, *words, compiler="gcc", **options):
        return self.execute(self.sdk / "bin" / f"x86_64-cordon-{compiler}", *words, **options)

    def boot(self, *words, **options):
        return self.execute(self.sdk / "bin" / "cordon-run", "--qemu", QEMU, *words, **options)

    def write(self, name, text):
        path = self.work / name
        path.write_text(text)
        return path

    def headers(self):
        root = self.sdk / "sysroot" / "include"
        return [path.relative_to(root) for path in sorted(root.rglob("*.h"))]

    # --- the compiler -------------------------------------------------------------------

    def test_every_public_header_compiles_alone_in_c_and_cxx(self):
        # In a folder that is none of the system's, or their warnings would not be shown.
        moved = self.work / "moved"
        shutil.copytree(self.sdk, moved, symlinks=True)
        own = self.work / "own"
        (moved / "sysroot" / "include").rename(own)
        # What machine/ holds is for newlib's own headers.
        names = [name for name in self.headers() if name.parts[0] != "machine"]
        self.assertGreater(len(names), 12)
        strict = ["-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{own}"]
        for name in names:
            source = self.write("alone.c", f"#include <{name}>\n#include <{name}>\nint after;\n")
            for words, compiler in ((["-std=gnu11", "-x", "c"], "gcc"),
                                    (["-std=c99", "-x", "c"], "gcc"),
                                    (["-std=gnu++17", "-x", "c++"], "g++")):
                if compiler == "g++" and not shutil.which("g++"):
                    continue
                if "#include_next" not in (own / name).read_text():
                    words = [*words, "-Wpedantic"]
                with self.subTest(header=str(name), words=words[0]):
                    self.execute(moved / "bin" / f"x86_64-cordon-{compiler}", *strict, *words,
                                 source)

    def test_what_people_ask_a_compiler_works(self):
        source = self.write("ask.c", "#include <stdio.h>\n#include <math.h>\n"
                                     "double f(double x);\n"
                                     "int main(void) { return puts(\"x\") < f(2); }\n")
        second = self.write("ask2.c", "#include <math.h>\ndouble f(double x);\n"
                                      "double f(double x) { return pow(x, x); }\n")
        self.assertIn("puts", self.gcc("-E", source))
        self.gcc("-S", "-o", self.work / "ask.s", source)
        self.gcc("-O2", "-flto", "-static", "-pthread", "-o", self.work / "ask", source, second,
                 "-lm", "-lpthread", "-lrt")
        self.gcc("-c", "-fPIC", "-o", self.work / "ask.o", source)
        self.execute(self.sdk / "bin" / "x86_64-cordon-ar", "rcs", self.work / "libask.a",
                     self.work / "ask.o")
        self.gcc("-fstack-protector-all", "-D_FORTIFY_SOURCE=2", "-O2", second, "-L", self.work,
                 "-o", self.work / "ask", "-lask")
        self.assertEqual(self.gcc("-print-sysroot").strip(), str(self.sdk / "sysroot"))
        self.assertEqual(self.gcc("-dumpmachine").strip(), "x86_64-cordon")
        self.assertIn("cordon", self.gcc("-dM", "-E", "-x", "c", "/dev/null"))

    def test_nothing_of_the_host_is_reached(self):
        for text, words in (("#include <sys/epoll_of_no_system.h>", []),
                            ("#include <linux/types.h>", []),
                            ("#include <gnu/libc-version.h>", []),
                            ("#ifdef __linux__\n#error linux\n#endif\nint main(void) { return 0; }",
                             ["-lutil"])):
            with self.subTest(text):
                self.gcc(self.write("host.c", text), *words, "-o", self.work / "host", status=1)
        macros = self.gcc("-dM", "-E", "-x", "c", "/dev/null")
        for name in ("__linux__", "__unix__", "__gnu_linux__", "__PIE__"):
            self.assertNotIn(name, macros)

    def test_what_cannot_work_is_refused_with_a_reason(self):
        source = self.write("refused.c", "int main(void) { return 0; }\n")
        for word, reason in (("-shared", "static"), ("-pie", "fixed address"),
                             ("-static-pie", "fixed address"), ("-m32", "64-bit")):
            with self.subTest(word):
                self.assertIn(reason, self.gcc(word, source, "-o", self.work / "no", status=1))

    # --- programs -----------------------------------------------------------------------

    def test_a_c_program_has_what_c_promises(self):
        source = self.write("c.c", r"""
            #include <errno.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            static int constructed;
            static void at_end(void) { puts("atexit ran"); }
            __attribute__((constructor)) static void construct(void) { constructed = 7; }
            __attribute__((destructor)) static void destruct(void) { puts("destructor ran"); }
            int main(int argc, char **argv)
            {
                char *memory = malloc(1 << 20);
                memset(memory, 'm', 1 << 20);
                atexit(at_end);
                errno = EIO;
                printf("argc %d last %s constructed %d errno %s\n", argc, argv[argc - 1],
                       constructed, strerror(errno));
                printf("HOME %s, %.3f, %c\n", getenv("HOME") ? "set" : "not set", 0.125, memory[99]);
                return argc == 3 ? 0 : 9;
            }""")
        self.gcc("-O2", "-Wall", "-Werror", source, "-o", self.work / "c")
        said = self.boot(self.work / "c", "--args", "one 'and two'")
        for line in ("argc 3 last and two constructed 7 errno I/O error", "HOME not set, 0.125, m",
                     "atexit ran", "destructor ran"):
            self.assertIn(line, said)
        self.assertIn("c ended with code 9", self.boot(self.work / "c", status=1))

    def test_a_c_program_has_threads_with_variables_of_their_own(self):
        source = self.write("threads.c", r"""
            #include <pthread.h>
            #include <stdio.h>
            static _Thread_local int own = 5;
            static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
            static int sum;
            static void *count(void *argument)
            {
                own = 9;
                for (int i = 0; i < 1000; i++) {
                    pthread_mutex_lock(&mutex);
                    sum++;
                    pthread_mutex_unlock(&mutex);
                }
                return argument;
            }
            int main(void)
            {
                pthread_t threads[4];
                for (int i = 0; i < 4; i++)
                    pthread_create(&threads[i], NULL, count, NULL);
                for (int i = 0; i < 4; i++)
                    pthread_join(threads[i], NULL);
                printf("sum %d own %d\n", sum, own);
                return sum != 4000 || own != 5;
            }""")
        self.gcc("-O2", "-pthread", "-Wall", "-Werror", source, "-o", self.work / "threads",
                 "-lpthread")
        self.assertIn("sum 4000 own 5", self.boot(self.work / "threads", "--smp", "2"))

    @unittest.skipUnless(shutil.which("g++"), "g++ is not installed")
    def test_a_cxx_program_has_what_the_headers_promise(self):
        source = self.write("x.cc", r"""
            #include <algorithm>
            #include <cstdio>
            #include <string>
            #include <vector>
            #include <vfio/device.h>
            struct base { virtual int size() const = 0; virtual ~base() {} };
            struct derived : base {
                std::vector<int> v{3, 1, 2};
                int size() const override { return (int)v.size(); }
                ~derived() { std::printf("destroyed\n"); }
            };
            static derived global;
            static derived &local() { static derived d; return d; }
            int main()
            {
                base *b = new derived;
                std::string s = "text " + std::to_string(42);
                std::sort(local().v.begin(), local().v.end());
                std::printf("%s %d %d %d\n", s.c_str(), b->size(), local().v[0], global.v[0]);
                delete b;
                return 0;
            }""")
        self.gcc("-O1", "-Wall", "-Werror", source, "-o", self.work / "x", compiler="g++")
        said = self.boot(self.work / "x")
        self.assertIn("text 42 3 1 3", said)
        self.assertEqual(said.count("destroyed"), 3)

    @unittest.skipUnless(shutil.which("g++"), "g++ is not installed")
    def test_what_is_promised_of_the_cxx_library_holds_here_and_on_the_host(self):
        source = TOP / "tests" / "tools" / "cxx" / "library.cc"
        copy = self.write("library.cc", source.read_text())
        for standard in ("-std=c++17", "-std=gnu++20"):
            with self.subTest(standard):
                words = [standard, "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", copy, "-o"]
                self.execute("g++", *words, self.work / "host")
                self.assertIn("library: 0 failures", self.execute(self.work / "host"))
                self.gcc(*words, self.work / "library", compiler="g++")
                said = self.boot("--smp", "4", "--no-edu", self.work / "library")
                self.assertIn("library: 0 failures", said)

    @unittest.skipUnless(shutil.which("g++"), "g++ is not installed")
    def test_the_headers_of_cxx_that_are_named_compile(self):
        # The list in sdk.md, which is about this.
        text = (self.share / "sdk.md").read_text()
        works = re.search(r"These work:\n\n(.*?)\n\n", text, re.S).group(1)
        names = re.findall(r"`<([a-z_]+)>`", works)
        self.assertGreater(len(names), 40)
        lines = "".join(f"#include <{name}>\n" for name in names)
        source = self.write("headers.cc", lines + "int main() { return 0; }\n")
        self.gcc("-std=c++20", "-Wall", "-Wextra", "-Werror", source, "-o", self.work / "headers",
                 compiler="g++")

    # --- the examples, built in each way --------------------------------------------------

    def proves_itself(self, program, *words):
        said = self.boot(program, *words)
        self.assertIn("edu: 4000 bytes there and back by DMA", said)
        self.assertIn("edu: ok", said)

    def test_hello_is_built_and_run_from_its_source(self):
        said = self.boot(self.work / "examples" / "hello.c", "--iommu", "none")
        self.assertIn("hello from Cordon", said)
        self.assertIn("argument 2: two words", said)

    def test_the_driver_is_built_by_make(self):
        folder = self.work / "examples" / "edu"
        said = self.execute("make", f"SDK={self.sdk}", "run",
                            f"RUN_FLAGS=--qemu {QEMU}", folder=folder)
        self.assertIn("edu: ok", said)
        self.proves_itself(folder / "edu", "--iommu", "amd")

    @unittest.skipUnless(shutil.which("cmake"), "cmake is not installed")
    def test_the_driver_is_built_by_cmake(self):
        folder, build = self.work / "examples" / "edu", self.work / "by cmake"
        self.execute("cmake", "-S", folder, "-B", build,
                     f"-DCMAKE_TOOLCHAIN_FILE={self.share / 'toolchain.cmake'}")
        self.execute("cmake", "--build", build)
        self.proves_itself(build / "edu")

    @unittest.skipUnless(shutil.which("meson"), "meson is not installed")
    def test_the_driver_is_built_by_meson(self):
        folder, build = self.work / "examples" / "edu", self.work / "by meson"
        path = f"{self.sdk / 'bin'}:{os.environ['PATH']}"
        self.execute("meson", "setup", "--cross-file", self.share / "cross.meson", build, folder,
                     PATH=path)
        self.execute("meson", "compile", "-C", build, PATH=path)
        self.proves_itself(build / "edu")

    # --- a network driver, and machines of other shapes -----------------------------------

    NET = ("-netdev", "user,id=net")
    PORT = ("-device", "pcie-root-port,id=root1,chassis=1")
    NIC = "e1000e,netdev=net,romfile="

    def nic(self):
        return self.work / "examples" / "e1000e" / "e1000e.c"

    def answers(self, said, count):
        self.assertIn(f"{count} of {count} answers", said)

    @needs_network
    def test_the_network_driver_sends_what_it_says(self):
        for iommu in ("intel", "amd"):
            with self.subTest(iommu):
                dump = self.work / f"{iommu}.pcap"
                self.answers(self.boot("--iommu", iommu, "--no-edu", self.nic(), "--", *self.NET,
                                       "-device", self.NIC, "-object",
                                       f"filter-dump,id=dump,netdev=net,file={dump}"), 20)
                requests = [frame for frame in frames(dump.read_bytes())
                            if frame[6:12] == b"\x52\x54\x00\x12\x34\x56"]
                wanted = bytes.fromhex("ffffffffffff" "525400123456" "0806" "0001" "0800" "06" "04"
                                       "0001" "525400123456" "0a00020f" "000000000000" "0a000202")
                self.assertEqual([frame[:42] for frame in requests], [wanted] * 20)

    def test_the_virtio_driver_finds_its_structures_and_is_answered(self):
        driver = self.work / "examples" / "virtio-rng" / "virtio_rng.c"
        device = "virtio-rng-pci,disable-legacy=on"
        for iommu in ("intel", "amd"):
            with self.subTest(iommu):
                said = self.boot("--iommu", iommu, driver, "--", "-device",
                                 device + ",iommu_platform=on")
                self.assertEqual(said.count("64 bytes:"), 6)
                self.assertIn("virtio_rng: ok", said)
        # One that would go around the IOMMU is not handed out, and init says why.
        self.assertIn("bypasses the IOMMU", self.boot(driver, "--", "-device", device, status=1))

    def test_a_device_is_handed_to_a_worker_and_comes_back(self):
        folder = self.work / "examples" / "handover"
        for iommu in ("intel", "amd"):
            with self.subTest(iommu):
                said = self.boot("--iommu", iommu, "--smp", "2", folder / "handover.c",
                                 "--with", folder / "worker.c")
                self.assertIn("the worker says: carried by a worker", said)
                self.assertIn("the worker was killed", said)
                self.assertIn("the device is ours still", said)

    @needs_network
    def test_a_device_is_reached_behind_a_switch_that_groups_it(self):
        said = self.boot("--no-edu", self.nic(), "--", *self.NET, *self.PORT,
                         "-device", "x3130-upstream,id=up,bus=root1",
                         "-device", "xio3130-downstream,id=down1,bus=up,chassis=2,slot=1",
                         "-device", "xio3130-downstream,id=down2,bus=up,chassis=3,slot=2",
                         "-device", self.NIC + ",bus=down1",
                         "-device", "nvme,serial=1,bus=down2")
        self.answers(said, 20)

    @needs_network
    def test_a_device_is_reached_on_a_further_root_bus(self):
        said = self.boot("--no-edu", self.nic(), "--", *self.NET,
                         "-device", "pxb-pcie,id=host,bus_nr=64",
                         "-device", "pcie-root-port,id=root1,bus=host,chassis=1",
                         "-device", self.NIC + ",bus=root1")
        self.assertIn("0000:41:00.0  8086:10d3", said)
        self.answers(said, 20)

    def test_a_device_is_reached_behind_a_conventional_bridge(self):
        machine = ["-device", "pcie-pci-bridge,id=bridge",
                   "-device", "edu,bus=bridge,addr=3,dma_mask=0xffffffffffffffff"]
        program = self.work / "examples" / "edu" / "edu.c"
        self.proves_itself(program, "--no-edu", "--", *machine)

    @needs_network
    def test_three_tasks_have_a_device_each_at_the_same_time(self):
        # The first is not waited for, but has far less to do than the second, beside which it runs.
        text = ("task one /bin/e1000e\n\tgroup 0000:01:00.0\n\targs 5\n"
                "task two /bin/e1000e\n\tgroup 0000:02:00.0\n\targs 300\n\twait\n"
                "task three /bin/edu\n\tgroup id=1234:11e8 reset=trusted\n\twait\n"
                "task four /bin/hello\n\targs a b\n\twait\n")
        manifest = self.write("three.manifest", text)
        said = self.boot("--manifest", manifest, self.nic(), self.work / "examples/edu/edu.c",
                         self.work / "examples" / "hello.c", "--", *self.NET, *self.PORT,
                         "-netdev", "user,id=other",
                         "-device", "pcie-root-port,id=root2,chassis=2",
                         "-device", self.NIC + ",bus=root1",
                         "-device", "e1000e,netdev=other,romfile=,bus=root2")
        self.answers(said, 5)
        self.answers(said, 300)
        self.assertIn("edu: ok", said)

    # --- running ------------------------------------------------------------------------

    def test_a_manifest_gives_each_program_its_device(self):
        text = ("task first /bin/edu\n\tgroup 0000:00:03.0 reset=trusted\n\tbudget frames=600\n"
                "\twait\n"
                "task second /bin/edu\n\tgroup 0000:00:09.0 reset=trusted\n\twait\n"
                "task words /bin/hello\n\targs a b\n\tenv GREETING=salve\n\twait\n")
        examples = self.work / "examples"
        said = self.boot("--manifest", self.write("both.manifest", text),
                         examples / "edu" / "edu.c", examples / "hello.c", "--",
                         "-device", "edu,addr=9,dma_mask=0xffffffffffffffff")
        self.assertEqual(said.count("edu: ok"), 2)
        self.assertIn("salve from Cordon", said)
        self.assertIn("argument 1: a", said)

    def test_a_program_may_be_there_for_another_one(self):
        source = self.write("parent.c", r"""
            #include <stdio.h>
            #include <unistd.h>
            int main(void)
            {
                int there = access("/bin/hello", R_OK);
                puts(there == 0 ? "parent: it is there" : "parent: it is not there");
                return there != 0;
            }""")
        text = "task parent /bin/parent\n\tinitramfs\n\twait\n"
        said = self.boot("--manifest", self.write("parent.manifest", text), source,
                         "--with", self.work / "examples" / "hello.c")
        self.assertIn("parent: it is there", said)

    def test_a_program_that_declares_nothing_gets_every_device(self):
        source = self.write("any.c", "#include <stdio.h>\n#include <vfio/device.h>\n"
                                     "int main(void) { static struct vfio_device d;\n"
                                     "struct vfio_open_params p = {.match = vfio_match_bdf(\n"
                                     "    CORDON_BDF(0, 0, 9, 0))};\n"
                                     "int err = vfio_device_open(&p, &d);\n"
                                     "puts(err ? d.error.text : \"any: opened\");\n"
                                     "return !!err; }\n")
        said = self.boot("--show-manifest", source, "--", "-device", "edu,addr=9")
        self.assertIn("group all", said)
        self.assertIn("any: opened", said)
        self.assertIn("no usable IOMMU", self.boot(source, "--iommu", "none", status=1))

    def test_every_device_means_each_group_once_and_says_what_is_left_out(self):
        source = self.write("count.c", r"""
            #include <stdio.h>
            #include <cordon/rt.h>
            int main(void)
            {
                unsigned int groups = 0, devices = 0, named = 0;
                struct cordon_device_desc desc;
                cordon_handle_t group;
                char name[32];
                while ((group = cordon_handle_of_type(CORDON_OBJECT_GROUP, groups)) >= 0) {
                    snprintf(name, sizeof(name), "group%u", groups++);
                    named += cordon_handle_named(name) == group;
                    for (uint32_t i = 0; cordon_group_function(group, i, &desc) == 0; i++)
                        devices++;
                }
                printf("groups %u, named %u, devices %u\n", groups, named, devices);
                return 0;
            }""")
        pairs = [word for slot in range(4, 7) for function in (1, 0) for word in
                 ("-device", f"edu,addr={slot}.{function},multifunction=on")]
        self.assertIn("groups 4, named 4, devices 7", self.boot(source, "--", *pairs))
        # The machine has no more than 32 slots: further ones are behind ports.
        many = []
        for port in range(34):
            many += ["-device", f"pcie-root-port,id=p{port},chassis={port},multifunction=on,"
                                f"addr={4 + port // 8:x}.{port % 8}",
                     "-device", f"edu,bus=p{port}"]
        said = self.boot(source, "--", *many)
        self.assertIn("groups 32, named 32, devices 32", said)
        self.assertIn("init: count gets 32 groups, and not the rest", said)

    def make_run(self, *words):
        """`make run` in the source tree; returns (whether it succeeded, what it said)."""
        done = subprocess.run(["make", "--no-print-directory", "-C", TOP, "run", *words],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=TIMEOUT, check=False)
        return done.returncode == 0, done.stdout

    def test_make_run_takes_tasks_a_manifest_and_devices(self):
        # As a person would: from the top of the tree, by relative names.
        image = TOP / "build" / "cordon.elf"
        before = image.stat().st_mtime_ns if image.exists() else None
        manifest = self.folder.name.replace(" ", "-") + "-manifest"
        self.addCleanup(os.unlink, manifest)
        Path(manifest).write_text("task a /bin/edu\n\tgroup 0000:00:0a.0 reset=trusted\n\twait\n"
                                  "task b /bin/hello\n\targs only-one\n\twait\n")
        tasks = "TASK=docs/examples/edu/edu.c docs/examples/hello.c"
        good, said = self.make_run(tasks, f"MANIFEST={manifest}",
                                   "QEMU_EXTRA=-device edu,addr=0a,dma_mask=0xffffffffffffffff")
        self.assertIn("edu: ok", said)
        self.assertIn("b ended with code 1", said)
        self.assertFalse(good, said)
        good, said = self.make_run("TASK=docs/examples/hello.c", "ARGS=a 'b c'")
        self.assertIn("argument 2: b c", said)
        self.assertTrue(good, said)
        self.assertFalse(self.make_run("TASK=docs/examples/absent.c")[0])
        good, said = self.make_run("TASK=docs/examples/handover/handover.c", "MEMORY=512M", "SMP=2",
                                   "WITH=docs/examples/handover/worker.c",
                                   "IOMMU_OPTIONS=aw-bits=48,caching-mode=on")
        self.assertIn("the device is ours still", said)
        self.assertRegex(said, r"memory: 5\d\d MiB")
        self.assertIn("48-bit IOVA", said)
        self.assertTrue(good, said)
        # A manifest alone is about the tree's own programs.
        good, said = self.make_run("MANIFEST=tasks/init/manifest.drivers")
        self.assertIn("example: carried by DMA", said)
        self.assertTrue(good, said)
        if before is not None:
            self.assertEqual(image.stat().st_mtime_ns, before, "the tree's image was touched")

    def test_what_is_not_right_is_named(self):
        hello = self.work / "examples" / "hello.c"
        other = self.work / "other"
        other.mkdir()
        shutil.copy(hello, other / "hello.c")
        manifests = {
            "class=1": "task hello /bin/hello\n\tgroup class=1\n\twait\n",
            "/bin/absent is not in the image": "task a /bin/absent\n\twait\n",
            "'wait'": "task hello /bin/hello\n",
            ":3: unknown word 'wiat'": "task hello /bin/hello\n\targs 1\n\twiat\n",
        }
        cases = [(reason, ["--manifest", self.write(f"wrong{number}", text), hello])
                 for number, (reason, text) in enumerate(manifests.items())]
        cases += [
            ("no such file", [self.work / "absent"]),
            ("not a file", [self.work]),
            ("not a little-endian ELF64", [self.share / "LICENSE"]),
            ("build it with x86_64-cordon-gcc", [shutil.which("true")]),
            ("two programs are called hello", [hello, other / "hello.c"]),
            ("a task cannot be called", [self.write("two words", "")]),
            ("does not compile", [self.write("bad.c", "int main(void) { return x; }\n")]),
            ("malformed", [self.write("declares.c", "#include <cordon/manifest.h>\n"
                                      "CORDON_MANIFEST(\"group malformed\");\n"
                                      "int main(void) { return 0; }\n")]),
            ("no program is given", []),
            ("no task is /bin/hello", ["--manifest", self.write("unnamed", "task i /init\n\twait\n"),
                                       hello]),
            ("two programs are called hello", [hello, "--with", other / "hello.c"]),
            ("No such file", ["--manifest", self.work / "absent", hello]),
            ("No closing quotation", ["--args", "'", hello]),
            ("arguments go to the only program", ["--args", "x", hello, other / "hello.c"]),
            ("absent: no such program", ["--qemu", self.work / "absent", hello]),
            ("absent: no such file", ["--disk", self.work / "absent", hello]),
        ]
        for reason, words in cases:
            with self.subTest(reason):
                said = self.boot(*words, status=2)
                self.assertIn(reason, said)
                self.assertNotIn("Traceback", said)
        for budget in ("frames=1", "kernel=1", "handles=1"):
            text = f"task hello /bin/hello\n\tbudget {budget}\n\twait\n"
            said = self.boot("--manifest", self.write("small", text), hello, status=1)
            self.assertIn("hello not started: ", said)
            self.assertIn("its budget is too small for /bin/hello", said)
        said = self.boot(hello, "--", "-device", "of-no-kind", status=1)
        self.assertIn("QEMU did not run the machine", said)

    def test_what_a_user_reads_is_in_the_folder(self):
        pages = sorted(self.share.glob("*.md"))
        self.assertGreater(len(pages), 7)
        for page in pages:
            links = re.findall(r"\]\(([^)#:]+)", page.read_text())
            for link in sorted(set(links)):
                if link.startswith("../"):
                    continue  # what is about the system's own source stays with it
                with self.subTest(page=page.name, link=link):
                    self.assertTrue((self.share / link).exists())

    def test_the_folder_knows_no_other_place(self):
        # Binaries may say in their debug information and assertions where they were compiled.
        for path in sorted(self.sdk.rglob("*")):
            data = path.read_bytes() if path.is_file() else b"\0"
            if b"\0" not in data:
                with self.subTest(path.name):
                    self.assertFalse(str(TOP).encode() in data, f"{path} names {TOP}")


if __name__ == "__main__":
    unittest.main()
