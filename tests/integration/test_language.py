"""The Dockerfile language, one row for each point of Docker's reference: text, files, options → files, config or error.

Expected is what the reference says and BuildKit does; docs/conformance.md has the differences that stay.
"""
import dataclasses
import io
import os
import tarfile

import pytest

from lab import Slct

B = "FROM localhost/busybox:1\n"


@dataclasses.dataclass
class Row:
    name: str
    text: str                 # without the first FROM if it begins with another instruction
    want: dict = dataclasses.field(default_factory=dict)    # path: content, "-> target", "dir", None (absent)
    files: dict = dataclasses.field(default_factory=dict)
    args: tuple = ()
    config: dict = dataclasses.field(default_factory=dict)  # member of config: value
    env: dict = dataclasses.field(default_factory=dict)     # name: value or None (not in the image)
    error: str = ""           # part of the message
    says: str = ""            # part of what a good build prints
    opts: dict = dataclasses.field(default_factory=dict)    # environment of slct


def link(target):
    return ("symlink", target)


A = {"a": "A\n", "b": "B\n"}
D = {"d/x": "x", "d/s/y": "y"}

COPY = [
    Row("wildcard without a match copies nothing", "COPY no* a /w/", {"w/a": "A\n"}, A),
    Row("a missing file is an error", "COPY no /w/", error="no", files=A),
    Row("? and classes", "COPY f? g[ab] g[^a-b] /w/", {"w/f1": "1", "w/ga": "a", "w/gc": "c", "w/f22": None},
        {"f1": "1", "f22": "2", "ga": "a", "gc": "c"}),
    Row("** goes through directories", "COPY **/*.t /w/", {"w/a.t": "1", "w/b.t": "2"}, {"d/e/a.t": "1", "b.t": "2"}),
    Row("escaped wildcard", "COPY a[[]1] /w/", {"w/a[1]": "1", "w/a1": None}, {"a[1]": "1", "a1": "no"}),
    Row("JSON form has spaces", 'COPY ["a b", "c d/"]', {"c d/a b": "1"}, {"a b": "1"}),
    Row("a file to a name", "COPY a /w", {"w": "A\n"}, A),
    Row("a file over a file", "COPY a /w\nCOPY b /w", {"w": "B\n"}, A),
    Row("a file to a directory that is there", "RUN mkdir /w\nCOPY a /w", {"w/a": "A\n"}, A),
    Row("a file through a link to a directory", "RUN mkdir /r && ln -s r /l\nCOPY a /l/\nCOPY b /l",
        {"r/a": "A\n", "r/b": "B\n", "l": link("r")}, A),
    Row("a file over a link to a file", "RUN echo o >/r && ln -s r /l\nCOPY a /l", {"r": "o\n", "l": "A\n"}, A),
    Row("the link leads nowhere outside", "RUN ln -s /../../../x /l\nCOPY a /l/", {"x/a": "A\n"}, A),
    Row("two files to one name", "COPY a b /w\nCOPY a b /v/", {"w": "B\n", "v/a": "A\n"}, A),
    Row("content of a directory", "COPY d /w", {"w/x": "x", "w/s/y": "y", "w/d": None}, D),
    Row("content of a directory, with a slash", "COPY d/ /w/", {"w/x": "x", "w/s/y": "y"}, D),
    Row("several directories are merged", "COPY d e /w/", {"w/x": "x", "w/z": "z"}, {**D, "e/z": "z"}),
    Row("dir to .", "WORKDIR /w\nCOPY d .", {"w/x": "x"}, D),
    Row("dot to dot", "WORKDIR /w\nCOPY . .", {"w/d/x": "x", "w/Dockerfile": ...}, D),
    Row("wildcard with directories", "COPY d* /w/", {"w/x": "x", "w/z": "z"}, {**D, "dd/z": "z"}),
    Row("relative destination", "WORKDIR /w\nCOPY a x/y", {"w/x/y": "A\n"}, A),
    Row("leading slash and .. of a source", "COPY /a ../b /w/", {"w/a": "A\n", "w/b": "B\n"}, A),
    Row("a link of the context is kept in a directory", "COPY l /w\nCOPY d /v", {"w": "A\n", "v/k": link("../a")},
        {"a": "A\n", "l": "LINK a", "d/k": "LINK ../a"}),
    Row("--from by number", "FROM scratch\nCOPY a /x\nFROM localhost/busybox:1\nCOPY --from=0 /x /y", {"y": "A\n"}, A),
    Row("--from by name in any case", "FROM scratch AS One\nCOPY a /x\nFROM scratch\nCOPY --from=oNE x /y",
        {"y": "A\n"}, A),
    Row("--from an image", "FROM scratch\nCOPY --from=localhost/busybox:1 /bin/sh /sh", {"sh": ...}),
    Row("--from itself", "FROM scratch AS a\nCOPY --from=a /x /y", error="a"),
    Row("--from a later stage", "FROM scratch\nCOPY --from=1 /x /y\nFROM scratch", error="1"),
    Row("--from has no variables", "ARG X=0\nFROM scratch\nFROM scratch\nARG X\nCOPY --from=$X / /", error="$X"),
    Row("--from with wildcard and no match", "FROM localhost/busybox:1 AS s\nFROM scratch\n"
                                             "COPY --from=s /nosuch* /bin/sh /w/", {"w/sh": ...}),
    Row("a directory over a file", "RUN echo >/w\nCOPY d /w", error="w", files=D),
    Row("a directory of the image is replaced by no file", "RUN mkdir -p /w/a\nCOPY a /w/", error="a", files=A),
    Row("variables in paths", "ARG A=a\nENV W=/w\nCOPY ${A} $W/$A.x", {"w/a.x": "A\n"}, A),
    Row("variables in flags", "ARG M=600\nENV O=3:4\nCOPY --chown=$O --chmod=$M a /w", {"w": "A\n"}, A),
    Row("ignored file", "COPY a /w", error="a", files={**A, ".dockerignore": "a\n"}),
    Row("ignore with exception", "COPY . /w", {"w/d/s/y": "y", "w/d/x": None}, {**D, ".dockerignore": "d/*\n!d/s\n"}),
    Row("ignore the exception below an excluded directory", "COPY . /w", {"w/d/s/y": "y", "w/d/x": None},
        {**D, ".dockerignore": "d\n!d/s/y\n"}),
    Row("ignore: order counts", "COPY . /w", {"w/d/x": None}, {**D, ".dockerignore": "!d/x\nd/x\n"}),
    Row("ignore: comments, spaces, BOM, dots", "COPY . /w", {"w/a": None, "w/b": None, "w/#c": "c"},
        {**A, "#c": "c", ".dockerignore": "\ufeff# x\n  ./a  \n\n/b/\n"}),
    Row("ignore: Dockerfile may be ignored", "COPY . /w", {"w/Dockerfile": None, "w/.dockerignore": None, "w/a": "A\n"},
        {**A, ".dockerignore": "Dockerfile\n.dockerignore\n"}),
    Row("ignore: **", "COPY . /w", {"w/q.tmp": None, "w/d/r.tmp": None, "w/d/x": "x"},
        {**D, "q.tmp": "", "d/r.tmp": "", ".dockerignore": "**/*.tmp\n"}),
    Row("heredoc", "COPY <<EOF /w\nhello ${X}\\$X\nEOF", {"w": "hello $X\n"}),
    Row("heredoc quoted", "ENV X=1\nCOPY <<'EOF' /w\nhello ${X} $X\nEOF", {"w": "hello ${X} $X\n"}),
    Row("heredoc double quoted", 'ENV X=1\nCOPY <<"EOF" /w\n$X\nEOF', {"w": "$X\n"}),
    Row("heredoc without tabs", "COPY <<-EOF /w\n\t\ta\n\t b\n\tEOF", {"w": "a\n b\n"}),
    Row("heredocs and files", "COPY <<one a <<two /w/\n1\none\n2\ntwo", {"w/one": "1\n", "w/two": "2\n", "w/a": "A\n"},
        A),
    Row("heredoc empty", "COPY <<EOF /w\nEOF", {"w": ""}),
    Row("heredoc keeps quotes and comments", "ENV X=v\nCOPY <<EOF /w\n# \"$X\" 'b' \\\\\nEOF",
        {"w": "# \"v\" 'b' \\\n"}),
    Row("heredoc without end", "COPY <<EOF /w\nx", error="EOF"),
    Row("--chmod symbolic", "COPY --chmod=u=rwx,go=rX a /w", {"w": "A\n"}, A),
    Row("--exclude", "COPY --exclude=*.md --exclude=s d /w", {"w/x": "x", "w/s/y": None}, D),
    Row("--parents", "COPY --parents d/s/y d/./x /w/", {"w/d/s/y": "y", "w/x": "x"}, D),
    Row("--link to nothing", "COPY --link a /w/x", {"w/x": "A\n"}, A),
    Row("a bad flag", "COPY --form=x a /w", error="--form", files=A),
    Row("--chown of an unknown name", "COPY --chown=nosuch a /w", error="nosuch", files=A),
    Row("--chown by the image's names", "RUN echo x:x:77:78::/:/bin/sh >>/etc/passwd; echo g:x:79: >>/etc/group\n"
                                        "COPY --chown=x:g a /w", {"w": "A\n"}, A),
    Row("heredoc after files of the same name", "COPY <<a a /w/\nH\na", {"w/a": "H\n"}, A),
    Row("one operand", "COPY a", error="COPY", files=A),
]

