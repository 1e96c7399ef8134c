#!/usr/bin/env python3
"""Plants one violation of each kind into a small tree and looks for the message of layers.py."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).with_name("layers.py")

CLEAN = {
    "src/util/a.h": "#include <stddef.h>\n",
    "src/util/a.c": '#include "src/util/a.h"\nint a_x(void);\nint a_x(void)\n{\n\treturn 1;\n}\n',
    "src/util/json.c": "#include <jansson.h>\n",
    "src/util/hash.c": "#include <openssl/evp.h>\n",
    "oci/b.h": '#include "src/util/a.h"\n#include <archive.h>\n',
    "src/sandbox/s.c": "#include <seccomp.h>\n#include <linux/seccomp.h>\n",
    "registry/r.c": '#include "oci/b.h"\n#include <curl/curl.h>\n',
    "src/cli/c.c": '#include "registry/r.h"\n#include "src/util/a.h"\n',
    "registry/r.h": "",
    "oci/mod.h": "int mod_find(void);\n",
    "oci/mod_part.c": '#include "oci/mod.h"\nint mod_find(void)\n{\n\treturn 1;\n}\nint mod_part_x;\n',
}

# What is added to the clean tree, and the line that must come out.
PLANTS = {
    "upward": ({"src/util/u.h": '\n#include "oci/b.h"\n'}, "src/util/u.h:2: src/util must not include oci"),
    "sibling": ({"oci/o.c": '#include "src/sandbox/s.h"\n', "src/sandbox/s.h": ""},
                "oci/o.c:1: oci must not include src/sandbox"),
    "skipped": ({"src/plan/p.c": '#include "registry/r.h"\n'}, "src/plan/p.c:1: src/plan must not include registry"),
    "relative": ({"oci/o.c": '#include "b.h"\n'}, 'oci/o.c:1: "b.h" is no file'),
    "dots": ({"oci/o.c": '#include "src/../oci/b.h"\n'}, 'oci/o.c:1: "src/../oci/b.h" is no file'),
    "outside": ({"oci/o.c": '#include "tests/t.h"\n', "tests/t.h": ""}, 'oci/o.c:1: "tests/t.h" is in no folder'),
    "openssl": ({"registry/x.c": "#include <openssl/sha.h>\n"}, "registry/x.c:1: <openssl/sha.h>: only "
                                                                "src/util/hash.c"),
    "jansson": ({"oci/o.c": "# include <jansson.h>\n"}, "oci/o.c:1: <jansson.h>: only src/util/json.c"),
    "yaml": ({"src/flavor/f.c": "#include <yaml.h>\n"}, "src/flavor/f.c:1: <yaml.h>: only src/util/"),
    "archive": ({"src/build/x.c": "#include <archive_entry.h>\n"}, "src/build/x.c:1: <archive_entry.h>: only oci/"),
    "isal": ({"registry/x.c": "#include <isa-l/igzip_lib.h>\n"}, "registry/x.c:1: <isa-l/igzip_lib.h>: only oci/"),
    "zstd": ({"src/util/z.c": "#include <zstd.h>\n"}, "src/util/z.c:1: <zstd.h>: only oci/"),
    "seccomp": ({"src/build/x.c": "#include <seccomp.h>\n"}, "src/build/x.c:1: <seccomp.h>: only src/sandbox/"),
    "curl": ({"src/cli/x.c": "#include <curl/curl.h>\n"}, "src/cli/x.c:1: <curl/curl.h>: only registry/"),
    "cycle": ({"oci/x.h": '#include "oci/y.h"\n', "oci/y.h": '#include "oci/z.h"\n',
               "oci/z.h": '\n#include "oci/x.h"\n'},
              "oci/z.h:2: headers include each other: oci/x.h -> oci/y.h -> oci/z.h -> oci/x.h"),
    "itself": ({"oci/x.h": '#include "oci/x.h"\n'}, "oci/x.h:1: headers include each other: oci/x.h -> oci/x.h"),
    "stem": ({"src/cli/a.h": ""}, "src/cli/a.h:1: there is a a in src/util"),
    "symbol": ({"oci/sym.c": "int wrong(void);\nint wrong(void)\n{\n\treturn 0;\n}\n"},
               "oci/sym.c:2: the global symbol wrong does not begin with sym_"),
    "no part": ({"oci/mo_part.c": "int mo_find;\n"}, "oci/mo_part.c:1: the global symbol mo_find does not begin with"),
    "variable": ({"oci/sym.c": "int symbol_x = 1;\n"}, "oci/sym.c:1: the global symbol symbol_x does not begin with "
                                                       "sym_"),
    "library": ({"src/util/str.c": "char *str_x;\n", "src/cli/strtol.c": "long strtol_(void);\nint strtol;\n",
                 "src/cli/main.c": "int main(void)\n{\n\treturn 0;\n}\n"}, "strtol is also a symbol of libc.so.6"),
}


def run(files):
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        for path in (p for p in files if p.endswith(".c") and "#include <" not in files[p]):
            obj = root / "build/obj" / pathlib.PurePath(path).with_suffix(".o")
            obj.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cc", "-w", "-fno-builtin", f"-I{root}", "-c", "-o", obj, root / path], check=True)
        main = root / "build/obj/src/cli/main.o"
        if main.exists():
            subprocess.run(["cc", "-o", root / "build/slct", main], check=True)
        return subprocess.run([sys.executable, SCRIPT, "--root", root], capture_output=True, text=True)


class LayersTest(unittest.TestCase):
    def test_clean(self):
        r = run(CLEAN)
        self.assertEqual((r.returncode, r.stdout), (0, ""))

    def test_plants(self):
        for name, (files, message) in PLANTS.items():
            with self.subTest(name):
                r = run({**CLEAN, **files})
                self.assertEqual(r.returncode, 1, r.stdout + r.stderr)
                self.assertIn(message, r.stdout)


if __name__ == "__main__":
    unittest.main()
