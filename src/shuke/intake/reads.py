"""Questions to the doors: files, mappings and imports; what stands in quarantine."""

from shuke.intake.files.reads import (
    ImportPage,
    ImportView,
    MappingView,
    UploadView,
    fitting_mappings,
    get_import,
    get_mapping,
    list_imports,
    list_mappings,
)
from shuke.intake.quarantine.reads import (
    QuarantinedView,
    QuarantinePage,
    ReasonCount,
    count_waiting,
    get_quarantined,
    list_quarantined,
    waiting_by_reason,
)

__all__ = [
    "ImportPage",
    "ImportView",
    "MappingView",
    "QuarantinePage",
    "QuarantinedView",
    "ReasonCount",
    "UploadView",
    "count_waiting",
    "fitting_mappings",
    "get_import",
    "get_mapping",
    "get_quarantined",
    "list_imports",
    "list_mappings",
    "list_quarantined",
    "waiting_by_reason",
]