RUN = [
    Row("exec form has no shell", 'RUN ["/bin/sh", "-c", "echo $0 >/w", "z"]', {"w": "z\n"}),
    Row("exec form has no variables", 'ENV X=1\nRUN ["/bin/echo", "$X"]'),
    Row("broken JSON is shell text", "RUN [ -n x ] && echo y >/w", {"w": "y\n"}),
    Row("single quotes are no JSON", "RUN ['true'] || echo z >/w", {"w": "z\n"}),
    Row("ENV is seen by the shell", "ENV X='a b'\nRUN echo \"$X\" >/w", {"w": "a b\n"}),
    Row("SHELL", 'SHELL ["/bin/sh", "-ec"]\nRUN echo $- | grep -q e && echo yes >/w', {"w": "yes\n"},
        config={"Shell": ["/bin/sh", "-ec"]}),
    Row("SHELL needs JSON", "SHELL /bin/sh -c", error="JSON"),
    Row("heredoc", "RUN <<EOF\necho a >/w\necho b >>/w\nEOF", {"w": "a\nb\n"}),
    Row("heredoc with an interpreter", "RUN <<EOF\n#!/bin/cat\nhello\nEOF"),
    Row("heredoc as input", "RUN cat <<EOF >/w\n$HOME\nEOF", {"w": "/root\n"}),
    Row("heredoc quoted as input", "RUN cat <<'EOF' >/w\n$HOME\nEOF", {"w": "$HOME\n"}),
    Row("two heredocs", "RUN cat <<A >/a && cat <<B >/b\n1\nA\n2\nB", {"a": "1\n", "b": "2\n"}),
    Row("heredoc ends a failure", "RUN <<EOF\nfalse\necho x >/w\nEOF", {"w": "x\n"}),
    Row("heredoc by SHELL", 'SHELL ["/bin/sh", "-ec"]\nRUN <<EOF\nfalse\ntrue\nEOF', error="exit status 1"),
    Row("continuation, comments, empty lines", "RUN echo a \\\n# c\n\n  b >/w \\\n  && true", {"w": "a b\n"}),
    Row("quotes over lines", "RUN echo 'a\\\nb' >/w", {"w": "ab\n"}),
    Row("ARG is seen, its image is not", "ARG X=1\nRUN echo $X >/w", {"w": "1\n"}, env={"X": None}),
    Row("ENV wins over ARG", "ARG X=arg\nENV X=env\nRUN echo $X >/w", {"w": "env\n"}, args=("--build-arg", "X=opt"),
        env={"X": "env"}),
    Row("ENV from ARG", "ARG X=d\nENV X=${X:-e}", env={"X": "opt"}, args=("--build-arg", "X=opt")),
    Row("predefined proxies", "RUN echo $HTTP_PROXY $no_proxy >/w", {"w": "http://p n\n"},
        args=("--build-arg", "HTTP_PROXY=http://p", "--build-arg", "no_proxy=n"), env={"HTTP_PROXY": None}),
    Row("an ARG without a value is unset", "ARG X\nRUN echo ${X-unset} >/w", {"w": "unset\n"}),
    Row("an empty ARG is set", "ARG X=\nRUN echo ${X-unset} >/w", {"w": "\n"}),
    Row("HOME by USER", "USER 1234\nRUN echo $HOME $(id -u) >/tmp/w", {"tmp/w": "/ 1234\n"}),
    Row("WORKDIR", "WORKDIR /x/y\nRUN pwd >/w", {"w": "/x/y\n", "x/y": "dir"}),
    Row("--network=none", "RUN --network=none ls /sys/class/net >/w", {"w": "lo\n"}),
    Row("--network unknown", "RUN --network=x true", error="network"),
    Row("an exit status", "RUN exit 7", error="exit status 7"),
    Row("heredoc and more words", "RUN <<EOF cat >/w\na\nEOF", {"w": "a\n"}),
    Row("heredoc with an interpreter that writes", "RUN <<EOF\n#!/bin/sh -e\necho $0 >/w\nEOF",
        {"w": "/dev/pipes/EOF\n"}),
    Row("heredoc in exec form is text", 'RUN ["/bin/sh", "-c", "echo \'<<EOF\' >/w"]', {"w": "<<EOF\n"}),
    Row("heredoc within heredoc", "RUN <<EOF\ncat <<IN >/w\n$((1 + 2))\nIN\nEOF", {"w": "3\n"}),
    Row("heredoc without tabs", "RUN <<-EOF\n\techo a >/w\n\tEOF", {"w": "a\n"}),
    Row("USER of a missing entry", "USER nosuch\nRUN true", error="nosuch"),
    Row("USER by group name", "RUN echo g:x:79: >>/etc/group\nUSER 5:g\nRUN id -u >/tmp/w; id -g >>/tmp/w",
        {"tmp/w": "5\n79\n"}),
    Row("files of RUN are removed", "RUN echo >/a\nRUN rm /a && rm -r /etc/nosuch /bin/sh || true", {"a": None}),
    Row("a missing command", 'RUN ["nosuch"]', error="nosuch"),
    Row("VOLUME is no mount", "RUN mkdir /v\nVOLUME /v\nRUN echo x >/v/x", {"v/x": "x"}),
]
RUN[-1].want = {"v/x": "x\n"}

