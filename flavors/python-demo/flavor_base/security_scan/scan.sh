#!/bin/sh
# Writes the programs that run with another user's rights to the report.
find / -xdev -perm /6000 -type f | sort > "${1:-/report}/setuid.txt"
