#!/bin/sh
# Install what a stage's packages file asks for:
#
#     install_packages.sh STAGE_packages.yml
#
# The file is the part of packages.yml that belongs to the stage, written as JSON with one value a line. Read with awk,
# since a minimal system has neither python nor a parser of YAML. Every package of a list below "apt" is installed, in
# its "version" if there is one.
set -eu

packages() {
	awk '
		function value(line) { sub(/^[^:]*: "/, "", line); sub(/",?$/, "", line); return line }
		/^ *"apt": \{/ { apt = 1 }
		apt && /^ *"packages": \[$/ { list = 1; next }
		list && /^ *\],?$/ { list = apt = 0 }
		list && /^ *"name": "/ { name = value($0) }
		list && /^ *"version": "/ { version = value($0) }
		list && /^ *\},?$/ { print name (version == "" ? "" : "=" version); name = version = "" }
	' "$1"
}

list=$(packages "$1")
if [ -z "$list" ]; then
	echo "install_packages.sh: $1 names no packages" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086 # one word per package
apt-get -qq -y --no-install-recommends install $list
apt-get clean
# Logs and caches hold times and would make each build another image.
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/ldconfig/aux-cache /var/cache/debconf/*-old \
	/var/lib/dpkg/*-old /var/log/apt /var/log/alternatives.log /var/log/dpkg.log
