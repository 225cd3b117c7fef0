"""Kernel: money, periods, the clock, verdicts, errors, surrogates, locks and durable files. Imports no other room."""
