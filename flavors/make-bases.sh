#!/bin/sh
# Make the base images' root file systems for the example flavors:
#
#     flavors/make-bases.sh OUTDIR [debian|busybox]...
#
#   OUTDIR/debian.tar    Debian 12, minimal, from this machine's own package sources (mmdebstrap); those of another
#                        release of Debian are asked for this one
#   OUTDIR/busybox.tar   the static busybox of this machine with its applets
#
# What is there already is kept. Works as root, and as an ordinary user with subordinate ids. Import them with
#     slct import OUTDIR/debian.tar localhost/debian:12
#     slct import OUTDIR/busybox.tar localhost/busybox:1
# The same packages give the same bytes: all times are cut at SOURCE_DATE_EPOCH (default: 2024-01-01).
set -eu

suite=bookworm
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-1704067200}"
export LC_ALL=C

die() {
	printf 'make-bases: %s\n' "$*" >&2
	exit 1
}

need() { # PROGRAM PACKAGE
	command -v "$1" >/dev/null 2>&1 || die "$1 is missing: apt-get install $2"
}

# An ordinary user's root file system belongs to a range of ids of his.
need_ids() {
	[ "$(id -u)" -ne 0 ] || return 0
	need newuidmap uidmap
	for file in /etc/subuid /etc/subgid; do
		grep -q -E "^($(id -un)|$(id -u)):" "$file" 2>/dev/null && continue
		first=$(cat /etc/subuid /etc/subgid 2>/dev/null |
			awk -F: 'BEGIN { n = 100000 } $2 + $3 > n { n = $2 + $3 } END { print n }')
		range=$first-$((first + 65535))
		die "no ids for $(id -un) in $file; as root: usermod --add-subuids $range --add-subgids $range $(id -un)"
	done
}

