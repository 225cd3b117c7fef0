"""Questions about traffic. Every number comes with its metric; every number has its evidence."""

from __future__ import annotations

from shuke.traffic.distinct import load as load_counting
from shuke.traffic.figures import (
    Against,
    AmountSplit,
    Evidence,
    Figure,
    FigureRow,
    Overview,
    Point,
    Series,
    SourceRow,
    SourcesReport,
)
from shuke.traffic.metrics import METRICS, Metric, metric, versions
from shuke.traffic.reads.asking import VISIT_KEYS
from shuke.traffic.reads.cohort_shapes import (
    Average,
    Behaviour,
    CohortCell,
    CohortPeople,
    CohortRow,
    Cohorts,
    TooManyCohorts,
)
from shuke.traffic.reads.cohorts import cohort_people, cohorts, event_names
from shuke.traffic.reads.entrances import ORDER_RATE, Entrance, Entrances, entrances, item_exits
from shuke.traffic.reads.evidence import PERSONAL_COLUMNS, evidence
from shuke.traffic.reads.flow_map import FEWEST_STEPS, MOST_STEPS, FlowLink, FlowMap, FlowNode, flow_map
from shuke.traffic.reads.flow_visits import SHOWN, FlowVisits, Way, every_flow_visit, flow_visits
from shuke.traffic.reads.flows import Flow, Flows, TooManyEvents, flows
from shuke.traffic.reads.overview import ChannelVisitors, overview, visitors_by_channel
from shuke.traffic.reads.series import courses, series
from shuke.traffic.reads.sources import sources
from shuke.traffic.reads.tracked import (
    ClickedElement,
    PageClicks,
    PageStay,
    VisitStay,
    page_clicks,
    page_stays,
    visit_stays,
)

__all__ = [
    "FEWEST_STEPS",
    "METRICS",
    "MOST_STEPS",
    "ORDER_RATE",
    "PERSONAL_COLUMNS",
    "SHOWN",
    "VISIT_KEYS",
    "Against",
    "AmountSplit",
    "Average",
    "Behaviour",
    "ChannelVisitors",
    "ClickedElement",
    "CohortCell",
    "CohortPeople",
    "CohortRow",
    "Cohorts",
    "Entrance",
    "Entrances",
    "Evidence",
    "Figure",
    "FigureRow",
    "Flow",
    "FlowLink",
    "FlowMap",
    "FlowNode",
    "FlowVisits",
    "Flows",
    "Metric",
    "Overview",
    "PageClicks",
    "PageStay",
    "Point",
    "Series",
    "SourceRow",
    "SourcesReport",
    "TooManyCohorts",
    "TooManyEvents",
    "VisitStay",
    "Way",
    "cohort_people",
    "cohorts",
    "courses",
    "entrances",
    "event_names",
    "every_flow_visit",
    "evidence",
    "flow_map",
    "flow_visits",
    "flows",
    "item_exits",
    "load_counting",
    "metric",
    "overview",
    "page_clicks",
    "page_stays",
    "series",
    "sources",
    "versions",
    "visit_stays",
    "visitors_by_channel",
]
