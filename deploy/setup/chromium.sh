#!/usr/bin/env bash
# Makes sure that the browser tests have a Chromium: the system's, else Debian's package (as root), else Playwright's own.
# Its path goes to .stamps/chromium.
set -euo pipefail
bin=${1:?bin folder of the virtual environment}
cd "$(dirname "$0")/../.."
mkdir -p .stamps

found() {
    for browser in chromium chromium-browser google-chrome; do
        if command -v "$browser" >.stamps/chromium; then return 0; fi
    done
    return 1
}

if found; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "setup: installing Debian's Chromium"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
    found
else
    # Does nothing when that revision is there already.
    "$bin/playwright" install chromium
    "$bin/python" -c 'from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)' >.stamps/chromium
fi
