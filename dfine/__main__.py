"""`python -m dfine` is the command line."""

from dfine.cli import main

if __name__ == "__main__":
    main()
