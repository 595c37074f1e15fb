#!/usr/bin/env bash
# Prepares the image of the autograder, once.
set -e
apt-get install -y python3 python3-pip python3-venv
python3 -m venv /autograder/python
/autograder/python/bin/pip install workings
