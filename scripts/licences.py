"""Checks licences, bans and sources of all dependencies by the rules of a cargo-deny configuration.

Reads `cargo metadata` from stdin and the path of the rules from the first argument. It covers the part of
cargo-deny that this project uses, so that the check needs no tool that is not on every machine: `licenses.allow`
and `licenses.exceptions`, `bans.deny` and `bans.wildcards`, `sources.allow-registry`. A rule it does not know is an
error, so that none is believed to hold without being checked.
"""

import json
import re
import sys
import tomllib

KNOWN = {
    "graph": {"all-features"},
    "licenses": {"allow", "exceptions"},
    "bans": {"multiple-versions", "wildcards", "allow-wildcard-paths", "deny"},
    "sources": {"unknown-registry", "unknown-git", "allow-registry"},
}


def main() -> int:
    with open(sys.argv[1], "rb") as file:
        rules = tomllib.load(file)
    packages = json.load(sys.stdin)["packages"]
    problems = unknown_rules(rules)
    for package in packages:
        problems += licence(package, rules["licenses"])
        problems += ban(package, rules["bans"])
        problems += source(package, rules["sources"])
    for problem in problems:
        print("error:", problem)
    if not problems:
        print(f"licences, bans and sources of {len(packages)} packages follow {sys.argv[1]}")
    return 1 if problems else 0


def unknown_rules(rules: dict) -> list[str]:
    return [
        f"{sys.argv[1]}: '{section}.{key}' is not checked by scripts/licences.py; teach it or remove the rule"
        for section, keys in rules.items()
        for key in keys
        if key not in KNOWN.get(section, ())
    ]


def licence(package: dict, rules: dict) -> list[str]:
    name, expression = title(package), package["license"]
    if not expression:
        return [f"{name} names no licence"]
    allowed = set(rules["allow"])
    for exception in rules.get("exceptions", []):
        if exception["crate"] == package["name"]:
            allowed |= set(exception["allow"])
    try:
        fits = Expression(expression).holds(allowed)
    except ValueError as error:
        return [f"{name}: the licence '{expression}' cannot be read: {error}"]
    return [] if fits else [f"{name}: the licence '{expression}' is not allowed"]


def ban(package: dict, rules: dict) -> list[str]:
    problems = [
        f"{title(package)} is banned: {rule['reason']}" for rule in rules["deny"] if rule["crate"] == package["name"]
    ]
    if package["source"] is None:
        problems += [
            f"{title(package)} accepts any version of {dependency['name']}: name one in the root Cargo.toml"
            for dependency in package["dependencies"]
            if dependency["req"] == "*" and "path" not in dependency
        ]
    return problems


def source(package: dict, rules: dict) -> list[str]:
    origin = package["source"]
    if origin is None or origin.removeprefix("registry+") in rules["allow-registry"]:
        return []
    return [f"{title(package)} comes from {origin}, which is not an allowed source"]


def title(package: dict) -> str:
    return f"{package['name']} {package['version']}"


class Expression:
    """An SPDX licence expression; `/` is the old way to write OR."""

    def __init__(self, text: str) -> None:
        self.tokens = re.findall(r"[()]|[^\s()]+", text.replace("/", " OR "))

    def holds(self, allowed: set[str]) -> bool:
        result = self.alternatives(allowed)
        if self.tokens:
            raise ValueError(f"'{self.tokens[0]}' is not expected")
        return result

    def alternatives(self, allowed: set[str]) -> bool:
        result = self.requirements(allowed)
        while self.take("OR"):
            result = self.requirements(allowed) or result
        return result

    def requirements(self, allowed: set[str]) -> bool:
        result = self.term(allowed)
        while self.take("AND"):
            result = self.term(allowed) and result
        return result

    def term(self, allowed: set[str]) -> bool:
        if self.take("("):
            result = self.alternatives(allowed)
            if not self.take(")"):
                raise ValueError("a parenthesis is not closed")
            return result
        name = self.word()
        if self.take("WITH"):
            name = f"{name} WITH {self.word()}"
        return name in allowed

    def word(self) -> str:
        if not self.tokens or self.tokens[0] in ("(", ")", "AND", "OR", "WITH"):
            raise ValueError("a licence name is missing")
        return self.tokens.pop(0)

    def take(self, token: str) -> bool:
        if self.tokens and self.tokens[0] == token:
            self.tokens.pop(0)
            return True
        return False


if __name__ == "__main__":
    sys.exit(main())
