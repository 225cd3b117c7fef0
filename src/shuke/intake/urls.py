"""Addresses of the doors' pages: imports, mappings, quarantine."""

from __future__ import annotations

from django.urls import path

from shuke.intake import pages

app_name = "intake"

urlpatterns = [
    path("s/<slug:shop>/imports/", pages.imports.imports, name="imports"),
    path("s/<slug:shop>/imports/upload/", pages.imports.upload, name="upload"),
    path("s/<slug:shop>/imports/new/", pages.imports.preview, name="preview"),
    path("s/<slug:shop>/imports/start/", pages.imports.start, name="start_import"),
    path("s/<slug:shop>/imports/<int:import_id>/", pages.imports.one, name="import"),
    path("s/<slug:shop>/imports/<int:import_id>/stop/", pages.imports.stop, name="stop_import"),
    path("s/<slug:shop>/imports/<int:import_id>/resume/", pages.imports.resume, name="resume_import"),
    path("s/<slug:shop>/reports/", pages.reports.reports, name="reports"),
    path("s/<slug:shop>/mappings/", pages.mappings.mappings, name="mappings"),
    path("s/<slug:shop>/mappings/point/", pages.pointing.point, name="point"),
    path("s/<slug:shop>/mappings/new/", pages.mappings.edit, name="new_mapping"),
    path("s/<slug:shop>/mappings/<str:name>/", pages.mappings.edit, name="mapping"),
    path("s/<slug:shop>/mappings/<str:name>/remove/", pages.mappings.remove, name="remove_mapping"),
    path("s/<slug:shop>/quarantine/", pages.quarantine.quarantine, name="quarantine"),
    path("s/<slug:shop>/quarantine/settle/", pages.quarantine.settle, name="settle"),
    path("s/<slug:shop>/quarantine/mend/", pages.mends.mend, name="mend_group"),
    path("s/<slug:shop>/quarantine/mend/start/", pages.mends.start, name="start_mend"),
    path("s/<slug:shop>/quarantine/mends/", pages.mends.mends, name="mends"),
    path("s/<slug:shop>/quarantine/mends/<int:mend_id>/", pages.mends.one, name="mend"),
    path("s/<slug:shop>/quarantine/mends/<int:mend_id>/stop/", pages.mends.stop, name="stop_mend"),
    path("s/<slug:shop>/quarantine/mends/<int:mend_id>/resume/", pages.mends.resume, name="resume_mend"),
    path("s/<slug:shop>/quarantine/kept/<int:kept_id>/remove/", pages.mends.remove_kept, name="remove_kept"),
    path("s/<slug:shop>/quarantine/<int:quarantined_id>/", pages.quarantine.one, name="quarantined"),
]
