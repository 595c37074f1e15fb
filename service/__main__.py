"""`python -m service`: the command `workings`, for environments without its script on the path."""

from service.command import main

if __name__ == "__main__":
    main(prog_name=f"python -m {__package__}")
