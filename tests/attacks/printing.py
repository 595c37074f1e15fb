"""Figures as a table."""

from tests.attacks.report import Report


def show(title: str, report: Report) -> int:
    """Print the figures of an attack; return how many are beyond their bounds, which a cross marks."""
    print(title)
    for figure in report.figures:
        mark = " " if figure.is_kept else "X"
        value = f"{figure.value:,.4g}" if figure.value < 1000 else f"{figure.value:,.0f}"
        print(f"  {mark} {figure.name:44}{value:>10} {figure.unit:4}{figure.bound}", flush=True)
    return sum(not figure.is_kept for figure in report.figures)
