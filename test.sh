#!/usr/bin/env bash
# Everything that must hold before a change is merged. See ./test.sh --help.
# shellcheck disable=SC2329 # steps are called by their names
set -euo pipefail
shopt -s inherit_errexit

root="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$root"

steps=(tools format arrows licences clippy tests docs)

usage() {
    cat <<'HELP'
Usage: ./test.sh [STEP...]

Without arguments every step runs, in this order; the first failure ends the run.

  tools      install the programs that the tests use, as root or with sudo (Debian)
  format     cargo fmt --check
  arrows     which crate may depend on which, and what must never be pulled in
  licences   licences, bans and sources of all dependencies, as deny.toml says
  clippy     warnings are errors: default, no, all features, each feature of each crate alone
  tests      all tests and doc tests, with all features
  docs       rustdoc, with broken links and other warnings denied

Works from any directory and without a terminal. The output is also written to
target/test.log. A check that this machine cannot do says so on a line that
begins with "NOT RUN:"; these lines are counted and listed at the end.
HELP
}

# --- tools -------------------------------------------------------------------------------------------------

# program:package pairs; every program is used by a test or by this script.
programs=(cc:gcc ld:binutils python3:python3 rsync:rsync strace:strace
    getfattr:attr setfattr:attr getfacl:acl setfacl:acl mount:mount umount:mount
    unshare:util-linux mkfifo:coreutils script:bsdutils)

step_tools() {
    local missing=() entry
    for entry in "${programs[@]}"; do
        command -v "${entry%%:*}" >/dev/null || missing+=("${entry##*:}")
    done
    [[ -e /usr/include/stdio.h ]] || missing+=(libc6-dev)
    if ((${#missing[@]})); then
        mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
        install_packages "${missing[@]}"
    fi
    local component
    for component in fmt clippy; do
        cargo "$component" --version >/dev/null 2>&1 ||
            fail "cargo $component is missing; install it: rustup component add rustfmt clippy"
    done
    cargo --version
}

install_packages() {
    command -v apt-get >/dev/null ||
        fail "these Debian packages are needed and there is no apt-get here; install what provides them: $*"
    local as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null ||
            fail "these packages are needed: $*; run as root: apt-get install -y --no-install-recommends $*"
        as_root=(sudo)
        [[ -t 0 ]] || as_root+=(-n)
        echo "installing with sudo: $*"
    else
        echo "installing as root: $*"
    fi
    as_root+=(env DEBIAN_FRONTEND=noninteractive)
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" apt-get install -q -y --no-install-recommends "$@"
}

# --- format ------------------------------------------------------------------------------------------------

step_format() {
    cargo fmt --all --check -- --color never || fail "the formatting differs; run: cargo fmt --all"
}

# --- arrows ------------------------------------------------------------------------------------------------

leaves="backup-policy backup-storage backup-crypto"
libraries="$leaves backup-core backup-engines"
network='rustls|native-tls|openssl|openssl-sys|ring|aws-lc-rs|aws-lc-sys|reqwest|hyper|hyper-util|h2|ureq|curl|curl-sys'

step_arrows() {
    local members crate
    members="$(crates --workspace --depth 0)"
    only_known_members
    for crate in $leaves; do
        only "$crate" ""
    done
    only backup-core "$leaves"
    only backup-engines backup-core --depth 1
    for crate in $members; do
        only "$crate" "$libraries"
    done
    for crate in $libraries; do
        no_network "$crate"
    done
    no_system_zones
    echo "the arrows of $(wc -w <<<"$members") crates are as ARCHITECTURE.md draws them"
}

# Names of the crates that `cargo tree` shows with these arguments.
crates() {
    cargo tree --locked --target all -e normal,build --prefix none -f '{p}' "$@" | cut -d' ' -f1 | sed '/^$/d' | sort -u
}

# Of the workspace ($members), crate $1 depends on nothing but $2, all features on.
only() {
    local crate="$1" allowed=" $1 $2 " below name
    shift 2
    below="$(crates -p "$crate" --all-features "$@")"
    for name in $members; do
        if grep -qxF "$name" <<<"$below" && [[ "$allowed" != *" $name "* ]]; then
            fail "$crate depends on $name, which the arrows forbid"
        fi
    done
}

# A member that is neither one of the five libraries nor under examples/ or benches/ has no rule yet.
only_known_members() {
    local listing name _version path
    listing="$(cargo tree --locked --workspace --depth 0 --prefix none -f '{p}' | sed '/^$/d')"
    while read -r name _version path; do
        [[ " $libraries " != *" $name "* ]] || continue
        case "$path" in
        "($root/examples/"*")" | "($root/benches)") ;;
        *) fail "crate $name $path has no rule: add it to the arrows in test.sh and to ARCHITECTURE.md" ;;
        esac
    done <<<"$listing"
}

# The features a host gets without asking bring no TLS and no HTTP client.
no_network() {
    local all found
    all="$(crates -p "$1")"
    found="$(grep -xE "$network" <<<"$all" || true)"
    [[ -z "$found" ]] || fail "the default features of $1 pull in: ${found//$'\n'/, }"
}

# The zone of the machine is never read: results must not depend on where they are computed.
no_system_zones() {
    local all line
    all="$(cargo tree --locked --workspace --all-features --target all --prefix none -f '{p} {f}')"
    line="$(grep '^jiff v' <<<"$all" | sort -u || true)"
    [[ -n "$line" ]] || fail "jiff is not among the dependencies: remove its check from test.sh"
    [[ "$line" != *tz-system* ]] || fail "jiff is built with tz-system; only tzdb-bundle-always is allowed: $line"
}

# --- licences ----------------------------------------------------------------------------------------------

step_licences() {
    cargo metadata --locked --all-features --format-version 1 | python3 scripts/licences.py deny.toml
    if recent_cargo_deny; then
        cargo deny --locked --all-features check licenses bans sources
    else
        echo "NOT RUN: cargo-deny: no version 0.18 or later here (its rules, deny.toml, were checked by scripts/licences.py)"
    fi
}

recent_cargo_deny() {
    local version
    version="$(cargo deny --version 2>/dev/null)" || return 1
    [[ "$version" =~ ^cargo-deny\ ([0-9]+)\.([0-9]+)\. ]] || return 1
    ((BASH_REMATCH[1] > 0 || BASH_REMATCH[2] >= 18))
}

# --- clippy ------------------------------------------------------------------------------------------------

step_clippy() {
    lint --workspace --all-targets --all-features
    lint --workspace --all-targets
    # Each crate alone, as a host builds it: nothing borrowed from the features that another crate turned on.
    local crate feature sets
    sets="$(cargo metadata --locked --no-deps --format-version 1 | python3 scripts/features.py)"
    while read -r crate feature; do
        case "$feature" in
        default) lint -p "$crate" ;;
        none) lint -p "$crate" --no-default-features --all-targets ;;
        *) lint -p "$crate" --no-default-features --features "$feature" ;;
        esac
    done <<<"$sets"
}

