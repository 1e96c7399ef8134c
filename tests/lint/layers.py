#!/usr/bin/env python3
"""Checks the direction of includes, which folder uses which library, and names of files and symbols.

Rules (docs/internals has the reasons):
  - a folder includes only the folders that its row of LAYERS lists; quoted includes are written from the root
  - a library's headers are read only where LIBRARIES says
  - headers do not include each other in a circle
  - a file's stem is unique over all folders (X.c and X.h of one folder are one module)
  - a global symbol of X.o is X or begins with X_; a file X_part.c may also define functions X_... of X.h, whose
    module it is a part of
  - a global symbol is none that a linked library exports, since ours would be called from within that library
    (symbols are looked at only if the objects have been built)

Prints file:line: message for each violation; exit status 1 if there are any.
"""

import argparse
import collections
import pathlib
import re
import subprocess
import sys

# Folder -> what it may include besides itself. The order is that of the ranks.
LAYERS = {
    "src/util": (),
    "oci": ("src/util",),
    "src/sandbox": ("src/util",),
    "src/dockerfile": ("src/util",),
    "registry": ("src/util", "oci"),
    "src/flavor": ("src/util", "src/dockerfile"),
    "src/cache": ("src/util", "oci", "registry"),
    "src/plan": ("src/util", "oci", "src/dockerfile", "src/flavor", "src/cache"),
    "src/session": ("src/util", "oci", "src/sandbox", "registry"),
    "src/build": ("src/util", "oci", "src/sandbox", "src/dockerfile", "registry", "src/flavor", "src/cache",
                  "src/plan", "src/session"),
    "src/image": ("src/util", "oci", "src/sandbox", "registry", "src/flavor", "src/cache", "src/session", "src/build"),
    "src/run": ("src/util", "oci", "src/sandbox", "src/session", "src/build"),
    "src/cli": ("src/util", "oci", "src/sandbox", "src/dockerfile", "registry", "src/flavor", "src/cache", "src/plan",
                "src/session", "src/build", "src/image", "src/run"),
}

# Headers of a library -> the files or folders (with a slash) that may include them.
LIBRARIES = (
    (r"openssl/", "OpenSSL", "src/util/hash.c"),
    (r"jansson(_config)?\.h$", "jansson", "src/util/json.c"),
    (r"yaml\.h$", "libyaml", "src/util/yaml.c src/util/yamlpy.c"),
    (r"archive(_entry)?\.h$", "libarchive", "oci/"),
    (r"(isa-l|isal)(\.h$|/)|(igzip_lib|crc)\.h$", "ISA-L", "oci/"),
    (r"(zstd(_errors)?|zdict)\.h$", "zstd", "oci/"),
    (r"(zlib|zconf|libdeflate)\.h$", "a deflate codec", "oci/"),
    (r"seccomp\.h$", "libseccomp", "src/sandbox/"),
    (r"curl/", "libcurl", "registry/"),
)

