"""`python -m edgeseg` is `edgeseg`."""

from edgeseg.cli.main import main

main()
