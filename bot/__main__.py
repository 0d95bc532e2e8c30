"""Lets `python -m bot` do what the command `frontdesk` does."""

from bot.cli import main

main()
