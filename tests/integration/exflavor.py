"""Flavors in EXASLCT's layout for the tests, and EXASLCT's hash of a stage computed as EXASLCT does."""
import base64
import hashlib
import os
from pathlib import Path

STEPS_HEAD = "from exasol.slc.internal.tasks.build.docker_flavor_image_task import DockerFlavorAnalyzeImageTask\n"
DEFINITION = ("HELLO=localzmq+protobuf:///{{ bucketfs_name }}/{{ bucket_name }}/{{ path_in_bucket }}{{ release_name }}"
              "?lang=hello#buckets/{{ bucketfs_name }}/{{ bucket_name }}/{{ path_in_bucket }}{{ release_name }}"
              "/exaudf/client\n")


def build_steps(stages):
    """stages: {name: {"requires": {alias: stage}, "mapping": {...}, "args": {...}}}, required ones first."""
    def dictionary(d, quote=True):
        return "{" + ", ".join(f'"{k}": "{v}"' if quote else f'"{k}": {v}' for k, v in d.items()) + "}"

    out = [STEPS_HEAD]
    for name, s in stages.items():
        out += [f"\n\nclass A{name.title().replace('_', '')}(DockerFlavorAnalyzeImageTask):",
                f'    def get_build_step(self) -> str:\n        return "{name}"\n',
                '    def get_path_in_flavor(self):\n        return "flavor_base"\n']
        if s.get("requires"):
            classes = {a: f"A{r.title().replace('_', '')}" for a, r in s["requires"].items()}
            out.append(f"    def requires_tasks(self):\n        return {dictionary(classes, False)}\n")
        if s.get("mapping"):
            out.append("    def get_additional_build_directories_mapping(self):\n"
                       f"        return {dictionary(s['mapping'])}\n")
        if s.get("args"):
            out.append(f"    def get_image_changing_build_arguments(self):\n        return {dictionary(s['args'])}\n")
    return "\n".join(out)


def chain(base="localhost/busybox:1"):
    """Five stages with the edges of a release: deps → lang → custom → release, build beside them."""
    stages = {"deps": {}, "lang": {"requires": {"deps": "deps"}}, "build_run": {"requires": {"deps": "deps"}},
              "custom": {"requires": {"lang": "lang"}},
              "release": {"requires": {"custom": "custom", "build_run": "build_run"}}}
    return {
        "flavor_base/build_steps.py": build_steps(stages),
        "flavor_base/language_definition": DEFINITION,
        "flavor_base/deps/Dockerfile": f"FROM {base}\nRUN mkdir -p /exaudf && echo deps >/exaudf/deps\n",
        "flavor_base/lang/Dockerfile": "FROM {{deps}}\nRUN echo lang >/exaudf/lang\n",
        "flavor_base/build_run/Dockerfile": "FROM {{ deps }}\nRUN echo built >/exaudf/client && chmod 755 "
                                            "/exaudf/client\n",
        "flavor_base/custom/Dockerfile": "FROM {{lang}}\nRUN echo custom >/exaudf/custom\n",
        "flavor_base/release/Dockerfile": "FROM {{custom}}\nCOPY --from={{build_run}} /exaudf/client /exaudf/client\n"
                                          "RUN mkdir -p /conf /buckets /opt/app/dev /opt/app/proc /srv/etc && "
                                          "echo 1 >/opt/app/dev/keep && echo 2 >/opt/app/proc/keep && "
                                          "echo 3 >/srv/etc/hosts && mkdir -p /var/lib/dpkg /var/lib/apt/lists && "
                                          "echo x >/var/lib/dpkg/status\n",
    }


def context_hash(flavor, root, stage, spec, needs):
    """Published algorithm of EXASLCT's context hash; needs: {alias: hash of the required stage}; spec's "packages" is the
    text of <stage>_packages.yml as EXASLCT writes it."""
    mapping = {stage: f"{flavor}/flavor_base/{stage}"}
    mapping.update({d: f"{root}/{s}" for d, s in spec.get("mapping", {}).items()})
    entries = []
    for dest, source in [*mapping.items(), ("Dockerfile", f"{flavor}/flavor_base/{stage}/Dockerfile")]:
        if os.path.isfile(source):
            entries.append((Path(dest), source))
        for base, dirs, files in os.walk(source, followlinks=True):
            entries += [(Path(dest) / Path(base, name).relative_to(source), os.path.join(base, name))
                        for name in dirs + files]
    entries.sort(key=lambda e: e[0].parts)
    total = hashlib.sha256()
    for _, source in entries:
        if os.path.isfile(source):
            total.update(hashlib.sha256(Path(source).read_bytes()).digest())
    for dest, source in entries:
        mode = str(os.stat(source).st_mode & 0o100)
        total.update(hashlib.sha256((str(dest) + mode).encode()).digest())
    final = hashlib.sha256()
    resources = {f"{stage}_packages.yml": spec["packages"]} if "packages" in spec else {}
    for fields in (spec.get("args", {}), resources, needs):
        for key, value in sorted(fields.items()):
            final.update(key.encode() + value.encode())
    final.update(total.digest())
    return base64.b32encode(final.digest()).decode().rstrip("=")