SCOPES = [
    Row("ARG before FROM", "ARG V=1\nFROM localhost/busybox:$V\nRUN echo [$V] >/w", {"w": "[]\n"}),
    Row("ARG before FROM, declared again", "ARG V=1\nFROM localhost/busybox:${V}\nARG V\nRUN echo $V >/w",
        {"w": "1\n"}),
    Row("declared again with a default", "ARG V=1\nFROM localhost/busybox:${V}\nARG V=2\nRUN echo $V >/w",
        {"w": "2\n"}),
    Row("--build-arg wins over both", "ARG V=x\nFROM localhost/busybox:${V}\nARG V=2\nRUN echo $V >/w", {"w": "1\n"},
        args=("--build-arg", "V=1")),
    Row("ARG of another stage", "FROM localhost/busybox:1\nARG X=1\nFROM localhost/busybox:1\nRUN echo [$X] >/w",
        {"w": "[]\n"}),
    Row("ARG of the base stage", "FROM localhost/busybox:1 AS b\nARG X=1\nENV E=$X\nFROM b\nRUN echo [$X$E] >/w",
        {"w": "[11]\n"}),
    Row("ARG is used from its line on", "USER ${U:-root}\nARG U\nENV A=$U", env={"A": "me"},
        args=("--build-arg", "U=me"), config={"User": "root"}),
    Row("ARGs of one line see each other", "ARG A=1 B=${A}2\nENV C=$B", env={"C": "12"}),
    Row("ENVs of one line do not", "ENV A=1\nENV A=2 B=$A", env={"A": "2", "B": "1"}),
    Row("old ENV form", "ENV A  b  \"c\"", env={"A": "b  c"}),
    Row("quotes and escapes", "ENV A=\"a b\" B=a\\ b C='$x' D=\"\\$x\" E=\\$x F=a\\\\b G=\"a\\nb\"",
        env={"A": "a b", "B": "a b", "C": "$x", "D": "$x", "E": "$x", "F": "a\\b", "G": "a\\nb"}),
    Row("modifiers", "ENV S= V=abcabc\nENV A=${S:-d} B=${S-d} C=${V:+s} D=${U+s} E=${V#a*b} F=${V##a*b} G=${V%b*} "
                     "H=${V%%b*} I=${V/b/x} J=${V//b/x}",
        env={"A": "d", "B": "", "C": "s", "D": "", "E": "cabc", "F": "c", "G": "abca", "H": "a", "I": "axcabc",
             "J": "axcaxc"}),
    Row("? with a message", "ENV A=${U:?gone}", error="gone"),
    Row("unset in a message", "ENV A=${U?}", error="U"),
    Row("bad modifier", "ENV A=${U:x}", error="modifier"),
    Row("nested", "ENV A=${U:-${W:-x}y}", env={"A": "xy"}),
    Row("unknown --build-arg", "RUN true", args=("--build-arg", "NO=1"), says="NO"),
    Row("platform arguments", "ARG TARGETPLATFORM TARGETOS TARGETARCH BUILDPLATFORM TARGETSTAGE\n"
                              "ENV A=$TARGETPLATFORM,$TARGETOS,$TARGETARCH,$BUILDPLATFORM,$TARGETSTAGE",
        env={"A": "linux/amd64,linux,amd64,linux/amd64,default"}),
    Row("platform arguments in FROM", "FROM --platform=$BUILDPLATFORM localhost/busybox:1\nRUN echo [$TARGETARCH] >/w",
        {"w": "[]\n"}),
    Row("--target", "FROM localhost/busybox:1 AS one\nENV A=1\nFROM nosuch.invalid/x AS two", env={"A": "1"},
        args=("--target", "ONE")),
    Row("--target by number", "FROM localhost/busybox:1\nENV A=1\nFROM nosuch.invalid/x", env={"A": "1"},
        args=("--target", "0")),
    Row("--target unknown", "FROM localhost/busybox:1 AS one", args=("--target", "two"), error="two"),
    Row("unused stages are left out", "FROM nosuch.invalid/x AS a\nRUN false\nFROM localhost/busybox:1\nENV A=1",
        env={"A": "1"}),
    Row("a stage of a stage of a stage", "FROM localhost/busybox:1 AS a\nENV A=1\nFROM a AS b\nENV B=$A\nFROM B\n"
                                         "ENV C=$B", env={"C": "1"}),
    Row("a name of two stages is the last", "FROM localhost/busybox:1 AS a\nENV A=1\nFROM localhost/busybox:1 AS a\n"
                                            "ENV A=2\nFROM a", env={"A": "2"}),
    Row("a bad name of a stage", "FROM scratch AS 1a", error="1a"),
    Row("FROM without an image", "FROM", error="FROM"),
    Row("FROM with too much", "FROM scratch AS a b", error="FROM"),
    Row("FROM something else than AS", "FROM scratch IS a", error="AS"),
    Row("a stage of a later name is an image", "FROM nosuch.invalid/late\nFROM scratch AS nosuch.invalid/late",
        error="late", args=("--target", "0")),
    Row("a dollar alone", "ENV A=a$ B=$ C=\"$\"", env={"A": "a$", "B": "$", "C": "$"}),
    Row("unset is empty", "ENV A=[$NO] B=[${NO}]", env={"A": "[]", "B": "[]"}),
    Row("escapes of modifiers", "ENV V=a/b*c\nENV A=${V#a\\/} B=${V%\\*c} C=${V/\\//x}",
        env={"A": "b*c", "B": "a/b", "C": "axb*c"}),
    Row("a variable in a label's name", "ENV K=k\nLABEL $K=v", config={"Labels": {"k": "v"}}),
    Row("a variable in an ENV's name", "ARG K=k\nENV $K=v", env={"k": "v"}),
    Row("--build-arg from the environment", "ARG V=d\nENV A=$V", env={"A": "env"}, args=("--build-arg", "V"),
        opts={"V": "env"}),
    Row("--build-arg not in the environment", "ARG V=d\nENV A=$V", env={"A": "d"}, args=("--build-arg", "V")),
    Row("--build-arg empty", "ARG V=d\nENV A=[$V]", env={"A": "[]"}, args=("--build-arg", "V=")),
    Row("--build-arg last one counts", "ARG V=d\nENV A=[$V]", env={"A": "[2]"},
        args=("--build-arg", "V=1", "--build-arg", "V=2")),
    Row("--build-arg of a platform argument", "ARG TARGETARCH\nENV A=$TARGETARCH", env={"A": "mine"},
        args=("--build-arg", "TARGETARCH=mine")),
    Row("an ARG again keeps its value", "ARG V=1\nARG V\nENV A=[$V]", env={"A": "[1]"}),
    Row("ENV of the base is known", "ENV A=$PATH", env={"A": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/"
                                                             "bin"}),
    Row("an empty name of an image", "ARG X\nFROM $X", error="FROM"),
    Row("no FROM", "ARG X", error="FROM"),
    Row("an instruction before FROM", "ENV A=1\nFROM scratch", error="ENV"),
    Row("an instruction that is none", "FRM scratch", error="FROM"),
    Row("# escape", "# escape=`\nFROM localhost/busybox:1\nENV A=a`\nb B=c\\d C=`$x",
        env={"A": "ab", "B": "c\\d", "C": "$x"}),
    Row("# escape after a comment is one", "# c\n# escape=`\nFROM localhost/busybox:1\nENV A=a`b", env={"A": "a`b"}),
    Row("# syntax is accepted", "# syntax=docker/dockerfile:1\nFROM localhost/busybox:1\nENV A=1", env={"A": "1"}),
    Row("# check=error=true", "# check=error=true\nFROM localhost/busybox:1 as b", error="FromAsCasing"),
    Row("# check=skip", "# check=skip=all;error=true\nFROM localhost/busybox:1 as b"),
    Row("unknown directive is a comment", "# foo=bar\n# escape=`\nFROM localhost/busybox:1\nENV A=`", env={"A": "`"}),
    Row("lower case", "from localhost/busybox:1 as x\nenv A=1\nfrom X", env={"A": "1"}),
    Row("BOM, CRLF", "\ufeffFROM localhost/busybox:1\r\nENV A=1\r\nRUN echo x \\\r\n  y >/w\r\n", {"w": "x y\n"},
        env={"A": "1"}),
]

