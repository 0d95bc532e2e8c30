"""Prometheus metrics; their labels never carry a customer, an order or a conversation."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

_COUNTERS = {
    "messages": ("Customer messages received", ("channel", "duplicate")),
    "runs": ("Runs that came to an end", ("route", "outcome")),
    "steps": ("Steps that were done", ("kind", "exit", "status")),
    "classifications": ("Turns classified, by whom, and what a model asked said", ("by", "asked")),
    "observations": ("Classifications that an accepted example shows", ("confidence", "correct")),
    "deliveries": ("Deliveries that came to an end", ("channel", "kind", "status")),
    "reminders": ("Reminders of response targets", ("level", "queue")),
    "model_calls": ("Requests to models", ("tier", "model", "status")),
    "budget_refusals": ("Model calls that a budget left no room for", ("scope",)),
    "budget_warnings": ("Budgets of which 80 % were spent", ("scope",)),
}
_TIMES = {
    "step_seconds": ("Time of one step in seconds", ("kind",)),
    "model_seconds": ("Time of one request to a model in seconds", ("model",)),
}


class Metrics:
    """Counts for one process; `GET /metrics` shows them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._counters = {
            name: Counter(f"frontdesk_{name}", words, labels, registry=self.registry)
            for name, (words, labels) in _COUNTERS.items()
        }
        self._times = {
            name: Histogram(f"frontdesk_{name}", words, labels, registry=self.registry)
            for name, (words, labels) in _TIMES.items()
        }

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        """Raise a counter."""
        self._counters[name].labels(**labels).inc(value)

    def time(self, name: str, seconds: float, **labels: str) -> None:
        """Record how long something took."""
        self._times[name].labels(**labels).observe(seconds)

    def show(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)
