#!/usr/bin/env bash
# For member-join. On standard input is a line for each member: its name, its address, its role
# and its tags, between tabs. Every backend gets a file.
nodes=${NODES:-/nodes}

while read -ra values; do
  HOST=${values[0]}
  IP=${values[1]}
  ROLE=${values[2]}
  if [[ "$ROLE" == "backend" ]]; then
    echo "$HOST $IP" >"$nodes/$HOST"
    echo "$HOST at $IP has joined"
  fi
done
