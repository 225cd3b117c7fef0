"""The door of a web worker: the same as `wsgi`, opened when the worker is warm (warming.py). A cold worker takes nothing."""

from __future__ import annotations

from shuke.project.warming import warm_up
from shuke.project.wsgi import application

__all__ = ["application"]

warm_up()
