"""`recours bench booking` from end to end, at the size of a test: what it compares, never how fast."""

from recours.bench.booking import Size, measure, table


def test_a_booking_over_http_is_measured_against_the_statements_that_it_sent() -> None:
    measured = measure(Size(connections=2, seconds=1.0, turns=1, warm_up_seconds=0.3, practitioners=20, weeks=4))

    statements: list[str] = measured["statements"]
    assert (statements[0], statements[-1]) == ("BEGIN;", "COMMIT;")
    written = ("idempotency_key", "request", "period", "appointment", "outbox")
    assert all(any(f"INSERT INTO {table_}" in statement for statement in statements) for table_ in written)
    # The same rows on both sides: `measure` refuses anything else.
    assert set(measured["rows_per_booking"].values()) == {1.0}
    assert measured["processes"] == 2
    for side in (measured, measured["one_process"]):
        assert min(side["per_second"], measured["pgbench_per_second"], side["ratio"]) > 0
        assert 0 < side["p50_ms"] <= side["p99_ms"]
    shown = table(measured)
    assert all(part in shown for part in ("1 process", "2 processes", "ratio"))
