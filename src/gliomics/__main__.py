"""``python -m gliomics``: the same as the command ``gliomics``."""

from gliomics.cli.main import main

if __name__ == "__main__":
    main()
