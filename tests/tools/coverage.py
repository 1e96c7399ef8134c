#!/usr/bin/env python3
"""Line coverage per folder of what the objects below a directory have counted (gcc --coverage).

    coverage.py BUILD-DIR [--files]

Prints covered and all lines for each folder of the sources, with --files for each file too.
"""

import argparse
import collections
import json
import pathlib
import subprocess
import sys


def gcov(data):
    """Coverage records of one .gcda file: (source, line, count)."""
    run = subprocess.run(["gcov", "--json-format", "--stdout", str(data)], capture_output=True, text=True, check=False)
    for text in run.stdout.splitlines():
        if not text.startswith("{"):
            continue
        for file in json.loads(text)["files"]:
            for line in file["lines"]:
                yield file["file"], line["line_number"], line["count"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--files", action="store_true")
    args = parser.parse_args()
    lines = collections.defaultdict(dict)
    for data in sorted(args.dir.rglob("*.gcda")):
        for file, number, count in gcov(data):
            if not file.startswith("/") and not file.startswith("tests/"):
                lines[file][number] = max(count, lines[file].get(number, 0))
    if not lines:
        sys.exit("coverage: nothing was counted")
    rows = collections.defaultdict(lambda: [0, 0])
    for file, counts in lines.items():
        names = [str(pathlib.PurePath(file).parent), "all"] + ([file] if args.files else [])
        for name in names:
            rows[name][0] += sum(c > 0 for c in counts.values())
            rows[name][1] += len(counts)
    for name in sorted(rows, key=lambda n: (n == "all", n)):
        covered, total = rows[name]
        print(f"{100 * covered / total:5.1f} %  {covered:6} of {total:6}  {name}")


main()
