"""`python -m kdsr`: the command line."""

from kdsr.cli import main

if __name__ == "__main__":
    main()
