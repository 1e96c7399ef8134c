#!/usr/bin/env python3
"""Plants one violation of each kind into a small tree and looks for the message of docs.py."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).with_name("docs.py")

CLEAN = {
    "oci/a.h": "", "oci/a.c": "", "oci/a_part.c": "", "oci/lone.c": "", "src/cli/page_x.c": "", "src/cli/page_y.c": "",
    "docs/internals/p.md": "| module | what |\n|---|---|\n| `a`, `page_*` | `b` is a type |\n\n`oci/lone` and `oci/a.c`\n",
}
PAGE = CLEAN["docs/internals/p.md"]

# What is added to the clean tree, and the line that must come out.
PLANTS = {
    "unnamed": ({"src/util/u.h": ""}, "src/util/u.h:1: no page of docs/internals names u"),
    "unnamed part": ({"oci/b_part.c": ""}, "oci/b_part.c:1: no page of docs/internals names b_part"),
    "no path": ({"docs/internals/p.md": PAGE + "`oci/gone.c`\n"}, "docs/internals/p.md:6: there is no oci/gone.c"),
    "no stem": ({"docs/internals/p.md": PAGE + "`oci/gone`\n"}, "docs/internals/p.md:6: there is no oci/gone"),
    "no module": ({"docs/internals/p.md": PAGE.replace("`a`", "`a`, `gone`")},
                  "docs/internals/p.md:3: there is no module gone"),
    "no pattern": ({"docs/internals/p.md": PAGE.replace("`a`", "`a`, `gone_*`")},
                   "docs/internals/p.md:3: there is no module gone_*"),
}


def run(files):
    with tempfile.TemporaryDirectory() as name:
        for path, text in files.items():
            file = pathlib.Path(name, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return subprocess.run([sys.executable, SCRIPT, "--root", name], capture_output=True, text=True)


class DocsTest(unittest.TestCase):
    def test_clean(self):
        r = run(CLEAN)
        self.assertEqual((r.returncode, r.stdout), (0, ""))

    def test_plants(self):
        for name, (files, message) in PLANTS.items():
            with self.subTest(name):
                r = run({**CLEAN, **files})
                self.assertEqual(r.returncode, 1)
                self.assertEqual(r.stdout.splitlines(), [message])


if __name__ == "__main__":
    unittest.main()
