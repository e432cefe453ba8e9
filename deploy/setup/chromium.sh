#!/usr/bin/env bash
# Makes sure that the browser tests have a Chromium: the system's, else Debian's package (as root), else Playwright's own.
set -euo pipefail
bin=${1:?bin folder of the virtual environment}

for browser in chromium chromium-browser google-chrome; do
    if command -v "$browser" >/dev/null; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "setup: installing Debian's Chromium"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
else
    # Does nothing when that revision is there already.
    "$bin/playwright" install chromium
fi
