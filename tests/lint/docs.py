#!/usr/bin/env python3
"""Checks that the pages of docs/internals and the source files know each other.

  - each module of the layers' folders is named in a page: `stem`, `folder/stem`, or by a pattern `stem_*` or `stem*`; a
    part X_part.c of X.h goes with X
  - each file or folder that a page names by its path exists, and so does each module in the first column of a table
    of modules

Prints file:line: message for each violation; exit status 1 if there are any.
"""

import argparse
import fnmatch
import pathlib
import re
import sys

from layers import LAYERS

PAGES = "docs/internals"
CODE = re.compile(r"`([^`\n]+)`")
# A path from the repository's root, or a module's by its folder, which may lack the ending.
PATH = re.compile(r"^(?:src|oci|registry|tests|docs|flavors)/[\w./*-]*$")
STEM = re.compile(r"^[a-z]\w*\*?$")


def modules(root):
    """Stem -> file, of all that a page must name."""
    files = sorted(p for folder in LAYERS for p in (root / folder).glob("*.[ch]"))
    headers = {p.with_suffix("") for p in files if p.suffix == ".h"}
    found = {}
    for path in files:
        words = path.stem.split("_")
        parents = {path.with_name("_".join(words[:n])) for n in range(1, len(words))}
        if not parents & headers:
            found.setdefault(path.stem, path)
    return found


def stems(root):
    return {p.stem for folder in LAYERS for p in (root / folder).glob("*.[ch]")}


def exists(root, path):
    if "*" in path:
        return any(root.glob(path))
    return (root / path).exists() or any((root / (path + end)).exists() for end in (".c", ".h"))


def is_table_of_modules(lines, n):
    """Whether row n stands in a table whose first column is headed "module" or "modules"."""
    while n and lines[n - 1].startswith("|"):
        n -= 1
    return re.match(r"\|\s*modules?\s*\|", lines[n]) is not None


def check(root):
    problems, named = [], set()
    known = stems(root)
    for page in sorted((root / PAGES).glob("*.md")):
        lines = page.read_text(encoding="utf-8").splitlines()
        for n, line in enumerate(lines):
            texts = CODE.findall(line)
            named.update(t.rsplit("/", 1)[-1].removesuffix(".c").removesuffix(".h") for t in texts)
            for text in texts:
                if PATH.match(text) and not exists(root, text):
                    problems.append((page.relative_to(root), n + 1, f"there is no {text}"))
            if not line.startswith("|") or not is_table_of_modules(lines, n):
                continue
            for text in CODE.findall(line.split("|")[1]):
                if STEM.match(text) and not fnmatch.filter(known, text):
                    problems.append((page.relative_to(root), n + 1, f"there is no module {text}"))
    patterns = [name for name in named if "*" in name]
    for stem, path in modules(root).items():
        if stem not in named and not any(fnmatch.fnmatch(stem, p) for p in patterns):
            problems.append((path.relative_to(root), 1, f"no page of {PAGES} names {stem}"))
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parents[2], help="the repository")
    problems = check(pathlib.Path(parser.parse_args().root))
    for file, line, text in problems:
        print(f"{file}:{line}: {text}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
