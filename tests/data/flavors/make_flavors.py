#!/usr/bin/python3
"""Make a repository of flavors in the shape of Exasol's: 14 flavors of 10 to 14 stages (156 in all), 12 to 18 edges and
a depth of 5 to 8, mapped directories behind a link to a submodule, packages files, and the oddities of their
Dockerfiles.

    make_flavors.py OUTDIR [--flavors N] [--base IMAGE]

Every step is a small shell command, so with a busybox base everything builds without a network in seconds. The same
arguments give the same bytes.
"""
import argparse
import json
import os

BASE = "flavor_base"

# stage: (directory in the flavor, required stages: the first by FROM (None: the base image), the others by COPY --from,
# mapped directories)
PLAIN = {
    "udfclient_deps": (BASE, [], ["01_nodoc", "scripts"]),
    "language_deps": (BASE, ["udfclient_deps"], ["scripts"]),
    "build_deps": (BASE, [], ["01_nodoc", "scripts"]),
    "build_run": (BASE, ["language_deps", "build_deps"], ["exaudfclient"]),
    "base_test_deps": (BASE, ["build_deps"], ["scripts"]),
    "base_test_build_run": (BASE, ["language_deps", "base_test_deps"], ["exaudfclient", "emulator"]),
    "flavor_base_deps": (BASE, ["language_deps"], ["01_nodoc", "scripts"]),
    "flavor_test_build_run": (BASE, ["base_test_build_run", "flavor_base_deps"], []),
    "release": (BASE, ["flavor_base_deps", "build_run"], []),
    "security_scan": (BASE, ["release"], []),
}
CUSTOM = {**PLAIN,
    "flavor_customization": ("", ["flavor_base_deps"], []),
    "flavor_test_build_run": (BASE, ["base_test_build_run", "flavor_customization"], []),
    "release": (BASE, ["flavor_customization", "flavor_base_deps", "build_run"], []),
}
ONE_LINE = {   # everything stands on one line of stages
    "conda_deps": (BASE, [], ["01_nodoc"]),
    "udfclient_deps": (BASE, ["conda_deps"], ["01_nodoc", "scripts"]),
    "build_deps": (BASE, ["language_deps"], ["01_nodoc", "scripts"]),
    "build_run": (BASE, ["build_deps"], ["exaudfclient"]),
    "base_test_build_run": (BASE, ["base_test_deps"], ["exaudfclient", "emulator"]),
}
ALL = {**CUSTOM,
    "flavor_base_deps_apt": (BASE, ["language_deps"], ["01_nodoc"]),
    "flavor_base_deps_python": (BASE, ["flavor_base_deps_apt"], ["scripts"]),
    "flavor_base_deps_r": (BASE, ["flavor_base_deps_apt"], ["scripts"]),
    "flavor_base_deps": (BASE, ["flavor_base_deps_python", "flavor_base_deps_r"], []),
    "release": (BASE, [None, "language_deps", "flavor_customization", "build_run"], []),
}
# Counted over Exasol's 14 flavors: stages, edges, depth, how many flavors.
SHAPES = [
    (ALL, 1),                        # 14, 18, 8
    (PLAIN, 5),                      # 10, 12, 5
    ({**CUSTOM, **ONE_LINE}, 4),     # 12, 14, 7
    (CUSTOM, 3),                     # 11, 14, 6
    ({**PLAIN, **ONE_LINE}, 1),      # 11, 12, 7
]
# What EXASLCT calls the stage in a template, where that is not its name.
ALIAS = {("release", "flavor_customization"): "customized"}

# One oddity per line; stages take them in turn.
ODDITIES = [
    "RUN true",
    'RUN echo "usage: client <<list>>" > /out/{stage}.usage',
    "RUN echo {stage} > /out/{stage}.txt # the rest is the shell's",
    "RUN echo a && \\\n\n    # a comment inside\n    echo b > /out/{stage}.ab",
    "ENV LEGACY_{upper} value with spaces",
    "RUN true",
]


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="\n") as f:
        f.write(text)
    os.chmod(path, mode)


def stages_of(number):
    shapes = [stages for stages, times in SHAPES for _ in range(times)]
    return shapes[number % len(shapes)]


def class_name(stage):
    return "Analyze" + "".join(part.capitalize() for part in stage.split("_"))


def dictionary(pairs, indent):
    return "{" + (",\n" + " " * indent).join(pairs) + "}"


def build_steps(stages):
    out = ["from typing import Dict\n", "from exasol.slc.internal.tasks.build.docker_flavor_image_task import (",
           "    DockerFlavorAnalyzeImageTask,", ")\n"]
    for stage, (where, requires, mapped) in order(stages):
        out += [f"\nclass {class_name(stage)}(DockerFlavorAnalyzeImageTask):\n",
                "    def get_build_step(self) -> str:", f'        return "{stage}"\n']
        requires = [r for r in requires if r]
        if requires:
            pairs = [f'"{ALIAS.get((stage, r), r)}": {class_name(r)}' for r in requires]
            out += ["    def requires_tasks(self):", f"        return {dictionary(pairs, 16)}\n"]
        if mapped:
            pairs = [f'"{m}": "ext/{m}"' for m in mapped]
            out += ["    def get_additional_build_directories_mapping(self) -> Dict[str, str]:",
                    f"        return {dictionary(pairs, 16)}\n"]
        if where:
            out += ["    def get_path_in_flavor(self):", f'        return "{where}"\n']
        if stage == "release":
            out += ["    def get_language_definition(self) -> str:", '        return "language_definitions.json"\n']
    return "\n".join(out)


