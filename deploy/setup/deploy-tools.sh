#!/usr/bin/env bash
# Gets the programs that check the files of deploy/ into .stamps/tools: Debian's promtool, prometheus and caddy, taken out of their packages (nothing is
# installed, no daemon starts), and kustomize and compose-spec built from deploy/setup/tools/go.mod. One that cannot be had leaves its reason
# in .stamps/tools/NAME.left-out: its tests are then left out and say so.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$PWD/.stamps/tools
mkdir -p "$tools"

leave_out() { # NAME REASON
    echo "$2" >"$tools/$1.left-out"
    rm -f "$tools/$1"
}

download() { # PACKAGE: its file into the current folder
    apt-get download -qq "$1" 2>/dev/null && return
    [ "$(id -u)" = 0 ] && apt-get update -qq && apt-get download -qq "$1"
}

from_debian() { # NAME PACKAGE
    if [ -x "$tools/$1" ]; then return; fi
    if ! command -v apt-get >/dev/null; then leave_out "$1" "no apt-get to get Debian's package $2 with"; return; fi
    echo "setup: taking $1 out of Debian's package $2"
    local folder
    folder=$(mktemp -d)
    if (cd "$folder" && download "$2" && dpkg-deb --extract "$2"_*.deb tree) >/dev/null 2>&1; then
        rm -f "$tools/$1.left-out"
        mv "$folder/tree/usr/bin/$1" "$tools/$1"
    else
        leave_out "$1" "Debian's package $2 could not be downloaded"
    fi
    rm -rf "$folder"
}

from_go() { # NAME PACKAGE
    if [ -x "$tools/$1" ] && [ "$tools/$1" -nt deploy/setup/tools/go.sum ]; then return; fi
    if ! command -v go >/dev/null; then leave_out "$1" "no go command to build it with (1.24 or later)"; return; fi
    echo "setup: building $1"
    local problem
    if problem=$(cd deploy/setup/tools && GOFLAGS=-mod=readonly go build -o "$tools/$1" "$2" 2>&1); then
        rm -f "$tools/$1.left-out"
    else
        leave_out "$1" "go could not build it: ${problem##*$'\n'}"
    fi
}

from_debian promtool prometheus
from_debian prometheus prometheus
from_debian caddy caddy
from_go kustomize sigs.k8s.io/kustomize/kustomize/v5
from_go compose-spec github.com/compose-spec/compose-go/v2/cmd
