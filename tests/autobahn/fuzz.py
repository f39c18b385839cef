"""Points the Autobahn test suite at a server: fuzz.py SUITE ADDRESS REPORT CASE..."""

from __future__ import print_function

import collections
import io
import json
import os
import site
import sys

suite, address, report = sys.argv[1:4]
cases = sys.argv[4:]
# Packages of the suite have parts in several folders, which only a folder of packages puts together.
site.addsitedir(suite)

specification = {
    "outdir": report,
    "servers": [{"agent": "serverwamp", "url": "ws://" + address}],
    "cases": cases,
    # Compression, which the server does not offer.
    "exclude-cases": ["12.*", "13.*"],
    "exclude-agent-cases": {},
}
path = os.path.join(report, "fuzzingclient.json")
with open(path, "w") as file:
    json.dump(specification, file)

from autobahntestsuite import wstest  # noqa: E402, from the folder above

sys.argv = ["wstest", "--mode", "fuzzingclient", "--spec", path]
sys.stdout = open(os.path.join(report, "log.txt"), "w")
wstest.run()
sys.stdout = sys.__stdout__

with io.open(os.path.join(report, "index.json"), encoding="utf-8") as file:
    results = json.load(file)["serverwamp"]
counts = collections.Counter(result["behavior"] for result in results.values())
print("%d cases: %s" % (len(results), dict((str(key), count) for key, count in counts.items())))
good = ("OK", "NON-STRICT", "INFORMATIONAL")
failed = [case for case, result in results.items() if not {result["behavior"], result["behaviorClose"]} <= set(good)]
for case in sorted(failed):
    print("case %s failed: see %s" % (case, os.path.join(report, results[case]["reportfile"])))
sys.exit(1 if failed or not results else 0)