META = [
    Row("CMD forms", "CMD echo $X", config={"Cmd": ["/bin/sh", "-c", "echo $X"]}),
    Row("CMD exec", 'CMD ["a", "$X"]', config={"Cmd": ["a", "$X"]}),
    Row("CMD by SHELL", 'SHELL ["x", "y"]\nCMD z', config={"Cmd": ["x", "y", "z"]}),
    Row("CMD, the last one", "CMD a\nCMD [\"b\"]", config={"Cmd": ["b"]}),
    Row("empty CMD", "CMD []", config={"Cmd": None}),
    Row("ENTRYPOINT and CMD", 'ENTRYPOINT ["e"]\nCMD ["c"]', config={"Entrypoint": ["e"], "Cmd": ["c"]}),
    Row("ENTRYPOINT after CMD keeps it", 'CMD ["c"]\nENTRYPOINT e',
        config={"Entrypoint": ["/bin/sh", "-c", "e"], "Cmd": ["c"]}),
    Row("EXPOSE", "ENV P=90\nEXPOSE 80 81/udp $P 100-102/tcp 80/TCP",
        config={"ExposedPorts": {"80/tcp": {}, "81/udp": {}, "90/tcp": {}, "100/tcp": {}, "101/tcp": {},
                                 "102/tcp": {}}}),
    Row("EXPOSE that is none", "EXPOSE x", error="x"),
    Row("LABEL", "ENV V=1\nLABEL a=$V \"b c\"=\"d e\" f='$V' \\\n g=h\nLABEL a=2",
        config={"Labels": {"a": "2", "b c": "d e", "f": "$V", "g": "h"}}),
    Row("LABEL old form", "LABEL a b c", config={"Labels": {"a": "b c"}}),
    Row("--label wins", "LABEL a=1", config={"Labels": {"a": "2"}}, args=("--label", "a=2")),
    Row("VOLUME forms", 'ENV V=/v\nVOLUME $V /w\nVOLUME ["/x y"]',
        config={"Volumes": {"/v": {}, "/w": {}, "/x y": {}}}),
    Row("VOLUME without", "VOLUME", error="VOLUME"),
    Row("USER", "ENV U=daemon\nUSER $U:1", config={"User": "daemon:1"}),
    Row("USER takes one", "USER a b", config={"User": "a b"}),
    Row("WORKDIR", "ENV W=w\nWORKDIR /a\nWORKDIR $W\nWORKDIR ../c/./d", {"a/c/d": "dir", "a/w": "dir"},
        config={"WorkingDir": "/a/c/d"}),
    Row("WORKDIR relative from the beginning", "WORKDIR x", {"x": "dir"}, config={"WorkingDir": "/x"}),
    Row("WORKDIR through a link", "RUN mkdir /r && ln -s r /l\nWORKDIR /l/x\nRUN pwd >/w",
        {"r/x": "dir", "w": "/r/x\n", "l": link("r")}),
    Row("STOPSIGNAL", "ENV S=9\nSTOPSIGNAL $S", config={"StopSignal": "9"}),
    Row("STOPSIGNAL by name", "STOPSIGNAL SIGQUIT", config={"StopSignal": "SIGQUIT"}),
    Row("STOPSIGNAL that is none", "STOPSIGNAL NOSUCH", error="NOSUCH"),
    Row("STOPSIGNAL in lower case", "STOPSIGNAL sigterm", config={"StopSignal": "sigterm"}),
    Row("STOPSIGNAL without SIG", "STOPSIGNAL TERM", config={"StopSignal": "TERM"}),
    Row("STOPSIGNAL of real time", "STOPSIGNAL SIGRTMIN+3", config={"StopSignal": "SIGRTMIN+3"}),
    Row("STOPSIGNAL 0", "STOPSIGNAL 0", error="0"),
    Row("VOLUME with an empty name", 'VOLUME ["/x", ""]', error="VOLUME"),
    Row("SHELL of nothing", "SHELL []", error="SHELL"),
    Row("ENTRYPOINT of nothing", 'ENTRYPOINT ["x"]\nENTRYPOINT []', config={"Entrypoint": None}),
    Row("LABEL without a value", "LABEL a", error="a"),
    Row("LABEL with an empty value", "LABEL a= b=\"\"", config={"Labels": {"a": "", "b": ""}}),
    Row("HEALTHCHECK of zero times", "HEALTHCHECK --interval=0s --timeout=1m30s CMD a",
        config={"Healthcheck": {"Test": ["CMD-SHELL", "a"], "Timeout": 90000000000}}),
    Row("HEALTHCHECK without a command", "HEALTHCHECK CMD", error="HEALTHCHECK"),
    Row("HEALTHCHECK of another kind", "HEALTHCHECK FOO a", error="FOO"),
    Row("EXPOSE a range", "EXPOSE 7000-7002", config={"ExposedPorts": {f"{n}/tcp": {} for n in (7000, 7001, 7002)}}),
    Row("EXPOSE protocols in any case", "EXPOSE 5/UDP 6/Sctp", config={"ExposedPorts": {"5/udp": {}, "6/sctp": {}}}),
    Row("USER empty", "ARG U\nUSER ${U}", config={"User": None}),
    Row("MAINTAINER", "MAINTAINER me <m@e>"),
    Row("HEALTHCHECK", "HEALTHCHECK --interval=1m --timeout=3s --start-period=1h30m --start-interval=500ms --retries=4 "
                       "CMD curl $X",
        config={"Healthcheck": {"Test": ["CMD-SHELL", "curl $X"], "Interval": 60000000000, "Timeout": 3000000000,
                                "StartPeriod": 5400000000000, "StartInterval": 500000000, "Retries": 4}}),
    Row("HEALTHCHECK exec", 'HEALTHCHECK CMD ["a", "b"]', config={"Healthcheck": {"Test": ["CMD", "a", "b"]}}),
    Row("HEALTHCHECK NONE", "HEALTHCHECK NONE", config={"Healthcheck": {"Test": ["NONE"]}}),
    Row("HEALTHCHECK, the last one", "HEALTHCHECK CMD a\nHEALTHCHECK NONE", config={"Healthcheck": {"Test": ["NONE"]}}),
    Row("HEALTHCHECK bad time", "HEALTHCHECK --interval=1 CMD a", error="interval"),
    Row("HEALTHCHECK negative retries", "HEALTHCHECK --retries=-1 CMD a", error="retries"),
    Row("ONBUILD", "ONBUILD RUN echo $X\nONBUILD COPY a /\nONBUILD ENV A=\"b c\"",
        config={"OnBuild": ["RUN echo $X", "COPY a /", "ENV A=\"b c\""]}),
    Row("ONBUILD in ONBUILD", "ONBUILD ONBUILD RUN x", error="ONBUILD"),
    Row("ONBUILD FROM", "ONBUILD FROM x", error="FROM"),
    Row("ONBUILD runs", "FROM localhost/busybox:1 AS p\nONBUILD ARG X=1\nONBUILD RUN echo $X >/w\nFROM p\n"
                        "RUN echo [$X] >>/w", {"w": "1\n[1]\n"}, config={"OnBuild": None}),
    Row("ONBUILD reads a stage", "FROM localhost/busybox:1 AS p\nONBUILD COPY --from=s /x /y\n"
                                 "ONBUILD RUN --mount=from=s,target=/m cat /m/x >/z\n"
        "FROM scratch AS s\nCOPY a /x\nFROM p", {"y": "A\n", "z": "A\n"}, A),
    Row("ONBUILD reads a stage that is not there", "FROM localhost/busybox:1 AS p\n"
                                                   "ONBUILD COPY --from=nosuch.invalid/s /x /y\nFROM p",
                                                   error="nosuch.invalid"),
    Row("ONBUILD with a heredoc", "FROM localhost/busybox:1 AS p\nONBUILD COPY <<E /w\nx$A\nE\nFROM p\nENV A=1",
        {"w": "x\n"}),
]


