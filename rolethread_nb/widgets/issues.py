"""The issue grid."""

from __future__ import annotations

import json
from typing import Any

from ..core.dataset import Dataset
from ..core.report import Report
from ..outputs.recorded_panels import record_findings
from ..outputs.recording import Recording
from ..outputs.static import findings_html
from ._base import ReportComponent, as_json, as_report, bundle


class Issues(ReportComponent):
    """The findings of a report as a grid: sorted, filtered, grouped by code.

    Args:
        shown: a dataset (which is checked) or a report.
        filters: a query to begin with, for example ``"code:leak role:assistant"``.
    """

    _esm = bundle("issues")["_esm"]
    _css = bundle("issues")["_css"]

    def __init__(self, shown: Dataset | Report, **traits: Any) -> None:
        super().__init__(as_report(shown), **traits)
        self.state = as_json(self._drawn())

    def _drawn(self) -> dict[str, Any]:
        return {
            "findings": self._view.findings(self.filters),
            "empty": self._view.empty,
            "roles": self._view.roles,
            "status": self._view.status,
        }

    def _saved(self, recording: Recording) -> tuple[Any, str]:
        return self._drawn(), record_findings(recording, self.filters, self._view.roles)

    def _static_html(self) -> str:
        payload = json.loads(as_json(self._drawn()))
        return findings_html(payload["findings"], empty=payload["empty"])
