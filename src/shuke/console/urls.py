"""Addresses of the console. What a page shows stands in its address, so a link is a view."""

from __future__ import annotations

from django.urls import path

from shuke.console.pages import (
    audit,
    cohort_people,
    cohorts,
    definitions,
    evidence,
    home,
    jobs,
    keys,
    members,
    overview,
    reader,
    rulebook,
    search_ads,
    settings_entries,  # noqa: F401  (registers the last entries of the sidebar)
    shop,
    sources,
    today,
)

app_name = "console"

urlpatterns = [
    path("", home.home, name="home"),
    path("shops/", home.shops, name="shops"),
    path("reader/language/", reader.language, name="language"),
    path("reader/theme/", reader.theme, name="theme"),
    path("me/", reader.profile, name="profile"),
    path("s/<slug:shop>/", today.today, name="today"),
    path("s/<slug:shop>/overview/", overview.overview, name="overview"),
    path("s/<slug:shop>/overview/answer/", overview.answer, name="overview_answer"),
    path("s/<slug:shop>/overview/cause/", overview.cause, name="overview_cause"),
    path("s/<slug:shop>/overview/picture/", overview.picture, name="overview_picture"),
    path("s/<slug:shop>/overview/numbers/", overview.pick, name="pick"),
    path("s/<slug:shop>/metrics/<slug:metric_id>/", definitions.definition, name="definition"),
    path("s/<slug:shop>/metrics/<slug:metric_id>/choose/", definitions.choose, name="choose_version"),
    path("s/<slug:shop>/evidence/<slug:metric_id>/", evidence.evidence, name="evidence"),
    path("s/<slug:shop>/sources/", sources.sources, name="sources"),
    path("s/<slug:shop>/sources/table/", sources.table, name="sources_table"),
    path("s/<slug:shop>/cohorts/", cohorts.cohorts, name="cohorts"),
    path("s/<slug:shop>/cohorts/table/", cohorts.table, name="cohorts_table"),
    path("s/<slug:shop>/cohorts/names/", cohorts.names, name="cohort_names"),
    path("s/<slug:shop>/cohorts/people/", cohort_people.people, name="cohort_people"),
    path("s/<slug:shop>/search-ads/", search_ads.search_ads, name="search_ads"),
    path("s/<slug:shop>/search-ads/keyword/", search_ads.keyword, name="search_ads_keyword"),
    path("s/<slug:shop>/search-ads/example.csv", search_ads.example, name="search_ads_example"),
    path("s/<slug:shop>/rulebook/", rulebook.rules, name="rulebook"),
    path("s/<slug:shop>/rulebook/differences/", rulebook.differences, name="rule_differences"),
    path("s/<slug:shop>/rulebook/<str:rule_id>/", rulebook.rule, name="rule"),
    path("s/<slug:shop>/rulebook/<str:rule_id>/change/", rulebook.change_rule, name="change_rule"),
    path("s/<slug:shop>/members/", members.members, name="members"),
    path("s/<slug:shop>/members/<int:user_id>/role/", members.change_role, name="change_role"),
    path("s/<slug:shop>/members/<int:user_id>/remove/", members.remove, name="remove_member"),
    path("s/<slug:shop>/members/<int:user_id>/renew/", members.renew, name="renew_invitation"),
    path("s/<slug:shop>/keys/", keys.keys, name="keys"),
    path("s/<slug:shop>/keys/write/", keys.create_write_key, name="create_write_key"),
    path("s/<slug:shop>/keys/write/<int:key_id>/revoke/", keys.revoke_write_key, name="revoke_write_key"),
    path("s/<slug:shop>/keys/api/", keys.create_api_key, name="create_api_key"),
    path("s/<slug:shop>/keys/api/<int:key_id>/revoke/", keys.revoke_api_key, name="revoke_api_key"),
    path("s/<slug:shop>/audit/", audit.audit, name="audit"),
    path("s/<slug:shop>/jobs/", jobs.jobs, name="jobs"),
    path("s/<slug:shop>/jobs/<int:job_id>/stop/", jobs.stop, name="stop_job"),
    path("s/<slug:shop>/jobs/<int:job_id>/resume/", jobs.resume, name="resume_job"),
    path("s/<slug:shop>/settings/", shop.settings, name="shop"),
]
