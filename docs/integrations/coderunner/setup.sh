#!/usr/bin/env bash
# Prepares Jobe, the server on which CodeRunner runs its graders, once.
set -e
apt-get update
apt-get install -y python3 python3-venv
python3 -m venv "${ROOT:-/opt/workings}"
"${ROOT:-/opt/workings}/bin/pip" install "${PACKAGE:-workings}"
ln -sf "${ROOT:-/opt/workings}/bin/workings" "${COMMANDS:-/usr/local/bin}/workings"
