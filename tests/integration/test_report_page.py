"""build --report: the page as a browser sees it, and as text where a browser says nothing more."""
import html.parser
import json
import os
import re
import signal

import pytest

from browser import Browser, Gone

B = "FROM localhost/busybox:1\n"
VOID = {"meta", "br", "rect", "path", "input", "link", "img", "hr"}
BLOCKS = {"td", "th", "p", "li", "dt", "dd", "h1", "h2", "h3", "pre", "summary", "text"}


@pytest.fixture(scope="session")
def new_browser():
    """A maker of browsers; what fails to start is started again: that is no fault of ours."""
    def make():
        for left in (2, 1, 0):
            try:
                return Browser().__enter__()
            except Gone:
                if not left:
                    raise
    return make


@pytest.fixture
def browser(new_browser):
    one = new_browser()
    yield one
    one.__exit__()


class Page(html.parser.HTMLParser):
    """The page's elements, and whether they are closed as they were opened."""

    def __init__(self, file):
        super().__init__()
        self.source = file.read_bytes().decode("utf-8", "strict")
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(self.source)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *a) for a in attrs]
        self.text.append(" " if tag in BLOCKS else "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *a) for a in attrs]

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:], self.getpos())
        self.open.pop()

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text.append(data)

    @property
    def words(self):
        return re.sub(r"\s+", " ", "".join(self.text))


def report(slct, *args, rc=0, **kw):
    file = slct.work / "report.html"
    result = slct.run("build", "--report", file, *args, rc=rc, **kw)
    return Page(file), file, result


DIAMOND = {
    "base": B + "RUN echo base > /base\nENV A=b\n",
    "lib": "FROM {{ base }}\nRUN head -c 300000 /dev/zero > /lib\n",
    "app": "FROM {{ base }}\nRUN echo app > /app\nCOPY --from={{ lib }} /lib /lib\n",
}

# As attributes, comments, CDATA, URLs, in UTF-8 and not.
HOSTILE = ["<script>document.title='pwned'</script>", "\"><img src=x onerror=\"document.title='pwned'\">",
           "'onmouseover='alert(1)", "]]><svg onload=alert(1)>", "--><b>", "</pre></code></script><h1>pwned</h1>",
           "&lt;script&gt;", "<a href=javascript:alert(1)>", "\u202egnp"]


def test_states_of_stages(any_slct, browser):
    f = any_slct.flavor(DIAMOND)
    page, file, _ = report(any_slct, "--goal", "app", f)
    assert page.tags.count("svg") >= 2 and "Build succeeded" in page.words
    browser.open(file)
    nodes = ("Object.fromEntries([...document.querySelectorAll('.graph .n')].map(n => "
             "[n.querySelector('text').textContent,")
    nodes += "n.getAttribute('class')]))"
    found = browser.run(nodes)
    assert found == {"base": "n built", "lib": "n built", "app": "n built goal", "localhost/busybox:1": "n image"}
    assert browser.run("document.querySelectorAll('.graph path.e').length") == 4
    assert browser.run("document.querySelectorAll('.graph path.copy').length") == 1
    # Where a node's link leads to is there.
    assert browser.run("[...document.querySelectorAll('.graph a')].every(a => "
                       "document.querySelector(a.getAttribute('href')))")

    report(any_slct, "--goal", "app", f)
    browser.open(file)
    found = browser.run(nodes)
    assert found["app"] == "n local goal" and found["lib"] == "n unneeded", "a cached goal needs nothing else"


def test_no_request_and_no_complaint(slct, browser):
    f = slct.flavor(DIAMOND)
    _, file, _ = report(slct, f, "--goal", "app")
    for dark in (False, True):
        for script in (True, False):
            browser.open(file, dark=dark, script=script)
            assert browser.requests == [f"file://{file}"]
            assert browser.complaints == []
    assert not re.search(r"https?://|url\(|@import|src=", Page(file).source), "nothing is named that could be asked for"


