"""Stand-ins that behave like the real thing, its faults included."""
