"""slct lock: builds use the images that the file pins."""
import json


def files(repo):
    return {"Dockerfile": f"FROM {repo}:base\nRUN cat /word >/got\n"}


def push(slct, repo, word):
    slct.build(f"FROM localhost/busybox:1\nRUN echo {word} >/word\n", tag="word:1")
    return slct.run("push", "word:1", f"{repo}:base").out.strip()


def test_a_tag_that_moves(slct, new_slct, registry):
    repo = registry.repo()
    first = push(slct, repo, "one")
    one = new_slct()
    folder = one.context(files(repo))
    assert "1 images" in one.run("lock", folder).out
    lock = json.loads((folder / "slct.lock").read_text())
    (entry,) = lock["images"]
    assert lock["version"] == 1 and entry["digest"] == first and entry["name"] == f"{repo}:base"
    built = one.run("build", "-t", "x:1", folder)
    push(slct, repo, "two")
    assert one.run("build", folder).out == built.out
    other = new_slct()
    context = other.context({**files(repo), "slct.lock": (folder / "slct.lock").read_text()})
    assert other.run("build", "-t", "x:1", context).out == built.out
    assert other.image("x:1").text("got") == "one\n"
    # What is pinned and stored is not asked for.
    mark = registry.mark()
    other.run("build", context)
    assert registry.requests(mark) == []
    other.run("build", "--offline", context)
    other.run("lock", context)
    assert other.run("build", "-t", "y:1", context).out != built.out
    assert other.image("y:1").text("got") == "two\n"


def test_images_of_the_store(slct):
    folder = slct.context({"Dockerfile": "FROM localhost/busybox:1\nRUN true\n"})
    slct.run("lock", folder)
    slct.run("build", folder)
    slct.build("FROM localhost/busybox:1\nRUN echo >/other\n", tag="localhost/busybox:1")
    assert "slct.lock pins" in slct.run("build", folder, rc=3).err
    slct.run("lock", folder)
    slct.run("build", folder)


def test_damaged(slct):
    for text, words in (("{", "slct.lock"), ('{"version": 9}', "not a lock file of version 1"),
                        ('{"version":1,"images":[{"name":"localhost/busybox:1","platform":"linux/amd64","id":"x"}]}',
                         "slct.lock: localhost/busybox:1")):
        folder = slct.context({"Dockerfile": "FROM localhost/busybox:1\n", "slct.lock": text})
        assert words in slct.run("build", folder, rc=3).err


def test_flavors_have_one_file(slct):
    flavor = slct.flavor({"a": "FROM localhost/busybox:1\nRUN echo a >/a\n",
                          "b": "FROM {{a}}\nCOPY --from=localhost/busybox:1 /bin/sh /x\n"})
    slct.run("lock", flavor)
    assert len(json.loads((flavor / "slct.lock").read_text())["images"]) == 1
    slct.run("build", flavor)
