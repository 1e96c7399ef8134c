"""--squash: the base's layers and one more."""

TEXT = """\
FROM localhost/busybox:1 AS base
RUN mkdir -p /d/sub /gone /keep /dirfile /e && echo a >/d/a && echo b >/d/sub/b && echo x >/gone/x && echo k >/keep/k \\
    && echo f >/file && echo r >/removed && echo e >/e/e && echo z >/dirfile/z && ln -s d /link
"""

ABOVE = """\
FROM localhost/base:1
ENV A=b
RUN rm -r /gone /removed && echo c >/d/c && rm /d/a
RUN rm -r /d/sub && mkdir /d/sub && echo n >/d/sub/n && rm -r /dirfile && echo now >/dirfile
RUN echo tmp >/temporary && echo one >/keep/one && rm /file && mkdir /file && echo q >/file/q && rm /link && mkdir /link
RUN rm /temporary /keep/one && echo two >/keep/two && ln /keep/two /keep/three && rm -r /e
RUN mkdir /e && chown 5:6 /e && chmod 750 /e
"""


def shown(image):
    """What the image holds, without the base's programs."""
    out = {}
    for name, f in image.files.items():
        if not name.startswith("bin/"):
            out[name] = (f.kind if f.kind != "link" else "file", f.owner, f.mode, f.link if f.kind == "symlink" else "",
                         f.data if f.kind == "file" else b"", f.mtime)
    return out


def test_same_files_in_one_layer(any_slct):
    any_slct.build(TEXT, tag="localhost/base:1")
    any_slct.build(ABOVE, tag="plain:1")
    done = any_slct.build(ABOVE, "--squash", tag="squashed:1")
    assert done.ran == [] and done.errors == []
    plain, one, base = (any_slct.config(n) for n in ("plain:1", "squashed:1", "localhost/base:1"))
    assert one["rootfs"]["diff_ids"][:-1] == base["rootfs"]["diff_ids"]
    assert shown(any_slct.image("squashed:1")) == shown(any_slct.image("plain:1"))
    assert one["config"] == plain["config"]
    history = one["history"]
    assert [h.get("created_by") for h in history[:-1]] == [h.get("created_by") for h in plain["history"]]
    assert all(h["empty_layer"] for h in history[len(base["history"]):-1])
    assert history[-1]["comment"].startswith("merge sha256:") and not history[-1].get("empty_layer")
    assert sum(not h.get("empty_layer") for h in history) == len(one["rootfs"]["diff_ids"])
    any_slct.fsck()


def test_the_layer_alone(slct):
    """Whiteouts only of what the base has."""
    slct.build(TEXT, tag="localhost/base:1")
    slct.build(ABOVE, "--squash")
    names = slct.image().changed()
    whiteouts = sorted(n for n in names if ".wh." in n)
    assert whiteouts == [".wh.gone", ".wh.removed", "d/.wh.a", "d/sub/.wh..wh..opq", "e/.wh..wh..opq"]


def test_again_and_elsewhere(slct, new_slct):
    slct.build(TEXT + "RUN rm /d/a\n", "--squash")
    first = slct.config()
    assert len(first["rootfs"]["diff_ids"]) == 2
    again = slct.build(TEXT + "RUN rm /d/a\n", "--squash", tag="again:1")
    other = new_slct()
    assert again.ran == [] and other.build(TEXT + "RUN rm /d/a\n", "--squash").id == again.id
    names = slct.image().changed()
    assert "d/sub/b" in names and not [n for n in names if "d/a" in n or ".wh." in n]


def test_from_scratch_and_without_layers(slct):
    slct.build("FROM scratch\nCOPY a /\nCOPY b /\n", "--squash", files={"a": "1", "b": "2"})
    config = slct.config()
    assert len(config["rootfs"]["diff_ids"]) == 1 and config["history"][-1]["comment"].startswith("create new from")
    plain = slct.build("FROM localhost/busybox:1\nENV A=b\n", tag=None).id
    assert slct.build("FROM localhost/busybox:1\nENV A=b\n", "--squash", tag=None).id == plain


def test_flavor_and_output(slct, work):
    folder = slct.flavor({"one": "FROM localhost/busybox:1\nRUN echo 1 >/1\n",
                          "two": "FROM {{one}}\nRUN echo 2 >/2\n"})
    slct.run("build", folder, "--goal", "two", "--squash", "-t", "test:1", "-o", f"type=tar,dest={work}/t.tar")
    image = slct.image()
    assert len(slct.config()["rootfs"]["diff_ids"]) == 2 and image.text("1") == "1\n" and image.text("2") == "2\n"
