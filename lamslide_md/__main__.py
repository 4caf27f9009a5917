"""`python -m lamslide_md` is the command `lamslide`."""

from lamslide_md.cli.app import main

if __name__ == "__main__":
    main()
