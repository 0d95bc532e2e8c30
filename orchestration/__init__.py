"""The brain: what is decided about a message, and the record of it."""
