#!/usr/bin/python3
"""List the commands and options of EXASLCT as its sources declare them, without running them.

    exaslct_options.py TOOL ITDE >tests/data/exaslct/options.json

TOOL is a checkout of exasol/script-languages-container-tool, ITDE one of exasol/integration-test-docker-environment.
The sources use click: a command is a function with decorators, @click.option(...) or @add_options(group), and a group
is a list of click.option(...) or a function that gives one. Only names and shapes are listed.
"""
import ast
import json
import sys
from pathlib import Path

TOOL = "exasol/slc/tool"
ITDE = "exasol_integration_test_docker_environment/cli"


def is_option(node):
    return (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "option")


def text(node):
    """A string, also an f-string whose only variable part is the name of a secret (SecretParams.X.value)."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(p.value if isinstance(p, ast.Constant) else p.value.value.attr.lower().replace("_", "-")
                       for p in node.values)
    raise ValueError(ast.dump(node))


def option(call):
    names = [text(a) for a in call.args]
    long = next(n for n in names if n.startswith("--"))
    words = {k.arg: k.value for k in call.keywords}
    kind = words.get("type")
    flag = "is_flag" in words and words["is_flag"].value
    return {
        "name": long.split("/")[0][2:],
        "letter": next((n[1:] for n in names if not n.startswith("--")), None),
        "pair": "/--no-" in long,
        "value": "/--no-" not in long and not flag,
        "repeated": "multiple" in words and getattr(words["multiple"], "value", True) is True,
        "bool": isinstance(kind, ast.Name) and kind.id == "bool",
        "choices": [c.value for c in kind.args[0].elts]
        if isinstance(kind, ast.Call) and kind.func.attr == "Choice" and isinstance(kind.args[0], ast.List) else None,
    }


def groups(folder):
    """The lists of options of all files below, by name."""
    trees = [ast.parse(file.read_text()) for file in sorted(folder.glob("options/*.py"))]
    nodes = [node for tree in trees for node in tree.body]
    assigned = {n.targets[0].id: n.value for n in nodes if isinstance(n, ast.Assign)}
    made = {f.name: [option(c) for c in ast.walk(f) if is_option(c)] for f in nodes if isinstance(f, ast.FunctionDef)}
    found = {name: [option(value)] for name, value in assigned.items() if is_option(value)}
    for name, value in assigned.items():
        if isinstance(value, ast.List):
            found[name] = [o for e in value.elts for o in element(e, found, made)]
    return found


def element(node, found, made):
    if is_option(node):
        return [option(node)]
    if isinstance(node, ast.Name):
        return found[node.id]   # single options of other files are known before any list
    if isinstance(node, ast.Call):   # create_flavor_option(multiple=True)
        multiple = {k.arg: k.value.value for k in node.keywords}["multiple"]
        return [dict(o, repeated=multiple) for o in made[node.func.id]]
    raise ValueError(ast.dump(node))


def command(function, known):
    options = []
    for d in function.decorator_list:
        if is_option(d):
            options.append(option(d))
        elif isinstance(d, ast.Call) and getattr(d.func, "id", "") == "add_options":
            what = d.args[0]
            names = [what] if isinstance(what, ast.Name) else what.elts
            options += [o for n in names for o in known[n.id]]
    return sorted(options, key=lambda o: o["name"])


def is_command(d):
    return isinstance(d, ast.Call) and isinstance(d.func, ast.Attribute) and d.func.attr == "command"


def commands(folder, known):
    found = {}
    for file in sorted(folder.glob("commands/*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and any(is_command(d) for d in node.decorator_list):
                found[node.name.replace("_", "-")] = command(node, known)
    return found


def options(tool, itde):
    known = groups(Path(itde) / ITDE)
    test = commands(Path(itde) / ITDE, known)
    known.update(groups(Path(tool) / TOOL))
    return {"exaslct": commands(Path(tool) / TOOL, known), "itde": sorted(test)}


if __name__ == "__main__":
    facts = options(*sys.argv[1:3])
    print('{"itde": %s,\n"exaslct": {' % json.dumps(facts["itde"]))
    print(",\n".join('"%s": [\n%s]' % (name, ",\n".join(json.dumps(o, sort_keys=True) for o in opts))
                     for name, opts in sorted(facts["exaslct"].items())))
    print("}}")