lint() {
    echo "clippy $*"
    cargo clippy --quiet --locked "$@" -- -D warnings </dev/null || fail "clippy found something: cargo clippy $* -- -D warnings"
}

# --- tests and docs ----------------------------------------------------------------------------------------

# --show-output lets the "NOT RUN:" lines of passing tests through.
step_tests() {
    cargo test --locked --workspace --all-features -- --show-output
}

step_docs() {
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --all-features
}

# --- the run -----------------------------------------------------------------------------------------------

fail() {
    echo "error: $*"
    exit 1
}

# One step with its header and its duration.
section() {
    local name="$1" started=$SECONDS
    current="$name"
    echo "=== $name"
    "step_$name"
    echo "=== $name: ok, $((SECONDS - started)) s"
    current=""
}

run() {
    trap '[[ -z "${current:-}" ]] || echo "=== $current: FAILED; run it alone with: ./test.sh $current"' EXIT
    local name
    for name in "$@"; do
        section "$name"
    done
}

known() {
    local name
    for name in "${steps[@]}"; do
        [[ "$name" != "$1" ]] || return 0
    done
    return 1
}

summary() {
    local log="$1" count
    count="$(grep -c '^NOT RUN:' "$log" || true)"
    echo "=== not run: $count"
    grep '^NOT RUN:' "$log" || true
}

main() {
    local name
    for name in "$@"; do
        case "$name" in
        -h | --help) usage && exit 0 ;;
        *) known "$name" || { usage >&2 && echo "error: there is no step named '$name'" >&2 && exit 2; } ;;
        esac
    done
    (($#)) || set -- "${steps[@]}"

    mkdir -p target
    local log="$root/target/test.log" status
    # errexit is on inside the subshell and off around it, so that the summary follows a failure too.
    set +e
    (
        set -e
        run "$@"
    ) 2>&1 </dev/null | tee "$log"
    status="${PIPESTATUS[0]}"
    set -e
    summary "$log"
    if ((status == 0)); then echo "=== all passed in $SECONDS s"; else echo "=== FAILED after $SECONDS s"; fi
    exit "$status"
}

main "$@"
