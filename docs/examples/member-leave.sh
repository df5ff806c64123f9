#!/usr/bin/env bash
# For member-leave and member-failed: the file of every backend named on standard input goes.
nodes=${NODES:-/nodes}

while read -ra values; do
  HOST=${values[0]}
  ROLE=${values[2]}
  if [[ "$ROLE" == "backend" ]]; then
    rm -f "$nodes/$HOST"
    echo "$HOST has gone ($SERF_EVENT)"
  fi
done
