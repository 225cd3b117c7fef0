"""One cluster and one session for all tests of a process."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def spark_cluster(tmp_path_factory) -> Iterator[str]:
    """A real master and worker; Spark as this process's engine asks them. Gives the master's address."""
    from django.conf import settings

    from shuke.warehouse.engine import named
    from tests.corpus.cluster import Cluster

    cluster = Cluster(tmp_path_factory.mktemp("spark"))
    try:
        os.environ["SPARK_CONF_DIR"] = str(cluster.configuration)
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        settings.SPARK_MASTER = cluster.master
        spark = named("spark")
        yield cluster.master
        spark._session.stop()  # type: ignore[attr-defined]
    finally:
        cluster.stop()
