"""GX's expectation that a query finds nothing, asked once. GX's own asks for the count and then again for the rows, of
which it shows none (`RESULT_FORMAT` in ask.py). Imported late, as all of GX."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.expectations import UnexpectedRowsExpectation


class NoRowsExpectation(UnexpectedRowsExpectation):  # type: ignore[misc] # GX has no types
    """Counts what the query finds; `expectations.ask` asks for the first rows of a breach."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count",)

    def _validate(
        self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None  # noqa: ANN401
    ) -> Any:  # noqa: ANN401 - GX's own types
        return super()._validate(
            {**metrics, "unexpected_rows_query.table": []}, runtime_configuration, execution_engine
        )
