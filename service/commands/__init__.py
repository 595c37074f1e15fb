"""The commands that ask and grade, imported when they run: `--help` needs none of it."""
