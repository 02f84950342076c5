"""The feature sets in which each crate is checked alone.

Reads `cargo metadata --no-deps` from stdin; prints one "crate set" line per set, where the set is
`default`, `none` or the name of one feature. A crate without features has only `default`.
"""

import json
import sys

for package in sorted(json.load(sys.stdin)["packages"], key=lambda package: package["name"]):
    features = sorted(package["features"])
    sets = ["default"]
    if features:
        sets.append("none")
        sets += [feature for feature in features if feature != "default"]
    for name in sets:
        print(package["name"], name)