def test_colours_follow_the_reader(slct, browser):
    _, file, _ = report(slct, slct.flavor(DIAMOND), "--goal", "app")
    paper = {}
    for dark in (False, True):
        browser.open(file, dark=dark)
        paper[dark] = browser.run("getComputedStyle(document.documentElement).backgroundColor")
    assert paper == {False: "rgb(255, 255, 255)", True: "rgb(19, 23, 28)"}


CONTRAST = """(() => {
  const light = c => { const [r, g, b] = c.match(/[0-9.]+/g).slice(0, 3).map(v => { v /= 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 }); return 0.2126 * r + 0.7152 * g + 0.0722 * b };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05) };
  const paper = getComputedStyle(document.documentElement).backgroundColor, bad = [];
  for (const t of document.querySelectorAll('main *, header *, footer')) {
    if (![...t.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    if (t.closest('title, .sep')) continue;
    const s = getComputedStyle(t), box = t.closest('.n, .bar');
    const back = t.tagName === 'text' && box && !box.matches('.image') ? getComputedStyle(box.querySelector('rect')).fill
      : t.closest('.log') ? getComputedStyle(t.closest('.log')).backgroundColor : paper;
    const ink = t instanceof SVGElement && t.tagName === 'text' ? s.fill : s.color;
    if (ratio(ink, back) < 4.5) bad.push([t.tagName, t.textContent.slice(0, 30), ink, back, ratio(ink, back)]);
  }
  return bad })()"""


def test_contrast(slct, browser):
    """Every text against what is behind it: 4.5:1, as the accessibility guidelines have it."""
    f = slct.flavor({**DIAMOND, "bad": "FROM {{ app }}\nRUN echo so; exit 3\n", "late": "FROM {{ bad }}\nRUN true\n"})
    slct.run("build", f, "--goal", "app")
    for args, rc in ((("--goal", "late"), 1), (("--goal", "app", "--no-cache"), 0)):
        _, file, _ = report(slct, f, *args, rc=rc)
        for dark in (False, True):
            browser.open(file, dark=dark)
            assert browser.run(CONTRAST) == []


def test_readable_without_script(slct, browser):
    f = slct.flavor({**DIAMOND, "bad": "FROM {{ app }}\nRUN echo so sad; exit 3\n"})
    page, file, _ = report(slct, f, "--goal", "bad", rc=1)
    browser.open(file, script=False)
    text = browser.html()
    for part in ("Build failed", "exit status 3", "so sad", "Critical path", "Why steps ran", "Layers",
                 "About this build"):
        assert part in text and part in page.words
    assert 'id="find"' not in text


def test_script_unfolds_what_a_link_leads_to(slct, browser):
    f = slct.flavor({"a": B + "RUN true\n", **{f"s{i}": "FROM {{ a }}\nRUN true\n" for i in range(9)}})
    _, file, _ = report(slct, f, *sum((["--goal", f"s{i}"] for i in range(9)), []))
    browser.open(file)
    assert not browser.run("document.getElementById('s4').open")
    browser.run("document.querySelector('.graph a[href=\"#s4\"]').dispatchEvent(new MouseEvent('click', {bubbles: "
                "true}))")
    browser.open(file, anchor="#s5")
    assert browser.run("document.getElementById('s5').open")
    # The search leaves what has the words.
    browser.run("(() => { const f = document.getElementById('find'); f.value = 's3';"
                "f.dispatchEvent(new Event('input')) })()")
    assert browser.run("[...document.querySelectorAll('details.stage')].filter(d => !d.hidden).length") == 1


def test_hostile_texts(slct, browser):
    lines = "".join(f"RUN [\"true\", {json.dumps(text)}]\n" for text in HOSTILE)
    last = "COPY a/out /out\nRUN cat /out; printf '\\377\\376\\303(\\033[31m\\0\\n'; exit 1\n"
    f = slct.flavor({"a": B + f"LABEL x={json.dumps(HOSTILE[0])}\n" + lines + last},
                    extra={"a/out": "\n".join([*HOSTILE, "{{x}}"])}, name="<b>'&\"flavor")
    page, file, _ = report(slct, f, "--build-arg", "X=<script>", rc=1)
    assert page.tags.count("script") == 1, "ours"
    assert page.tags.count("h1") == 1 and not {"img", "link", "iframe"} & set(page.tags)
    assert not [a for a in page.attributes if a[1].startswith("on")]
    assert all(v.startswith("#") for _, k, v in page.attributes if k in ("href", "src"))
    browser.open(file)
    assert "pwned" not in browser.run("document.title") and browser.complaints == []
    log = browser.run("document.querySelector('pre.log').textContent")
    for text in HOSTILE:
        assert text in log, "it is shown as it is"


