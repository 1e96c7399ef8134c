"""FROM a name: the image that was made here under it, or the registry's."""
from lab import free_port


def says(store, ref, *options):
    """What a build FROM ref sees in /who."""
    store.build(f"FROM {ref}\nCOPY --from={ref} /who /seen\n", *options)
    return store.image().text("seen")


def make(store, ref, who):
    store.build("FROM scratch\nCOPY who /who\n", files={"who": who}, tag=ref)


def test_no_registry_is_asked(slct):
    """Images that depend on each other, none of them pushed; nothing listens there."""
    ref = f"127.0.0.1:{free_port()}/team/base:1"
    make(slct, ref, "here")
    assert says(slct, ref) == "here"
    for how in (["--pull"], ["--pull", "always"], ["--pull=true"]):
        assert "/team/base" in slct.build(f"FROM {ref}\n", *how, rc=4).err
    slct.run("rm", ref)
    assert "/team/base" in slct.build(f"FROM {ref}\n", rc=4).err


def test_import_and_tag_make_names(slct):
    ref = f"127.0.0.1:{free_port()}/team/base"
    slct.run("tag", "localhost/busybox:1", f"{ref}:tagged")
    slct.build(f"FROM {ref}:tagged\nRUN true\n")


def test_not_the_registrys_of_that_name(slct, new_slct, registry):
    """Somebody else's image of the same name is not taken for the one that was made here, unless that is wanted."""
    ref, other = registry.repo() + ":1", new_slct()
    make(other, ref, "there")
    other.run("push", ref)
    make(slct, ref, "here")
    assert says(slct, ref) == "here"
    assert says(slct, ref, "--pull") == "there"
    assert says(slct, ref) == "here"


def test_pushed_and_pulled_ones_are_looked_up(slct, new_slct, registry):
    ref, other = registry.repo() + ":1", new_slct()
    make(slct, ref, "first")
    slct.run("push", ref)
    other.run("pull", ref)
    make(slct, ref, "second")
    assert says(slct, ref) == "second" and says(other, ref) == "first"
    slct.run("push", ref)
    assert says(other, ref) == "second" and says(other, ref, "--pull", "missing") == "first"
    make(other, ref, "third")
    other.run("push", ref)
    assert says(slct, ref) == "third" and says(slct, ref, "--pull", "never") == "second"


def test_a_pulled_one_under_another_name(slct, new_slct, registry):
    """It is its owner's then: tag and pull to a name make names as a build does."""
    ref, other = registry.repo() + ":1", new_slct()
    mine = f"127.0.0.1:{free_port()}/mine"
    make(other, ref, "there")
    other.run("push", ref)
    slct.run("pull", ref, f"{mine}:1")
    slct.run("pull", ref)
    slct.run("tag", ref, f"{mine}:2")
    assert says(slct, f"{mine}:1") == "there" and says(slct, f"{mine}:2") == "there"