def tar(mode, fmt=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=fmt) as t:
        info = tarfile.TarInfo("in/f")
        info.size = 2
        t.addfile(info, io.BytesIO(b"F\n"))
    return out.getvalue()


ADD = [
    *(Row(f"archive {kind or 'plain'}", f"ADD a.{kind} /w", {"w/in/f": "F\n", f"w/a.{kind}": None},
          {f"a.{kind}": tar(f"w:{kind}")}) for kind in ("", "gz", "bz2", "xz")),
    Row("an archive by its content", "ADD a.txt /w", {"w/in/f": "F\n"}, {"a.txt": tar("w:gz")}),
    Row("no archive by its name", "ADD a.tar.gz /w/", {"w/a.tar.gz": "text"}, {"a.tar.gz": "text"}),
    Row("an archive in a directory stays", "ADD d /w", {"w/a.tar": ...}, {"d/a.tar": tar("w:")}),
    Row("COPY unpacks nothing", "COPY a.tar /w/", {"w/a.tar": ..., "w/in": None}, {"a.tar": tar("w:")}),
    Row("--unpack=false", "ADD --unpack=false a.tar /w/", {"w/a.tar": ..., "w/in": None}, {"a.tar": tar("w:")}),
    Row("--unpack=false to a name", "ADD --unpack=false a.tar /w", {"w": ...}, {"a.tar": tar("w:")}),
    Row("an archive from another root is none", "FROM scratch AS s\nCOPY a.tar /\nFROM scratch\n"
                                                "COPY --from=s a.tar /w/", {"w/a.tar": ...}, {"a.tar": tar("w:")}),
    Row("--checksum of a file", "ADD --checksum=sha256:" + "0" * 64 + " a /w", error="checksum", files=A),
]

