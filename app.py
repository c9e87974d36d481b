"""The page as a Space runs it. `dfine app` serves the same page from an installed package."""

from dfine.page.app import main

if __name__ == "__main__":
    main()
