"""`python -m app.cli` is the `vouchsafe` command."""

from app.cli.main import main

main()
