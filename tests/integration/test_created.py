"""build --created: the date that an image says of itself, and nothing else."""
import datetime

DOCKERFILE = "FROM localhost/busybox:1\nRUN echo 1 > /a\nRUN echo 2 > /b\n"


def times(slct, name):
    config = slct.config(name)
    return config["created"], [h.get("created") for h in config["history"]], config["rootfs"]["diff_ids"]


def test_forms_of_a_date(slct):
    slct.build(DOCKERFILE, tag="plain")
    plain = times(slct, "plain")
    for given, created in (("2026-01-31", "2026-01-31T00:00:00Z"), ("2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00Z"),
                           ("1700000000", "2023-11-14T22:13:20Z"), ("0", "1970-01-01T00:00:00Z")):
        assert not slct.build(DOCKERFILE, "--created", given, tag="dated").ran, "the date is in no key"
        assert times(slct, "dated") == (created, *plain[1:])
    assert plain[0] != created
    assert slct.build(DOCKERFILE, tag="plain").id == slct.build(DOCKERFILE, tag="again").id


def test_now(slct):
    before = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    slct.build(DOCKERFILE, "--created", "now", env={"SOURCE_DATE_EPOCH": "1"})
    created = datetime.datetime.fromisoformat(times(slct, "test:1")[0].replace("Z", "+00:00"))
    assert before <= created <= datetime.datetime.now(datetime.timezone.utc)


def test_the_same_date_gives_the_same_image(slct, new_slct):
    """On a fresh store, squashed or not; inner stages and caches do not see it."""
    text = "FROM localhost/busybox:1 AS one\nRUN echo 1 > /a\nFROM one\nCOPY --from=one /a /b\nRUN stat -c %Y /a > /t\n"
    for more in ([], ["--squash"]):
        ids = {one.build(text, "--created", "2026-01-31", *more).id for one in (slct, new_slct())}
        assert len(ids) == 1
    assert not slct.build(text).ran


def test_cache_of_another_store(new_slct, work):
    one, other = new_slct(), new_slct()
    one.build(DOCKERFILE, "--created", "now", "--cache-to", work / "cache")
    assert not other.build(DOCKERFILE, "--cache-from", work / "cache").ran


def test_a_base_with_another_date(slct):
    """What stands on the image has later times: its steps run again, once for each date."""
    slct.build(DOCKERFILE, "--created", "2026-01-31", tag="localhost/base:1")
    above = "FROM localhost/base:1\nRUN touch /new && stat -c %Y /new > /t\n"
    assert len(slct.build(above).ran) == 1 and not slct.build(above).ran
    slct.build(DOCKERFILE, "--created", "2026-02-01", tag="localhost/base:1")
    assert len(slct.build(above).ran) == 1
