#!/usr/bin/env bash
# Resolves Apache Kafka's jars from Maven Central through deploy/kafka/pom.xml. Without Java or Maven its tests are left out, and this says so;
# RECOURS_APACHE_KAFKA=required makes that a failure. RECOURS_APACHE_KAFKA=no leaves them out on purpose.
set -euo pipefail
cd "$(dirname "$0")/../.."
stamp=.stamps/apache-kafka
mkdir -p .stamps

leave_out() {
    if [ "${RECOURS_APACHE_KAFKA:-}" = required ]; then
        echo "setup: Apache Kafka is required and cannot be run: $1" >&2
        exit 1
    fi
    echo "$1" >"$stamp.left-out"
    rm -f "$stamp"
    exit 0
}

[ "${RECOURS_APACHE_KAFKA:-}" = no ] && leave_out "RECOURS_APACHE_KAFKA=no"
command -v java >/dev/null || leave_out "no java command (Debian: apt-get install openjdk-17-jre-headless)"
command -v mvn >/dev/null || leave_out "no mvn command (Debian: apt-get install maven)"
rm -f "$stamp.left-out"
if [ ! -e "$stamp" ] || [ deploy/kafka/pom.xml -nt "$stamp" ]; then
    echo "setup: resolving Apache Kafka from Maven Central"
    mvn --quiet --batch-mode --file deploy/kafka/pom.xml package || leave_out "Maven could not resolve deploy/kafka/pom.xml"
    touch "$stamp"
fi
