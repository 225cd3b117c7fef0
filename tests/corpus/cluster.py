"""A real Spark cluster on this machine: a master and a worker as processes of their own, small and without pages."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pyspark

_HOME = Path(pyspark.__file__).parent
_START_SECONDS = 90
_DAEMON_MEMORY = "160m"
_WORKER_MEMORY = "640m"
# The cluster's own settings, as an installation has them in its SPARK_CONF_DIR: some 1.5 GB in all.
DEFAULTS = """
spark.driver.memory 512m
spark.executor.memory 640m
spark.executor.memoryOverhead 0m
spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.ui.enabled false
spark.sql.shuffle.partitions 2
spark.default.parallelism 2
spark.sql.adaptive.enabled false
spark.sql.codegen.wholeStage false
spark.sql.autoBroadcastJoinThreshold 4m
spark.log.level ERROR
spark.executor.extraJavaOptions -XX:+UseSerialGC -XX:TieredStopAtLevel=1
spark.driver.extraJavaOptions -XX:+UseSerialGC -XX:TieredStopAtLevel=1
"""
_LOGGING = """
rootLogger.level = info
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %p %c{1}: %m%n
"""


class Cluster:
    """`master` is its address; `stop` ends its processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.configuration = folder / "conf"
        self.configuration.mkdir(parents=True)
        (self.configuration / "spark-defaults.conf").write_text(DEFAULTS)
        (self.configuration / "log4j2.properties").write_text(_LOGGING)
        self._processes: list[subprocess.Popen] = []
        try:
            self.master = self._start("master.Master", "--port", "0", found=r"(spark://127\.0\.0\.1:\d+)")
            self._start(
                *("worker.Worker", "--port", "0", "--cores", "2", "--memory", _WORKER_MEMORY),
                *("--work-dir", str(folder / "work"), self.master),
                found=r"(Successfully registered with master)",
            )
        except BaseException:
            self.stop()
            raise

    def _start(self, role: str, *options: str, found: str) -> str:
        """Start a part of the cluster; returns what its log says once it is ready."""
        log = self._folder / f"{role}.log"
        words = [
            *(str(_HOME / "bin" / "spark-class"), f"org.apache.spark.deploy.{role}"),
            *("--host", "127.0.0.1", "--webui-port", "0", *options),
        ]
        environment = {
            **os.environ,
            "SPARK_HOME": str(_HOME),
            "SPARK_CONF_DIR": str(self.configuration),
            "SPARK_DAEMON_MEMORY": _DAEMON_MEMORY,
            "SPARK_DAEMON_JAVA_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
        }
        with log.open("w") as out:
            process = subprocess.Popen(words, stdout=out, stderr=out, env=environment)
        self._processes.append(process)
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            told = log.read_text(errors="replace")
            match = re.search(found, told)
            if match:
                return match.group(1)
            if process.poll() is not None:
                raise RuntimeError(f"Spark's {role} ended with {process.returncode}:\n{told[-3000:]}")
            time.sleep(0.1)
        raise RuntimeError(f"Spark's {role} was not ready after {_START_SECONDS} s:\n{told[-3000:]}")

    @property
    def worker_log(self) -> str:
        return (self._folder / "worker.Worker.log").read_text(errors="replace")

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in reversed(self._processes):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
