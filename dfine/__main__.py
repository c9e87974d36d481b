"""`python -m dfine` is the command line."""

from dfine.cli.main import main

if __name__ == "__main__":
    main()