# Object's stem -> symbols that need not begin with it, each with its reason.
EXCEPTIONS = {
    "main": (r"main$",),  # the C library's name for it
    "vec": (r"strv_",),  # the vector of strings, part of the module with a name of its own
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


class Lint:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.problems = []
        self.sources = sorted(
            str(p.relative_to(self.root))
            for folder in LAYERS
            for p in (self.root / folder).glob("*.[ch]")
        )
        # file -> [(line, is_quoted, name)]
        self.includes = {f: self.read_includes(f) for f in self.sources}

    def say(self, file, line, text):
        self.problems.append((file, line, text))

    def read_includes(self, file):
        found = []
        text = (self.root / file).read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            m = INCLUDE.match(line)
            if m:
                found.append((number, m.group(1) == '"', m.group(2)))
        return found

    def check_directions(self):
        for file, includes in self.includes.items():
            folder = str(pathlib.PurePath(file).parent)
            for line, quoted, name in includes:
                target = str(pathlib.PurePath(name).parent)
                if not quoted:
                    continue
                if not (self.root / name).is_file() or ".." in name:
                    self.say(file, line, f'"{name}" is no file as seen from the repository\'s root')
                elif target not in LAYERS:
                    self.say(file, line, f'"{name}" is in no folder of the layer table')
                elif target != folder and target not in LAYERS[folder]:
                    allowed = ", ".join(LAYERS[folder]) or "nothing"
                    self.say(file, line, f'{folder} must not include {target} ("{name}"); it may include: {allowed}')

    def check_libraries(self):
        for file, includes in self.includes.items():
            for line, quoted, name in includes:
                for pattern, library, places in LIBRARIES:
                    if quoted or not re.match(pattern, name):
                        continue
                    if not any(file == p or p.endswith("/") and file.startswith(p) for p in places.split()):
                        self.say(file, line, f"<{name}>: only {places} may use {library}")

    def check_cycles(self):
        edges = {
            f: [(line, name) for line, quoted, name in inc if quoted and name.endswith(".h") and name in self.includes]
            for f, inc in self.includes.items()
            if f.endswith(".h")
        }
        state = {}
        for start in edges:
            self.walk(start, edges, state, [])

    def walk(self, file, edges, state, path):
        if state.get(file) == "done":
            return
        state[file] = "open"
        for line, name in edges[file]:
            if state.get(name) == "open":
                circle = (path + [file])[(path + [file]).index(name):] + [name]
                self.say(file, line, "headers include each other: " + " -> ".join(circle))
            elif name in edges:
                self.walk(name, edges, state, path + [file])
        state[file] = "done"

    def check_stems(self):
        folders = collections.defaultdict(set)
        for file in self.sources:
            path = pathlib.PurePath(file)
            folders[path.stem].add(str(path.parent))
        for file in self.sources:
            path = pathlib.PurePath(file)
            others = sorted(folders[path.stem] - {str(path.parent)})
            if others:
                self.say(file, 1, f"there is a {path.stem} in {', '.join(others)}, too; file stems are unique")

    def objects(self, folder):
        """Source -> object, of those that are built."""
        found = {}
        for file in self.sources:
            obj = self.root / folder / pathlib.PurePath(file).with_suffix(".o")
            if file.endswith(".c") and obj.is_file():
                found[file] = obj
        return found

    def say_symbol(self, file, symbol, text):
        self.say(file, self.line_of(file, symbol), text)

    def line_of(self, file, symbol):
        pattern = re.compile(r"^[A-Za-z_].*\b" + re.escape(symbol) + r"\b(?!.*;)")
        text = (self.root / file).read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            if pattern.match(line):
                return number
        return 1

    def prefixes(self, file):
        """Stems with which the file's global symbols may begin: its own, and those of modules that it is a part of."""
        path = pathlib.PurePath(file)
        words = path.stem.split("_")
        stems = ["_".join(words[:n]) for n in range(1, len(words))]
        return [path.stem] + [s for s in stems if str(path.parent / s) + ".h" in self.includes]

    def check_symbols(self, folder):
        objects = self.objects(folder)
        if not objects:
            print(f"layers.py: no objects in {folder}, symbols are not checked", file=sys.stderr)
            return
        exported = library_symbols(self.root / pathlib.PurePath(folder).parent / "slct")
        for file, obj in objects.items():
            stem = pathlib.PurePath(file).stem
            for symbol in nm(["-g", "--defined-only", str(obj)]):
                own = any(symbol == p or symbol.startswith(p + "_") for p in self.prefixes(file))
                if not own and not any(re.match(p, symbol) for p in EXCEPTIONS.get(stem, ())):
                    self.say_symbol(file, symbol, f"the global symbol {symbol} does not begin with {stem}_")
                if symbol in exported and symbol != "main":
                    self.say_symbol(file, symbol, f"{symbol} is also a symbol of {exported[symbol]}")


def nm(args):
    out = subprocess.run(["nm", "-P"] + args, capture_output=True, text=True, check=True).stdout
    return [line.split()[0].split("@")[0] for line in out.splitlines() if line.split()]


def library_symbols(program):
    """Symbol -> library, of all that the program is linked with; nothing if it is not built."""
    symbols = {}
    if not program.is_file():
        return symbols
    ldd = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    for path in re.findall(r"=> (/\S+)", ldd):
        for symbol in nm(["-D", "--defined-only", path]):
            symbols.setdefault(symbol, pathlib.PurePath(path).name)
    return symbols


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parents[2], help="the repository")
    parser.add_argument("--objects", default="build/obj", help="folder of the objects below the root")
    args = parser.parse_args()
    lint = Lint(args.root)
    lint.check_directions()
    lint.check_libraries()
    lint.check_cycles()
    lint.check_stems()
    lint.check_symbols(args.objects)
    for file, line, text in sorted(lint.problems):
        print(f"{file}:{line}: {text}")
    return 1 if lint.problems else 0


if __name__ == "__main__":
    sys.exit(main())
