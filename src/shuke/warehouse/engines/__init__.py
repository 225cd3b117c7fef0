"""The engines that can answer questions, each behind the same few methods (`base.Engine`). Room-internal."""
