"""Prometheus metrics of the service."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from model_service.admission import Admission
from model_service.classifier import Classification, Classifier

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

_BUCKETS: Final = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.0, 3.0, 10.0)


class ServiceMetrics:
    """The metrics of one app, in a separate registry.

    Args:
        classifier: Its versions are exported with their hashes.
        admission: Its number of requests in flight is exported.
    """

    def __init__(self, classifier: Classifier, admission: Admission) -> None:
        self.registry: Final = CollectorRegistry()
        self.rejected: Final = Counter(
            "triptych_rejected",
            "Requests answered with a problem, by its type",
            ["reason"],
            registry=self.registry,
        )
        self._stages: Final = Histogram(
            "triptych_stage_seconds",
            "Time of predictions by stage: decode, infer, total (upload and waiting included)",
            ["model", "stage"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._predictions: Final = Counter(
            "triptych_predictions",
            "Documents classified, by label",
            ["model", "label", "abstained"],
            registry=self.registry,
        )
        self._pages: Final = Counter("triptych_pages", "Pages scored", ["model"], registry=self.registry)
        in_flight = Gauge("triptych_in_flight", "Predictions running and waiting", registry=self.registry)
        in_flight.set_function(lambda: admission.in_flight)
        slots = Gauge("triptych_in_flight_limit", "Maximum number of predictions in flight", registry=self.registry)
        slots.set(admission.slots)
        versions = Gauge("triptych_model_info", "Versions served, by hash", ["model", "sha256"], registry=self.registry)
        for version, model in classifier.models.items():
            versions.labels(model=version, sha256=model.manifest.sha256).set(1)
        ProcessCollector(registry=self.registry)

    def count_classification(self, result: Classification) -> None:
        """Count a classified document and its timings."""
        model = result.model
        for stage in ("decode", "infer", "total"):
            self._stages.labels(model=model, stage=stage).observe(getattr(result.timings_ms, stage) / 1000)
        self._predictions.labels(model=model, label=result.label, abstained=str(result.abstained).lower()).inc()
        self._pages.labels(model=model).inc(result.pages)

    def exposition(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        return generate_latest(self.registry)
