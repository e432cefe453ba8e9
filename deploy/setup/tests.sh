#!/usr/bin/env bash
# Runs the tests (`quick`: all but the long ones; `proof`: the long ones) and says what was left out.
set -euo pipefail
bin=${1:?bin folder of the virtual environment}
which=${2:?quick or proof}
cd "$(dirname "$0")/../.."

if [ -z "${RECOURS_CHROMIUM:-}" ] && [ -s .stamps/chromium ]; then
    RECOURS_CHROMIUM=$(cat .stamps/chromium)
    export RECOURS_CHROMIUM
fi
left_out=()
if [ "$which" = quick ]; then
    marks="not proof"
    workers=2
    left_out+=("the long tests (marked proof): make proof")
else
    marks="proof"
    workers=0
    left_out+=("the short tests: make test")
fi
if [ -e .stamps/apache-kafka.left-out ]; then
    marks="$marks and not apache"
    left_out+=("the tests on Apache Kafka itself: $(cat .stamps/apache-kafka.left-out)")
fi
for reason in .stamps/tools/*.left-out; do
    [ -e "$reason" ] || continue
    name=$(basename "$reason" .left-out)
    left_out+=("the tests of deploy/ that need $name: $(cat "$reason")")
done
if [ "$which" = proof ] && [ -e .stamps/images.left-out ]; then
    left_out+=("the tests of the image: $(cat .stamps/images.left-out)")
fi

code=0
"$bin/python" -m pytest -n "$workers" -m "$marks" ${PYTEST_ARGS:-} || code=$?
for reason in "${left_out[@]}"; do echo "left out: $reason"; done
exit "$code"
