#!/usr/bin/env bash
# Grades the file answers.json of a submission. GRADE is the folder that PrairieLearn mounts.
set -u
root=${GRADE:-/grade}
workings=${GRADER:-workings}
results=$root/results
mkdir -p "$results"
"$workings" grade "$root/tests/rubric.json" "$root/student/answers.json" \
    --envelope prairielearn --output "$results"
if [ -f "$results/answers.json" ]; then
    mv "$results/answers.json" "$results/results.json"
else
    echo '{"gradable": false, "format_errors": ["answers.json is missing or cannot be read"]}' \
        > "$results/results.json"
fi
