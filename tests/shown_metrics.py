"""What a monitor reads: the metrics of a program as its text has them."""

from collections.abc import Iterable, Mapping

from prometheus_client.parser import text_string_to_metric_families

from didkit_py.service.observability.metrics import COMMON, PROCESS, Metric, Metrics

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


async def samples_of(metrics: Metrics) -> Samples:
    """Every value that is shown, by name and labels."""
    families = text_string_to_metric_families((await metrics.text()).decode())
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


def undocumented_and_unseen(samples: Samples, rows: Iterable[Metric]) -> tuple[set[str], set[str]]:
    """What is shown without a row in the documentation, and which of the rows show no value."""
    documented = {row.name: row for row in (*COMMON, *PROCESS, *rows)}
    shown = {name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum") for name, _ in samples}
    labelled = {
        name
        for name, labels in samples
        if name in documented and {label for label, _ in labels} == set(documented[name].labels)
    }
    timed = {name for name in shown if name in documented and documented[name].kind == "histogram"}
    return shown - documented.keys(), documented.keys() - labelled - timed