# Entries of the machine's sources that are Debian's own of a suite. Others (a vendor's repository) need keys and
# certificates that a minimal system does not have.
sources_of() { # SUITE
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -r "$file" ] && awk -v suite="$1" '
			function ours(s) { return s == suite || index(s, suite "-") == 1 || index(s, suite "/") == 1 }
			$1 == "deb" {
				i = 2
				if ($2 ~ /^\[/) { while ($i !~ /\]$/ && i < NF) i++; i++ }
				main = 0
				for (k = i + 2; k <= NF; k++) main = main || $k == "main"
				if (main && ours($(i + 1))) print
			}' "$file"
	done
	for file in /etc/apt/sources.list.d/*.sources; do
		[ -r "$file" ] && awk -v suite="$1" '
			function ours(s) { return s == suite || index(s, suite "-") == 1 || index(s, suite "/") == 1 }
			function finish() {
				if (text != "" && deb && main && mine && on) print text
				text = ""; deb = main = mine = 0; on = 1
			}
			BEGIN { finish() }
			/^[ \t]*$/ { finish(); next }
			/^#/ { next }
			{ text = text $0 "\n" }
			/^[A-Za-z-]+:/ { field = tolower($1) }
			{
				for (i = /^[A-Za-z-]+:/ ? 2 : 1; i <= NF; i++) {
					if (field == "types:" && $i == "deb") deb = 1
					if (field == "components:" && $i == "main") main = 1
					if (field == "suites:" && ours($i)) mine = 1
					if (field == "enabled:" && tolower($i) == "no") on = 0
				}
			}
			END { finish() }' "$file"
	done
	return 0
}

# Of a machine with another release: the same mirrors, asked for ours. None at all: mmdebstrap's default.
debian_sources() {
	sources_of "$suite" >"$tmp/all.sources"
	own=$(. /etc/os-release && [ "$ID" = debian ] && echo "${VERSION_CODENAME-}") || own=
	if [ ! -s "$tmp/all.sources" ] && [ -n "$own" ]; then
		sources_of "$own" | sed "s/\\b$own\\b/$suite/g" >"$tmp/all.sources"
	fi
}

# What apt must know to reach those sources from inside: proxies (never one with a password, which would end up in the
# image) and rules for mirrors that stand still.
apt_settings() {
	apt-config dump |
		grep -E '^Acquire::(https?::Proxy(::[^ ]*)?|Check-Valid-Until|Check-Date|Retries) "[^"@]+";$' || :
	echo 'Acquire::Languages "none";'
}

make_debian() { # OUTFILE
	need mmdebstrap mmdebstrap
	need_ids
	debian_sources
	# One-line and deb822 entries cannot stand in one file.
	grep '^deb ' "$tmp/all.sources" >"$tmp/lines.list" || :
	grep -v '^deb ' "$tmp/all.sources" >"$tmp/stanzas.sources" || :
	apt_settings >"$tmp/apt.conf"

	set -- "$1" --variant=minbase --format=tar --skip=output/dev --dpkgopt=force-unsafe-io \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
		--customize-hook='rm -f "$1/etc/resolv.conf" "$1/etc/hostname"' \
		--customize-hook='rm -rf "$1/var/cache/ldconfig/aux-cache" "$1"/var/log/*'
	# One by one: with subordinate ids mmdebstrap cannot read a file of ours.
	while IFS= read -r line; do
		set -- "$@" --aptopt="$line"
	done <"$tmp/apt.conf"
	if grep -q 'https://' "$tmp/all.sources"; then
		set -- "$@" --include=ca-certificates
	fi
	# Keyrings that the sources name and that the package of Debian's keyrings does not bring.
	for key in $(sed -n 's/^[Ss]igned-[Bb]y: *\(\/[^ ]*\)$/\1/p; s/^deb .*signed-by=\(\/[^] ]*\).*/\1/p' \
		"$tmp/all.sources" | sort -u); do
		case $key in
		/usr/share/keyrings/debian-archive-*) ;;
		*) set -- "$@" --customize-hook="mkdir -p \"\$1${key%/*}\"" --customize-hook="upload $key $key" ;;
		esac
	done
	out=$1
	shift
	set -- "$@" "$suite" "$out.part"
	[ -s "$tmp/lines.list" ] && set -- "$@" "$tmp/lines.list"
	[ -s "$tmp/stanzas.sources" ] && set -- "$@" "$tmp/stanzas.sources"
	mmdebstrap "$@" 2>"$tmp/log" || {
		tail -n 20 "$tmp/log" >&2
		die 'mmdebstrap failed'
	}
	# The directory without the device nodes, which an ordinary user could not unpack.
	mkdir "$tmp/dev"
	tar --append --owner=0 --group=0 --numeric-owner --mode=755 --mtime="@$SOURCE_DATE_EPOCH" \
		-C "$tmp" -f "$out.part" ./dev
	mv "$out.part" "$out"
}

make_busybox() { # OUTFILE
	busybox=$(command -v busybox) || die "busybox is missing: apt-get install busybox-static"
	root=$tmp/busybox
	mkdir -p "$root/bin" "$root/dev" "$root/etc" "$root/proc" "$root/root" "$root/sys" "$root/tmp"
	cp "$busybox" "$root/bin/busybox"
	applets=$("$busybox" --list-full) || die "$busybox does not list its applets"
	for applet in $applets; do
		mkdir -p "$root/$(dirname "$applet")"
		[ -e "$root/$applet" ] || ln -s /bin/busybox "$root/$applet"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
	find "$root" -type d -exec chmod 755 {} +
	chmod 755 "$root/bin/busybox"
	chmod 644 "$root/etc/passwd" "$root/etc/group"
	chmod 700 "$root/root"
	chmod 1777 "$root/tmp"
	tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --format=ustar \
		-C "$root" -cf "$1.part" .
	mv "$1.part" "$1"
}

[ $# -ge 1 ] || die "usage: flavors/make-bases.sh OUTDIR [debian|busybox]..."
dir=$1
shift
[ $# -gt 0 ] || set -- debian busybox
mkdir -p "$dir"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
for base in "$@"; do
	case $base in
	debian | busybox) ;;
	*) die "there is no base $base" ;;
	esac
	if [ -e "$dir/$base.tar" ]; then
		echo "make-bases: $dir/$base.tar is there"
		continue
	fi
	echo "make-bases: making $dir/$base.tar"
	"make_$base" "$dir/$base.tar"
done