def order(stages):
    """Stages with what they require in front of them, as Python needs it for the names of the classes."""
    done = {}

    def visit(stage):
        if stage not in done:
            for r in filter(None, stages[stage][1]):
                visit(r)
            done[stage] = stages[stage]

    for stage in stages:
        visit(stage)
    return done.items()


def dockerfile(number, stage, spec, base, has_packages):
    _, requires, mapped = spec
    at = list(CUSTOM).index(stage) if stage in CUSTOM else len(stage)
    names = [ALIAS.get((stage, r), r) for r in requires]
    on_base = not names or names[0] is None
    out = [f"FROM {base}" if on_base else f"FROM {{{{ {names[0]} }}}}"]
    if on_base:
        out += ['SHELL ["/bin/sh", "-ec"]', "RUN mkdir -p /out"]
    if stage == "flavor_customization":
        out.append(f"RUN echo flavor {number} > /out/flavor.txt")
    out += [f"COPY {m} /mapped/{m}" for m in mapped]
    out += [f"COPY --from={{{{{n}}}}} /out /out" for n in names[1:]]
    if has_packages:
        out.append(f"COPY {stage}_packages.yml /build_info/{stage}.yml")
    for odd in (ODDITIES[at % len(ODDITIES)], ODDITIES[(at + 3) % len(ODDITIES)]):
        out.append(odd.format(stage=stage, upper=stage.upper()))
    text = "\n".join(out)
    return text if at % 2 else text + "\n"  # some have no final newline


def packages(names):
    out = ["build_steps:"]
    for name in names:
        out += [f"- name: {name}", "  phases:", "  - name: install_apt_packages", "    apt:", "      packages:",
                f"      - name: lib{name.replace('_', '-')}1", "        version: 1.10", "    variables:",
                f"      {name.upper()}_LIB: /lib/{{% if platform == 'x86_64' %}}amd64{{% else %}}arm64{{% endif %}}"]
    return "\n".join(out + ["version: 1.0.0", ""])


def make_flavor(root, number, base):
    path = os.path.join(root, "flavors", f"flavor-{number:02d}")
    stages = stages_of(number)
    public = ["udfclient_deps", "language_deps", "flavor_base_deps"]
    internal = ["build_deps", "base_test_deps"] + [s for s in stages if s not in CUSTOM]
    write(os.path.join(path, "FLAVOR_DESCRIPTION.md"), f"# flavor {number}\n")
    write(os.path.join(path, "packages.yml"), packages(public))
    write(os.path.join(path, BASE, "packages.yml"), packages(internal))
    write(os.path.join(path, BASE, "build_steps.py"), build_steps(stages))
    write(os.path.join(path, BASE, "language_definitions.json"),
          json.dumps({"schema_version": 2, "language_definitions": []}) + "\n")
    write(os.path.join(path, BASE, "language_definition"),
          "PYTHON3=localzmq+protobuf:///{{ bucketfs_name }}/{{ bucket_name }}/{{ path_in_bucket }}{{ release_name }}"
          "?lang=python#buckets/{{ bucketfs_name }}/{{ bucket_name }}/{{ path_in_bucket }}{{ release_name "
          "}}/exaudf/client\n")
    write(os.path.join(path, "ci.json"), json.dumps({"build_runners": ["ubuntu-22.04"], "test_config": {
        "default_test_runners": ["ubuntu-22.04"], "test_sets": []}}) + "\n")
    if number:
        write(os.path.join(path, BASE, "derived_from"), "flavors/flavor-00")
    for stage, spec in stages.items():
        text = dockerfile(number, stage, spec, base, stage in public + internal)
        write(os.path.join(path, spec[0], stage, "Dockerfile"), text)


def make_ext(root):
    """The mapped directories lie in what would be a submodule; ext/ is a link to them."""
    module = os.path.join(root, "script-languages", "ext")
    write(os.path.join(module, "01_nodoc", "nodoc"), "path-exclude=/usr/share/doc/*\n")
    write(os.path.join(module, "scripts", "install.sh"), "#!/bin/sh\necho installed\n", 0o755)
    for i in range(60):
        write(os.path.join(module, "exaudfclient", f"dir{i % 6}", f"file{i}.cc"), f"int f{i};\n" * (i + 1))
    write(os.path.join(module, "emulator", "emulator.py"), "print('emulator')\n")
    os.symlink("../exaudfclient/dir0", os.path.join(module, "emulator", "shared"))
    os.symlink("script-languages/ext", os.path.join(root, "ext"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("outdir")
    parser.add_argument("--flavors", type=int, default=14)
    parser.add_argument("--base", default="localhost/busybox:1")
    args = parser.parse_args()
    os.makedirs(args.outdir)
    make_ext(args.outdir)
    for number in range(args.flavors):
        make_flavor(args.outdir, number, args.base)


if __name__ == "__main__":
    main()
