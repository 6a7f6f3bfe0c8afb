#!/usr/bin/env bash
# Print the path of a Chromium for the browser tests, installing one where that can be done unasked.
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }

find_chromium() {
    if [ -n "${EXPLORER_CHROMIUM:-}" ]; then
        [ -x "$EXPLORER_CHROMIUM" ] && echo "$EXPLORER_CHROMIUM" && return
        say "EXPLORER_CHROMIUM names $EXPLORER_CHROMIUM, which cannot be executed."
        exit 1
    fi
    local name
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" && return
    done
    for name in "/Applications/Chromium.app/Contents/MacOS/Chromium" \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
        [ -x "$name" ] && echo "$name" && return
    done
    return 1
}

install_chromium() {
    command -v apt-get >/dev/null || return 1
    local sudo=()
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || return 1
        sudo=(sudo -n)
    fi
    say "Installing Chromium for the browser tests with apt-get."
    "${sudo[@]}" apt-get update -q >&2 &&
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -q --no-install-recommends chromium fonts-dejavu-core >&2
}

find_chromium && exit
install_chromium && find_chromium && exit
say "The browser tests need Chromium, and it could not be installed from here."
say "Install it (Debian: apt-get install chromium fonts-dejavu-core), or set EXPLORER_CHROMIUM to its path."
exit 1
