"""The console: agents' pages, who is let in, and how the pages are built."""
