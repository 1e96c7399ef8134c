"""Runs the script of a user: its function run(row) is called for every row, what it returns is emitted."""
import runpy
import sys

run = runpy.run_path(sys.argv[1])["run"]
for line in sys.stdin:
    print(run(int(line)))