def test_a_script_of_others_is_not_run(slct, browser):
    """The second wall: what got in nevertheless would not run."""
    _, file, _ = report(slct, slct.flavor({"a": B + "RUN true\n"}))
    file.write_text(file.read_text().replace("<main>", "<main><script>document.title = 'pwned'</script>"
                                             "<img src=x onerror=\"document.title = 'pwned'\">"))
    browser.open(file)
    assert browser.run("document.title") != "pwned"
    assert browser.complaints, "the policy refuses it"


def test_cause_of_a_miss(slct):
    f = slct.flavor({"a": B + "COPY a/x /x\nRUN cat /x\n"}, extra={"a/x": "1"})
    page, _, _ = report(slct, f)
    assert "it is new here" in page.words
    (f / "a/x").write_text("2")
    page, _, result = report(slct, f)
    assert "a/x changed" in page.words
    assert "a/x changed" not in result.err, "the display was not asked to explain"
    (f / "a/x").write_text("3")
    _, _, result = report(slct, f, "--explain")
    assert "a/x changed" in result.err


def test_of_what_cannot_be_built(slct):
    """A report also says what is wrong with the files, and with the place of images."""
    page, _, _ = report(slct, slct.flavor({"a": B + "FORM x\n"}), rc=3)
    assert "Build failed" in page.words and "FORM" in page.words and "a/Dockerfile:2" in page.words
    page, _, _ = report(slct, slct.flavor({"a": "FROM localhost/nosuch:1\nRUN true\n"}), "--offline", rc=None)
    assert "Build failed" in page.words and "nosuch" in page.words


def test_skipped_after_a_failure(slct):
    f = slct.flavor({"a": B + "RUN exit 3\n", "b": "FROM {{ a }}\nRUN true\n"})
    page, _, _ = report(slct, f, "--goal", "b", rc=1)
    assert "b: skipped, a goal" in page.words and "a: failed" in page.words


@pytest.mark.parametrize("signo", [signal.SIGINT, signal.SIGTERM])
def test_of_an_interrupted_build(slct, signo):
    f = slct.flavor({"a": B + "RUN echo begun; sleep 1000\n"})
    file = slct.work / "report.html"
    run = slct.popen("build", "--report", file, "--progress", "plain", f)
    for line in run.stderr:
        if line.strip() == b"[flavor/a] begun":
            break
    run.send_signal(signo)
    run.communicate(timeout=60)
    assert run.returncode == 128 + signo
    words = Page(file).words
    assert "Build cancelled" in words and "a: skipped, a goal" in words
    assert re.search(r"1 RUN echo begun; sleep 1000 stopped [0-9.]+ m?s", words), "the step that was ended"


def test_written_whole_or_not_at_all(slct):
    """The old file is there until the new one is complete; nothing else is left in its directory."""
    f = slct.flavor({"a": B + "RUN echo begun; sleep 1000\n"})
    folder = slct.work / "out"
    folder.mkdir()
    (folder / "r.html").write_text("old")
    run = slct.popen("build", "--report", folder / "r.html", "--progress", "plain", f)
    for line in run.stderr:
        if line.strip() == b"[flavor/a] begun":
            break
    assert (folder / "r.html").read_text() == "old"
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    Page(folder / "r.html")
    assert os.listdir(folder) == ["r.html"]


def test_unwritable_is_told_at_once(slct):
    f = slct.flavor({"a": B + "RUN echo ran\n"})
    result = slct.run("build", "--report", "/nosuch/r.html", f, rc=5)
    assert "--report" in result.err and result.ran == []


