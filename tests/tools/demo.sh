#!/bin/sh
# make demo: base images from this machine's packages, then both example flavors, then what was built and how long it
# took. Everything is kept, so a second run finds all of it in the cache and needs neither network nor root.
#
#     demo.sh SLCT BASES-DIR
set -eu

slct=$1
bases=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

now_ms() {
	echo $(($(date +%s%N) / 1000000))
}

# Making a Debian takes root or subordinate ids.
may_make_bases() {
	[ "$(id -u)" -eq 0 ] && return
	for file in /etc/subuid /etc/subgid; do
		grep -q -E "^($(id -un)|$(id -u)):" "$file" 2>/dev/null || return 1
	done
}

make_bases() {
	mkdir -p "$bases"
	if may_make_bases || ! command -v sudo >/dev/null; then
		flavors/make-bases.sh "$bases"
		return
	fi
	echo "demo: $(id -un) has no ids in /etc/subuid and /etc/subgid: sudo flavors/make-bases.sh $bases"
	sudo flavors/make-bases.sh "$bases"
}

import() { # TAR IMAGE
	if "$slct" inspect "$2" >/dev/null 2>&1; then
		return
	fi
	[ -e "$1" ] || make_bases
	echo "==> slct import $1 $2"
	# The date of make-bases.sh, so that what the stages make is newer than their base.
	SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1704067200} "$slct" import "$1" "$2"
}

count() { # PATTERN
	grep -c -E -e "$1" "$work/log" || :
}

build() { # FLAVOR
	echo "==> slct build flavors/$1"
	start=$(now_ms)
	{
		"$slct" build --progress plain "flavors/$1" || echo $? >"$work/failed"
	} 2>&1 | tee "$work/log"
	if [ -e "$work/failed" ]; then
		exit "$(cat "$work/failed")"
	fi
	ms=$(($(now_ms) - start))
	printf '%-14s %8d %8d %5d.%d s\n' "$1" "$(count '^\[[^]]+ [0-9]+/[0-9]+\] DONE ')" \
		"$(count '^\[[^]]+\] CACHED')" $((ms / 1000)) $((ms % 1000 / 100)) >>"$work/summary"
}

import "$bases/busybox.tar" localhost/busybox:1
import "$bases/debian.tar" localhost/debian:12
build hello
build python-demo

echo
printf '%-14s %8s %8s %9s\n' flavor 'ran' 'cached' 'time'
cat "$work/summary"
echo
"$slct" images
