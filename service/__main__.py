"""`python -m service`: the command `workings`, where its script is not on the path."""

from service.command import main

if __name__ == "__main__":
    main(prog_name="python -m service")
