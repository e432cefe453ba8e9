#!/usr/bin/env bash
# Makes the Dockerfile's base image without a registry, for the tests that build it: Debian's bookworm by debootstrap, with its Python 3.11,
# under the base's own name, in an image store of ours (.stamps/images). As root, with Debian's buildah and debootstrap, installed when missing.
# Where that cannot be, the reason is left in .stamps/images.left-out and the image's tests are left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
name=docker.io/library/$(sed -n 's/^FROM \(python:[^ ]*\)$/\1/p' Dockerfile)
store=$PWD/.stamps/images
mkdir -p .stamps

leave_out() {
    echo "$1" >"$store.left-out"
    exit 0
}

[ "$(id -u)" = 0 ] || leave_out "building an image needs root here"
missing=()
for program in buildah debootstrap; do command -v "$program" >/dev/null || missing+=("$program"); done
if [ "${#missing[@]}" -gt 0 ]; then
    command -v apt-get >/dev/null || leave_out "no ${missing[*]} and no apt-get to install it with"
    echo "setup: installing Debian's ${missing[*]}"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1 ||
        leave_out "apt-get could not install ${missing[*]}"
fi

buildah() { command buildah --root "$store/root" --runroot "$store/run" --storage-driver vfs "$@"; }
if buildah inspect --type image "$name" >/dev/null 2>&1; then
    rm -f "$store.left-out"
    exit 0
fi
echo "setup: making $name from Debian's packages (a minute)"
rm -rf "$store"
mkdir -p "$store"
container=$(buildah from --ulimit nofile=1024:1024 scratch)
tree=$(buildah mount "$container")
# This machine's own mirror, in either of the two forms of apt's sources.
sources=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true)
mirror=$(sed -n 's#^URIs: *\(http[^ ]*/debian\)/*$#\1#p; s#^deb \(http[^ ]*/debian\)/* .*#\1#p' <<<"$sources" | head -1)
debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv bookworm "$tree" "${mirror:-http://deb.debian.org/debian}" >"$store/debootstrap.log" 2>&1 || {
    buildah rm "$container" >/dev/null
    leave_out "debootstrap failed: $(tail -1 "$store/debootstrap.log")"
}
# The official image's Python is /usr/local/bin/python.
ln -s /usr/bin/python3 "$tree/usr/local/bin/python"
rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/*
buildah umount "$container" >/dev/null
buildah config --env PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin --env LANG=C.UTF-8 "$container"
buildah commit --quiet --rm "$container" "$name" >/dev/null
rm -f "$store.left-out"
