"""Alerts are read in Chinese as well, so the catalogues are compiled before the first test."""

from __future__ import annotations

from shuke.project.messages import compile_messages

compile_messages()
