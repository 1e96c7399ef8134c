#!/bin/sh
# make lint: all checks run, then the status says whether any of them failed.
#
#     lint.sh BUILD-DIR FILE...
#
# The format of FILEs is only reported, unless FORMAT=1; nothing is changed.
set -u

out=$1
shift
failed=0

check() { # TITLE COMMAND...
	title=$1
	shift
	if "$@" >"$out/lint.log" 2>&1; then
		echo "ok   $title"
	else
		echo "FAIL $title"
		cat "$out/lint.log"
		failed=1
	fi
}

syntax() {
	for f in tests/tools/*.sh flavors/*.sh; do
		sh -n "$f" || return 1
	done
	if [ -e .ci/run ]; then bash -n .ci/run; fi
}

python_syntax() {
	python3 - <<-'END'
		import ast, pathlib
		for path in sorted(pathlib.Path("tests").rglob("*.py")):
		    ast.parse(path.read_text(), str(path))
	END
}

format() {
	bad=$(clang-format --dry-run "$@" 2>&1 | sed -n 's/^\([^:]*\):[0-9]*:.*code should be clang-formatted.*/\1/p' | sort | uniq -c)
	[ -z "$bad" ] || { echo "$bad" && false; }
}

check 'layers, names of symbols' python3 tests/lint/layers.py --objects "$out/obj"
check 'layers.py notices each kind' python3 tests/lint/layers_test.py
check 'pages of docs/internals' python3 tests/lint/docs.py
check 'docs.py notices each kind' python3 tests/lint/docs_test.py
check 'option tables' env CK_DEFAULT_TIMEOUT=120 "$out/unit/command_test"
check 'syntax of shell scripts' syntax
check 'syntax of Python scripts' python_syntax
if ! command -v clang-format >/dev/null; then
	echo 'skip format: clang-format is not installed'
elif [ "${FORMAT:-}" = 1 ]; then
	check 'format' format "$@"
else
	places=$(clang-format --dry-run "$@" 2>&1 | grep -c 'code should be clang-formatted')
	echo "note format: $places places differ (make format changes them, FORMAT=1 refuses them)"
fi
rm -f "$out/lint.log"
exit $failed
