"""Tests of the client as it was built, with the language that it will run."""
import subprocess
import unittest

CLIENT = "/exaudf/exaudfclient"


def client(*args, rows):
    return subprocess.run([CLIENT, *args], input=rows, capture_output=True, text=True)


class Client(unittest.TestCase):
    def test_counts_rows(self):
        self.assertEqual(client("lang=none", rows="1\n2\n").stdout, "2 rows, sum 3\n")

    def test_runs_a_script_for_each_row(self):
        done = client("lang=python", "/tests/double.py", rows="1\n-21\n")
        self.assertEqual((done.returncode, done.stdout), (0, "2\n-42\n"))

    def test_names_the_bad_row(self):
        done = client("lang=none", rows="1\nx\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("row 2", done.stderr)


if __name__ == "__main__":
    unittest.main()