def test_remote_cache_and_transfers(slct, new_slct, registry):
    repo = registry.repo()
    f = slct.flavor(DIAMOND)
    page, _, _ = report(slct, f, "--goal", "app", "--cache-to", repo)
    for stage in ("base step 1", "lib step 1", "app step 1", "app step 2"):
        assert f"upload flavor/{stage} to {repo}" in page.words, "in the time line"
    page, _, _ = report(new_slct(), f, "--goal", "app", "--cache-from", repo)
    assert "app: cached remotely, a goal" in page.words


def test_critical_path_and_sizes(slct):
    f = slct.flavor({"a": B + "RUN head -c 3000000 /dev/zero > /a\n", "b": B + "ENV A=b\n",
                     "c": "FROM {{ b }}\nCOPY --from={{ a }} /a /c\n"})
    page, _, _ = report(slct, f, "--goal", "c")
    path = page.words.split("Critical path")[1].split("Why steps ran")[0]
    assert "a 1 RUN head" in path and "c 1 COPY" in path
    layers = page.words.split(" Layers ")[1].split("All stages")[0]
    assert "2.9 MiB" in layers and "c step 1" in layers and "image localhost/busybox:1" in layers


def test_sizes_of_steps_are_their_own(slct):
    """What a stage stands on has steps of the same numbers."""
    f = slct.flavor({"a": B + "RUN head -c 5000000 /dev/zero > /a\n", "b": "FROM {{ a }}\nRUN echo b > /b\n"})
    page, _, _ = report(slct, f, "--goal", "b")
    sizes = re.findall(r"RUN (?:head|echo)[^>]*> /(.) ran [0-9.]+ m?s ([0-9.]+ .iB)", page.words)
    assert sizes == [("a", "4.8 MiB"), ("b", "2.0 KiB")]


def test_end_of_a_long_output(slct):
    f = slct.flavor({"a": B + "RUN seq 1 100; echo last; exit 1\n"})
    page, _, _ = report(slct, f, rc=1)
    shown, before = page.words.split("The end of its output ")[1].split("What was before it")
    assert shown.split() == [str(i) for i in range(77, 101)] + ["last"]
    assert before.split()[:76] == [str(i) for i in range(1, 77)]


def test_one_dockerfile(slct, browser):
    folder = slct.context({"Dockerfile": "FROM localhost/busybox:1 AS one\nRUN true\nFROM scratch\n"
                                         "COPY --from=one /bin /bin\n"})
    _, file, _ = report(slct, folder)
    browser.open(file)
    assert browser.run("document.querySelectorAll('.graph .n').length") == 3
    assert browser.complaints == []


def test_prints(slct, browser):
    _, file, _ = report(slct, slct.flavor(DIAMOND), "--goal", "app")
    browser.open(file)
    assert browser.pdf().startswith(b"%PDF")


def test_many_stages(slct, browser):
    """150 stages of several flavors: boxes do not overlap, the page is not wider than the window."""
    flavors = []
    for k in range(10):
        stages = {"s0": B + f"ENV K={k}\n"}
        stages.update({f"s{i}": f"FROM {{{{ s{(i - 1) // 2} }}}}\nENV I={i}\nRUN true\n" for i in range(1, 15)})
        flavor = slct.flavor(stages, name=f"flavor{k}")
        flavors.append(flavor)
    goals = sum((["--goal", f"s{i}"] for i in range(7, 15)), [])
    page, file, _ = report(slct, *goals, *flavors)
    assert "150 stages" in page.source
    browser.open(file)
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    assert browser.run("""(() => {
        const r = [...document.querySelectorAll('.graph .n rect')].map(x => x.getBoundingClientRect());
        return r.every((a, i) => r.every((b, k) => i === k || a.right <= b.left || b.right <= a.left ||
                                                    a.bottom <= b.top || b.bottom <= a.top)) })()""")
    assert browser.run("document.querySelectorAll('.graph .flavor').length") == 10