ROWS = [(group, row) for group, rows in (("copy", COPY), ("run", RUN), ("scope", SCOPES), ("meta", META), ("add", ADD))
        for row in rows]


@pytest.fixture(scope="module")
def shared(binary, bases, tmp_path_factory):
    """One store for all rows: they differ in what they build."""
    work = tmp_path_factory.mktemp("language")
    one = Slct(binary, work / "store", work)
    one.run("import", bases("busybox"), "localhost/busybox:1")
    return one


def context(slct, row, text):
    files = {name: data for name, data in row.files.items() if not (isinstance(data, str) and data.startswith("LINK "))}
    folder = slct.context({"Dockerfile": text, **files})
    for name, data in row.files.items():
        if name not in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.symlink(data[5:], folder / name)
    return folder


def check_files(image, want):
    for path, value in want.items():
        if value is None:
            assert path not in image, path
        elif value is ...:
            assert path in image, path
        elif value == "dir":
            assert image[path].kind == "dir", path
        elif isinstance(value, tuple):
            assert (image[path].kind, image[path].link) == value, path
        else:
            assert image.text(path) == value, path


@pytest.mark.parametrize("row", [row for _, row in ROWS],
                         ids=[f"{group}-{row.name.replace(' ', '-')}" for group, row in ROWS])
def test_language(shared, row):
    first = row.text.lstrip("\ufeff").split(None, 1)[0].upper()
    meta = first in ("FROM", "#", "FRM") or "\nFROM" in row.text or row.name == "no FROM"
    folder = context(shared, row, row.text if meta else B + row.text + "\n")
    got = shared.build(folder, *row.args, rc=None, env=row.opts)
    if row.error:
        assert got.rc in (1, 2, 3, 4, 6) and row.error in got.err and got.errors, got
        return
    assert got.rc == 0, got
    assert row.says in got.err, got
    image = shared.image()
    check_files(image, row.want)
    config = image.config["config"]
    for name, value in row.config.items():
        assert config.get(name) == value, (name, config)
    env = dict(v.split("=", 1) for v in config.get("Env", []))
    for name, value in row.env.items():
        assert env.get(name) == value, (name, env)
