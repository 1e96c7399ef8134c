#!/usr/bin/env python3
"""Feeds conformance tables of the Dockerfile language to build/tests/table_driver and compares.

    tests/conformance/tables.py TABLES-DIRECTORY [DRIVER]

Prints each failing row, each whose difference is explained, and closes with "N passed, N failed, N skipped"; exit
status 1 if any failed.
"""
import json
import pathlib
import subprocess
import sys

# Rows whose difference is right, with the reason (docs/conformance.md); they count as skipped.
UNKNOWN_SUM = "a digest of an algorithm that nobody can compute here is refused, since nothing would verify it"
EXPLAINED = {
    "spec/config-c5a537": "a variable without \"=\" is taken: images have them, and all builders run them",
    "spec/content-descriptor-138722": UNKNOWN_SUM,
    "spec/content-descriptor-4d2970": UNKNOWN_SUM,
    "spec/image-manifest-417a9d": UNKNOWN_SUM,
    "spec/content-descriptor-7432d7": "the member data is not used, so it is not looked at",
    "spec/image-manifest-19916d": "an image without layers is taken, as FROM scratch with nothing but metadata gives "
                                  "it",
}

INPUTS = {
    "dockerfile-parse": ("dockerfile",),
    "shell-words": ("input", "env", "escape"),
    "dockerignore-match": ("patterns", "path"),
    "dockerignore-read": ("file",),
    "git-references": ("ref",),
    "image-spec-documents": ("schema", "document"),
}


def node(n):
    """A node of the table in the form that the driver gives."""
    out = {k: v for k, v in n.items() if k != "instruction"}
    out.setdefault("written", n["instruction"])
    if "onbuild" in out:
        out["onbuild"] = node({k: v for k, v in out["onbuild"].items() if k not in ("first_line", "last_line")})
    return out


def nodes_differ(row, got):
    want = [node(n) for n in row.get("nodes", [])]
    if "nodes" in row and want != got.get("nodes"):
        return "nodes %r" % (got.get("nodes"),)
    return None


def check_parse(row, got):
    if row["expect"] == "reject":
        if row["stage"] == "syntax":
            return None if "error" in got else "accepted"
        return nodes_differ(row, got) or (None if "error" in got.get("check", {}) else "accepted")
    if "error" in got:
        return got["error"]
    if got["escape"] != row["escape"]:
        return "escape %r" % got["escape"]
    if isinstance(got["check"], dict):
        return got["check"]["error"]
    stages = [dict(s, commands=s["commands"] or []) for s in row["stages"]]
    if stages != got["check"]:
        return "stages %r" % (got["check"],)
    return nodes_differ(row, got)


def check_words(row, got):
    for part in ("word", "words"):
        want, have = row[part], got[part]
        if "error" in want or "error" in have:
            if ("error" in want) != ("error" in have):
                return "%s %r" % (part, have)
            continue
        if want["result"] != have["result"]:
            return "%s %r" % (part, have)
        for names in ("matched", "unmatched"):
            if sorted(want.get(names, [])) != sorted(have.get(names, [])):
                return "%s %r" % (names, have.get(names))
    return None


def check_match(row, got):
    have = "error" if "error" in got else got["match"]
    return None if have == row["expect"] else "match %r" % (have,)


def check_read(row, got):
    return None if got.get("patterns") == row["patterns"] else "patterns %r" % (got,)


def check_git(row, got):
    """The name and the warning flags that the reference derives for its own use are not compared, nor is the leading
    slash of a directory."""
    want = row["expect"]
    if want is None or got is None or "error" in want or "error" in got:
        same = (want is None, "error" in (want or ())) == (got is None, "error" in (got or ()))
        return None if same else repr(got)
    parts = {name: want.get(name, "").lstrip("/") for name in ("Remote", "Ref", "SubDir", "Checksum")}
    parts["FetchByCommit"], parts["commit_times"] = want.get("FetchByCommit", False), want.get("MTime") == "commit"
    return None if parts == got else repr(got)


def check_document(row, got):
    return None if got["valid"] == row["valid"] else "valid: %r %s" % (got["valid"], got["why"])


CHECKS = {
    "dockerfile-parse": check_parse,
    "shell-words": check_words,
    "dockerignore-match": check_match,
    "dockerignore-read": check_read,
    "git-references": check_git,
    "image-spec-documents": check_document,
}


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    root = pathlib.Path(__file__).resolve().parents[2]
    driver = sys.argv[2] if len(sys.argv) > 2 else str(root / "build/tests/table_driver")
    rows = []
    for name in INPUTS:
        table = json.loads((pathlib.Path(sys.argv[1]) / (name + ".json")).read_text(encoding="utf-8"))
        rows += [(name, row) for row in table["cases"]]
    lines = [json.dumps({"table": name, **{k: row[k] for k in INPUTS[name]}}, ensure_ascii=False) for name, row in rows]
    run = subprocess.run([driver], input="\n".join(lines) + "\n", stdout=subprocess.PIPE, encoding="utf-8", check=False)
    answers = run.stdout.splitlines()
    if run.returncode or len(answers) != len(rows):
        at = rows[len(answers)] if len(answers) < len(rows) else ("?", {"id": "?"})
        print("the driver ended with status %d at %s %s" % (run.returncode, at[0], at[1]["id"]))
    passed = skipped = 0
    for (name, row), line in zip(rows, answers):
        why = CHECKS[name](row, json.loads(line))
        if why is None:
            passed += 1
        elif row["id"] in EXPLAINED:
            skipped += 1
            print("explained: %s: %s" % (row["id"], EXPLAINED[row["id"]]))
        else:
            print("FAIL %s %s: %s\n     %s"
                  % (name, row["id"], why, json.dumps({k: row[k] for k in INPUTS[name]})[:400]))
    failed = len(rows) - passed - skipped
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
