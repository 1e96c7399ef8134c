#!/bin/sh
# Install what this Debian machine lacks:
#
#     deps.sh build|demo|check...
#
# build: compiler and libraries; demo: what makes base images, and what an ordinary user needs to build; check: the
# test tools and the programs that read our output. Nothing is asked of the network or of root if all is there.
set -eu

build='gcc make pkg-config libc6-dev libarchive-dev libssl-dev libcurl4-openssl-dev libjansson-dev libseccomp-dev
libyaml-dev libisal-dev libzstd-dev zlib1g-dev'
demo='mmdebstrap busybox-static uidmap'
check='check python3 python3-pytest clang libclang-rt-dev skopeo umoci podman crun runc docker-registry apache2-utils
git file zstd xz-utils procps mount attr acl openssl nginx-light openssh-client ca-certificates strace libcap2-bin xfsprogs
btrfs-progs graphviz chromium'

die() {
	printf 'deps: %s\n' "$*" >&2
	exit 1
}

[ $# -gt 0 ] || die 'usage: deps.sh build|demo|check...'
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	die 'this is no Debian: install by hand what this script lists'
fi

missing=
for set in "$@"; do
	case $set in
	build) list=$build ;;
	demo) list=$demo ;;
	check) list=$check ;;
	*) die "unknown set $set" ;;
	esac
	for package in $list; do
		status=$(dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | sort -u) || status=
		[ "$status" = installed ] || missing="$missing $package"
	done
done
[ -n "$missing" ] || exit 0

echo "deps: installing$missing"
sudo=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || die "not root and no sudo; as root: apt-get install$missing"
	sudo=sudo
fi
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # words
$sudo apt-get -qq update && $sudo apt-get -qq -y install --no-install-recommends $missing >/dev/null ||
	die "apt-get failed; as root: apt-get install$missing"
