"""The ways due conversations are brought to a worker."""
