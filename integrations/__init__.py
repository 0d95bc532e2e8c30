"""The vendors Frontdesk talks to, each behind an interface of orchestration."""
