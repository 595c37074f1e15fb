#!/usr/bin/env bash
# Makes the notebook for students and the zip of the autograder, in the folder dist.
set -e
cd "$(dirname "$0")"
if [ -z "${OTTER:-}" ]; then
    python3 -m venv dist/python
    dist/python/bin/pip install otter-grader ipykernel workings
    OTTER=dist/python/bin/otter
fi
rm -rf dist/autograder dist/student
cp ../rubric.json .
"$OTTER" assign attention.ipynb dist
rm rubric.json
cd dist/autograder
unzip -o -q ./*.zip run_autograder
echo "python /autograder/source/files/needs_a_person.py /autograder/results/results.json" >> run_autograder
zip -q ./*.zip run_autograder
rm run_autograder
