"""The HTTP interface that other programs, agents and the console use."""
