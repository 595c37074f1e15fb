"""Update rules and schedules, each declared as one function."""
